package app_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"achuan/internal/config"
	"achuan/internal/simulator"
)

// A client gets its answer by another name of a model, sees that name in it, and continues its conversation by the
// model's own name. Hidden models are neither listed nor served.
func TestModelNames(t *testing.T) {
	sim := simulator.New(simulator.Options{})
	url := serve(t, sim, func(s *config.Settings) {
		s.Models = []string{"gpt-4o=gpt-5.1-high", "o*=gpt-5.1-high", "-gemini-3-pro-preview"}
	})
	first := send(t, url, `{"model": "gpt-4o", "messages": [{"role": "user", "content": "one"}]}`)
	if first.status != http.StatusOK || !strings.Contains(first.body, `"model":"gpt-4o"`) {
		t.Fatalf("answer = %d %s, want one of gpt-4o", first.status, first.body)
	}
	sim.Script(simulator.Say("Two."))
	second := send(t, url, `{"model": "o3", "messages": [{"role": "user", "content": "one"}, {"role": "assistant", "content": `+
		strconv.Quote(sim.Turns()[0].Answer)+`}, {"role": "user", "content": "two"}]}`)
	turns := sim.Turns()
	if len(turns) != 2 || turns[1].SessionID != turns[0].SessionID || turns[0].Model != "gpt-5.1-high" || !strings.Contains(second.body, `"model":"o3"`) {
		t.Errorf("turns = %+v after %s, want two of gpt-5.1-high in one session", turns, second.body)
	}
	if got := send(t, url, `{"model": "gemini-3-pro-preview", "messages": [{"role": "user", "content": "x"}]}`); got.status != http.StatusBadRequest {
		t.Errorf("hidden model = %d %s, want 400", got.status, got.body)
	}
	_, list := exchange(t, http.MethodGet, url+"/v1/models", "")
	if !strings.Contains(list, `"id":"gpt-4o"`) || strings.Contains(list, `"id":"gemini-3-pro-preview"`) || strings.Contains(list, `"o*"`) {
		t.Errorf("models = %s", list)
	}
	if res, one := exchange(t, http.MethodGet, url+"/v1/models/gpt-4o", ""); res.StatusCode != http.StatusOK || !strings.Contains(one, `"id":"gpt-4o"`) {
		t.Errorf("model = %s %s", res.Status, one)
	}
}
