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

// questionTimeout bounds one question: image models take minutes.
const questionTimeout = 6 * time.Minute

// Requests for a model that does not exist: the server refuses them without asking the platform, so they cost nothing.
const (
	unknownModel         = `{"model":"achuan-doctor-asks-for-none","messages":[{"role":"user","content":"x"}]}`
	unknownModelStreamed = `{"model":"achuan-doctor-asks-for-none","stream":true,"messages":[{"role":"user","content":"x"}]}`
)

// badRequests are requests that the server refuses, with the error that it returns.
var badRequests = []struct {
	name, method, path, body string
	status                   int
	code                     string
}{
	{"an unknown model", http.MethodPost, "/v1/chat/completions", unknownModel, 400, "model_not_found"},
	{"an unknown model with streaming", http.MethodPost, "/v1/chat/completions", unknownModelStreamed, 400, "model_not_found"},
	{"broken JSON", http.MethodPost, "/v1/chat/completions", `{"model":`, 400, "invalid_json"},
	{"an unknown path", http.MethodGet, "/v1/achuan-doctor", "", 404, "not_found"},
}

// checkErrors checks that errors arrive with their status, type and code through every proxy between here and
// the server. No request reaches the platform, so none costs points.
func (d *doctor) checkErrors(ctx context.Context) Line {
	if d.server == nil {
		return skip("%v", errNoServer)
	}
	for _, bad := range badRequests {
		var body []byte
		if bad.body != "" {
			body = []byte(bad.body)
		}
		r, err := d.server.send(ctx, bad.method, bad.path, d.server.clientKey(), body)
		if err != nil {
			return fail("check that achuan serves, or can start: its log says why not", "%v", err)
		}
		got := errorCode(r.body)
		switch {
		case r.status == http.StatusUnauthorized && got != "":
			return fail("give a client key of the server: --key, or ACHUAN_KEY", "%s refuses the client key: %s", d.server.url, got)
		case r.status != bad.status || got != bad.code:
			return fail("a proxy in front of achuan must pass statuses and bodies unchanged (see deploy/nginx, deploy/caddy)",
				"%s returned HTTP %d with the code %q, not %d %q", bad.name, r.status, got, bad.status, bad.code)
		}
	}
	return ok("errors have the right status and code")
}

// errorCode returns the code in an error body, "" when the body has another shape.
func errorCode(body []byte) string {
	var e struct {
		Error struct{ Type, Message, Code string }
	}
	if json.Unmarshal(body, &e) != nil || e.Error.Message == "" || e.Error.Type == "" {
		return ""
	}
	return e.Error.Code
}

// checkModels asks every served model twice: streamed and whole.
func (d *doctor) checkModels(ctx context.Context) Line {
	if !d.AskModels {
		return skip("not asked, because questions cost points").withRemedy("achuan doctor --models asks every model twice")
	}
	models, err := d.listModels(ctx)
	if err != nil {
		return fail("see the other lines: the server must answer before its models can", "%v", err)
	}
	if d.Confirm != nil && !d.Confirm(2*len(models), len(models)) {
		return skip("not asked: nobody said yes").withRemedy("say yes, or use --yes")
	}
	var faults []string
	for _, model := range models {
		if err := d.askModel(ctx, model, false); err != nil {
			faults = append(faults, fmt.Sprintf("%s, whole: %v", model, err))
		}
		if err := d.askModel(ctx, model, true); err != nil {
			faults = append(faults, fmt.Sprintf("%s, streamed: %v", model, err))
		}
	}
	if len(faults) > 0 {
		return fail("use other models, or ask the platform's operator about these; docs/deployment.md explains each code",
			"%s", strings.Join(faults, "; "))
	}
	return ok("%d models answer, streamed and whole", len(models))
}

// listModels returns the ids of the served models.
func (d *doctor) listModels(ctx context.Context) ([]string, error) {
	if d.server == nil {
		return nil, errNoServer
	}
	// A server that has just started loads the platform's models when it must refuse an unknown one.
	if _, err := d.server.send(ctx, http.MethodPost, "/v1/chat/completions", d.server.clientKey(), []byte(unknownModel)); err != nil {
		return nil, err
	}
	r, err := d.server.send(ctx, http.MethodGet, "/v1/models", d.server.clientKey(), nil)
	if err != nil {
		return nil, err
	}
	var list struct{ Data []struct{ ID string } }
	if err := json.Unmarshal(r.body, &list); err != nil || len(list.Data) == 0 {
		return nil, fmt.Errorf("the list of models returned HTTP %d %s", r.status, errorCode(r.body))
	}
	var ids []string
	for _, m := range list.Data {
		ids = append(ids, m.ID)
	}
	return ids, nil
}

// askModel asks a model one question and deletes its session afterwards.
func (d *doctor) askModel(ctx context.Context, model string, stream bool) error {
	ctx, cancel := context.WithTimeout(ctx, questionTimeout)
	defer cancel()
	body, err := json.Marshal(map[string]any{
		"model": model, "stream": stream,
		"messages": []map[string]string{{"role": "user", "content": "Reply with the single word OK."}},
	})
	if err != nil {
		return err
	}
	r, err := d.server.send(ctx, http.MethodPost, "/v1/chat/completions", d.server.clientKey(), body)
	if err != nil {
		return err
	}
	if session := r.header.Get("X-Session-Id"); session != "" {
		// When this fails, the server's cleanup deletes the session later.
		_, _ = d.server.send(ctx, http.MethodDelete, "/v1/sessions/"+session, d.server.clientKey(), nil)
	}
	switch {
	case r.status != http.StatusOK:
		return fmt.Errorf("HTTP %d %s", r.status, errorCode(r.body))
	case stream:
		return checkStream(r.body)
	}
	var answer struct {
		Choices []struct{ Message struct{ Content string } }
	}
	if err := json.Unmarshal(r.body, &answer); err != nil || len(answer.Choices) == 0 || answer.Choices[0].Message.Content == "" {
		return errors.New("an answer without text")
	}
	return nil
}

// checkStream checks that a streamed answer has text and a regular end.
func checkStream(body []byte) error {
	hasText := false
	for line := range bytes.Lines(body) {
		data, isData := bytes.CutPrefix(bytes.TrimSpace(line), []byte("data: "))
		if !isData || bytes.Equal(data, []byte("[DONE]")) {
			continue
		}
		var chunk struct {
			Error   struct{ Code string }
			Choices []struct{ Delta struct{ Content string } }
		}
		if err := json.Unmarshal(data, &chunk); err != nil {
			return errors.New("an event that is not JSON")
		}
		if chunk.Error.Code != "" {
			return errors.New(chunk.Error.Code)
		}
		hasText = hasText || len(chunk.Choices) > 0 && chunk.Choices[0].Delta.Content != ""
	}
	switch {
	case !bytes.HasSuffix(body, []byte("data: [DONE]\n\n")):
		return errors.New("a stream without an end")
	case !hasText:
		return errors.New("a stream without text")
	}
	return nil
}
