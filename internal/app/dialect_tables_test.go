package app_test

import (
	"strings"
	"testing"

	"achuan/internal/anthropic"
	"achuan/internal/dialect"
	"achuan/internal/gemini"
	"achuan/internal/golden"
	"achuan/internal/ollama"
	"achuan/internal/openai"
	"achuan/internal/responses"
)

// docs/dialects.md has the tables of parameters of all dialects. With -update, the test writes it.
func TestDialectTables(t *testing.T) {
	var b strings.Builder
	b.WriteString(`# Parameters of the dialects

What achuan does with each parameter: it is honoured, ignored (accepted, without effect) or refused (400
` + "`unsupported_parameter`" + `, because the answer could not follow it). Other keys are ignored and counted. A test writes
this page from the code: ` + "`go test ./internal/app -run TestDialectTables -update`" + `. [Clients](clients.md) says how to
connect programs that speak these APIs.
`)
	for _, d := range []struct {
		name, routes string
		parameters   []dialect.Parameter
	}{
		{"OpenAI Chat Completions", "`POST /v1/chat/completions`", openai.Parameters()},
		{"OpenAI Responses", "`POST /v1/responses`, `POST /v1/responses/input_tokens`", responses.Parameters()},
		{"Anthropic Messages", "`POST /v1/messages`, `POST /v1/messages/count_tokens`", anthropic.Parameters()},
		{"Google Gemini", "`POST /v1beta/models/{model}:generateContent`, `:streamGenerateContent`, `:countTokens`; the same under `/v1alpha`", gemini.Parameters()},
		{"Ollama chat", "`POST /api/chat`", ollama.Parameters(false)},
		{"Ollama generate", "`POST /api/generate`", ollama.Parameters(true)},
	} {
		b.WriteString("\n## " + d.name + "\n\n" + d.routes + "\n\n| parameter | use | |\n|---|---|---|\n")
		for _, p := range d.parameters {
			use := string(p.Use)
			if p.Required {
				use += ", required"
			}
			b.WriteString("| `" + p.Name + "` | " + use + " | " + p.Why + " |\n")
		}
	}
	golden.CheckFile(t, "../../docs/dialects.md", b.String())
}
