package doctor

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// askTime bounds one question: pictures take minutes.
const askTime = 6 * time.Minute

// noModel asks for what costs nothing.
const noModel = `{"model":"achuan-doctor-asks-for-none","messages":[{"role":"user","content":"x"}]}`

// checkErrors: what is wrong is told as such, by status, type and code, through
// everything that stands between this and the server. No question reaches the
// platform, and none costs points.
func (d *doctor) checkErrors(ctx context.Context) Line {
	if d.server == nil {
		return skip("%v", errNoServer)
	}
	key := d.server.key()
	wrong := []struct {
		what, method, path, key, body string
		status                        int
		code                          string
	}{
		{"an unknown model", http.MethodPost, "/v1/chat/completions", key, noModel, 400, "model_not_found"},
		{"the same, streamed", http.MethodPost, "/v1/chat/completions", key, `{"model":"achuan-doctor-asks-for-none","stream":true,"messages":[{"role":"user","content":"x"}]}`, 400, "model_not_found"},
		{"broken JSON", http.MethodPost, "/v1/chat/completions", key, `{"model":`, 400, "invalid_json"},
		{"an unknown path", http.MethodGet, "/v1/achuan-doctor", key, "", 404, "not_found"},
	}
	for _, w := range wrong {
		var body []byte
		if w.body != "" {
			body = []byte(w.body)
		}
		r, err := d.server.ask(ctx, w.method, w.path, w.key, body)
		if err != nil {
			return fail("check that achuan serves, or could: its log says why not", "%v", err)
		}
		got := errorCode(r.body)
		switch {
		case r.status == http.StatusUnauthorized && got != "":
			return fail("give a client key of the server: --key, or ACHUAN_KEY", "%s takes no question: %s", d.server.url, got)
		case r.status != w.status || got != w.code:
			return fail("if a proxy stands before achuan, it must pass statuses and bodies on as they are (deploy/nginx, deploy/caddy)",
				"%s came to HTTP %d with the code %q, not %d %q", w.what, r.status, got, w.status, w.code)
		}
	}
	return ok("failures have their status and code")
}

// errorCode is the code in an error's body, "" when that has another shape.
func errorCode(body []byte) string {
	var e struct {
		Error struct{ Type, Message, Code string }
	}
	if json.Unmarshal(body, &e) != nil || e.Error.Message == "" || e.Error.Type == "" {
		return ""
	}
	return e.Error.Code
}

// checkModels: each answers, streamed and whole.
func (d *doctor) checkModels(ctx context.Context) Line {
	if !d.Models {
		return skip("not asked, because questions cost points").but("achuan doctor --models asks every model twice")
	}
	models, err := d.models(ctx)
	if err != nil {
		return fail("see the other lines: the server must answer before its models can", "%v", err)
	}
	if d.Confirm != nil && !d.Confirm(2*len(models), len(models)) {
		return skip("not asked: nobody said yes").but("say yes, or use --yes")
	}
	var faults []string
	for _, m := range models {
		for _, stream := range []bool{false, true} {
			if err := d.question(ctx, m, stream); err != nil {
				faults = append(faults, fmt.Sprintf("%s, %s: %v", m, map[bool]string{true: "streamed", false: "whole"}[stream], err))
			}
		}
	}
	if len(faults) > 0 {
		return fail("use other models, or ask the platform's operator about these; what each code means is in docs/deployment.md", "%s", strings.Join(faults, "; "))
	}
	return ok("%d models answer, streamed and whole", len(models))
}

// models are those that are served.
func (d *doctor) models(ctx context.Context) ([]string, error) {
	if d.server == nil {
		return nil, errNoServer
	}
	// A server that has just started knows the platform's models once it has refused
	// one that nobody has.
	if _, err := d.server.ask(ctx, http.MethodPost, "/v1/chat/completions", d.server.key(), []byte(noModel)); err != nil {
		return nil, err
	}
	r, err := d.server.ask(ctx, http.MethodGet, "/v1/models", d.server.key(), nil)
	if err != nil {
		return nil, err
	}
	var list struct{ Data []struct{ ID string } }
	if err := json.Unmarshal(r.body, &list); err != nil || len(list.Data) == 0 {
		return nil, fmt.Errorf("the list of models came to HTTP %d %s", r.status, errorCode(r.body))
	}
	var ids []string
	for _, m := range list.Data {
		ids = append(ids, m.ID)
	}
	return ids, nil
}

// question asks a model, and deletes the session that it was asked in.
func (d *doctor) question(ctx context.Context, model string, stream bool) error {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	body, err := json.Marshal(map[string]any{
		"model": model, "stream": stream,
		"messages": []map[string]string{{"role": "user", "content": "Reply with the single word OK."}},
	})
	if err != nil {
		return err
	}
	r, err := d.server.ask(ctx, http.MethodPost, "/v1/chat/completions", d.server.key(), body)
	if err != nil {
		return err
	}
	if session := r.header.Get("X-Session-Id"); session != "" {
		// One that stays is cleaned up when its time has come.
		_, _ = d.server.ask(ctx, http.MethodDelete, "/v1/sessions/"+session, d.server.key(), nil)
	}
	switch {
	case r.status != http.StatusOK:
		return fmt.Errorf("HTTP %d %s", r.status, errorCode(r.body))
	case stream:
		return wholeStream(r.body)
	}
	var whole struct {
		Choices []struct{ Message struct{ Content string } }
	}
	if err := json.Unmarshal(r.body, &whole); err != nil || len(whole.Choices) == 0 || whole.Choices[0].Message.Content == "" {
		return errors.New("an answer without text")
	}
	return nil
}

// wholeStream tells whether a stream has text and a proper end.
func wholeStream(body []byte) error {
	text := false
	for line := range bytes.Lines(body) {
		data, is := bytes.CutPrefix(bytes.TrimSpace(line), []byte("data: "))
		if !is || bytes.Equal(data, []byte("[DONE]")) {
			continue
		}
		var chunk struct {
			Error   struct{ Code string }
			Choices []struct{ Delta struct{ Content string } }
		}
		if err := json.Unmarshal(data, &chunk); err != nil {
			return errors.New("an event that is no JSON")
		}
		if chunk.Error.Code != "" {
			return errors.New(chunk.Error.Code)
		}
		text = text || len(chunk.Choices) > 0 && chunk.Choices[0].Delta.Content != ""
	}
	switch {
	case !bytes.HasSuffix(body, []byte("data: [DONE]\n\n")):
		return errors.New("a stream without its end")
	case !text:
		return errors.New("a stream without text")
	}
	return nil
}
