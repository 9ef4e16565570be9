package main

import (
	"bytes"
	"context"
	"fmt"
	"strings"
)

// api is an API that achuan serves, as far as a continued turn needs it.
type api struct {
	name string
	path string // after the scheme and host
	body func(c *conversation, model string) []byte
	key  []byte // the quoted name of the field with a piece of the text
	done []byte // in the line that ends a whole answer
	row  *row
}

var apis = []api{
	{
		"Chat Completions", "/v1/chat/completions", (*conversation).body, contentKey, doneLine,
		&row{"continued turn over Chat Completions, 20 events, c=16", "µs CPU", 0, false},
	},
	{
		"Messages", "/v1/messages", wrapMessages(`{"model":%s,"stream":true,"max_tokens":100000,"messages":[`),
		[]byte(`"text"`), []byte(`"message_stop"`),
		&row{"continued turn over Messages, 20 events, c=16", "µs CPU", 0, false},
	},
	{
		"Responses", "/v1/responses", wrapMessages(`{"model":%s,"stream":true,"store":false,"input":[`),
		[]byte(`"delta"`), []byte(`"response.completed"`),
		&row{"continued turn over Responses, 20 events, c=16", "µs CPU", 0, false},
	},
	{
		"Gemini", "/v1beta/models/" + model + ":streamGenerateContent?alt=sse", contents,
		[]byte(`"text"`), []byte(`"finishReason"`),
		&row{"continued turn over Gemini, 20 events, c=16", "µs CPU", 0, false},
	},
	{
		"Ollama", "/api/chat", wrapMessages(`{"model":%s,"messages":[`), contentKey, []byte(`"done":true`),
		&row{"continued turn over Ollama, 20 events, c=16", "µs CPU", 0, false},
	},
}

func apiRows() (all []*row) {
	for _, a := range apis {
		all = append(all, a.row)
	}
	return all
}

// wrapMessages returns a function that writes a body with the messages as Chat Completions has them. head is what comes
// before, with the model.
func wrapMessages(head string) func(c *conversation, model string) []byte {
	return func(c *conversation, model string) []byte {
		b := make([]byte, 0, len(c.messages)+100)
		b = fmt.Appendf(b, head, encode(model))
		return append(append(b, c.messages...), "]}"...)
	}
}

// inContents writes messages as contents of the Gemini API. A quote inside of a text has a backslash, so nothing in a
// text is replaced.
var inContents = strings.NewReplacer(
	`{"role":"assistant","content":"`, `{"role":"model","parts":[{"text":"`,
	`{"role":"user","content":"`, `{"role":"user","parts":[{"text":"`,
	`"},{"role":"assistant","content":"`, `"}]},{"role":"model","parts":[{"text":"`,
	`"},{"role":"user","content":"`, `"}]},{"role":"user","parts":[{"text":"`,
)

func contents(c *conversation, _ string) []byte {
	body := inContents.Replace(string(c.messages))
	return []byte(`{"contents":[` + strings.TrimSuffix(body, "}") + `}]}]}`)
}

// measureDialects measures a continued turn over each API, in slices that alternate between them.
func (b *bench) measureDialects(ctx context.Context) error {
	achuan := b.find(nameAchuan)
	if achuan == nil {
		return nil
	}
	l := load{mode: modeAtOnce, count: 20, clients: 16, conversations: 96, turns: 16}
	for round := range b.opts.rounds {
		for i := range apis {
			a := &apis[(round+i)%len(apis)]
			t := newTarget(achuan.name, strings.TrimSuffix(achuan.url, "/v1"), achuan.pids...)
			t.key, t.model, t.api = achuan.key, achuan.model, a
			r, err := b.runSlice(ctx, t, l, b.opts.slice)
			if err != nil {
				return fmt.Errorf("%s: %w", a.name, err)
			}
			t.client.CloseIdleConnections()
			b.usages[loadOf{a.row.name, t.name}] = append(b.usages[loadOf{a.row.name, t.name}], r.usage)
			b.add(a.row, achuan, r.cpuPerTurn())
		}
	}
	chat := b.values[apis[0].row][achuan.name]
	for _, a := range apis[1:] {
		b.note("%s / Chat Completions, CPU of a continued turn: %s", a.name, cell(ratios(b.values[a.row][achuan.name], chat), 2))
	}
	return nil
}

// isEnd reports whether a line ends a whole answer.
func (t *target) isEnd(line []byte) bool {
	if t.api != nil {
		return bytes.Contains(line, t.api.done)
	}
	return bytes.HasPrefix(line, doneLine)
}
