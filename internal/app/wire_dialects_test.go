package app_test

import (
	"encoding/json"
	"fmt"
	"strings"
)

// wireDialect writes chats in the JSON of an API, and reads its answers.
type wireDialect struct {
	path string
	body func(e *wireEncoder, messages []saidMessage) map[string]any
	read func(w *dialectWorld, body []byte) saidMessage
}

var wireDialects = []*wireDialect{
	{"/v1/chat/completions", chatBody, readChat},
	{"/v1/messages", messagesBody, readMessages},
	{"/v1/responses", responsesBody, readResponses},
	{"/v1beta/models/gpt-5.1-high:generateContent", geminiBody, readGemini},
}

// wireEncoder writes one request. It draws the changes that clients make each time they send something.
type wireEncoder struct {
	*dialectWorld
	d *wireDialect
}

type object = map[string]any

// arguments writes the arguments of a call. L1 and L2: other spaces, escapes, spellings of numbers and orders of keys.
func (e *wireEncoder) arguments(c saidCall) json.RawMessage {
	forms := []string{
		"{\"x\":\"%s é\",\"n\":%d}", "{ \"n\" : %[2]d.0,\n\"x\": \"%[1]s \\u00e9\"}", "{\"n\":99,\"x\":\"%[1]s é\",\"n\":%[2]de0}",
	}
	return json.RawMessage(fmt.Sprintf(forms[e.among("arguments", len(forms))], c.mark, c.n))
}

func (e *wireEncoder) among(name string, n int) int {
	for i := range n - 1 {
		if e.chance(name, n-i) {
			return i
		}
	}
	return n - 1
}

// answerText writes the text of an answer. L8: with other white space around it.
func (e *wireEncoder) answerText(text string) string {
	if e.chance("white space", 3) {
		return "\n " + text + " \n"
	}
	return text
}

// results writes the results of calls. L4 and L5: in another order, or one of them twice.
func (e *wireEncoder) results(results []saidResult) []saidResult {
	all := append([]saidResult(nil), results...)
	if len(all) > 1 && e.chance("results swapped", 3) {
		all[0], all[1] = all[1], all[0]
	}
	if len(all) > 0 && e.chance("results twice", 4) {
		all = append(all, all...)
	}
	return all
}

// content writes a text as a string or as parts of a type: L9.
func (e *wireEncoder) content(kind, text string) any {
	if !e.chance("parts", 2) {
		return text
	}
	part := object{"type": kind, "text": text}
	if kind == "text" && strings.HasPrefix(e.d.path, "/v1/messages") && e.chance("cache_control", 2) {
		part["cache_control"] = object{"type": "ephemeral"}
	}
	return []any{part}
}

var lookSchema = object{"type": "object", "properties": object{"x": object{"type": "string"}, "n": object{"type": "number"}}}

func chatBody(e *wireEncoder, messages []saidMessage) object {
	list := []any{object{"role": "system", "content": "Be brief."}}
	for i, m := range messages {
		for _, r := range e.results(m.results) {
			list = append(list, object{"role": "tool", "tool_call_id": "call_" + r.id, "content": e.content("text", r.text)})
		}
		if i%2 == 0 {
			if m.text != "" {
				list = append(list, object{"role": "user", "content": e.content("text", m.text)})
			}
			continue
		}
		answer := object{"role": "assistant", "content": e.answerText(m.text)}
		if e.chance("reasoning", 2) {
			answer["reasoning_content"] = "hm"
		}
		var calls []any
		for _, c := range m.calls {
			calls = append(calls, object{"id": "call_" + c.id, "type": "function", "function": object{"name": "look", "arguments": string(e.arguments(c))}})
		}
		if calls != nil {
			answer["tool_calls"] = calls
		}
		list = append(list, answer)
	}
	tool := object{"type": "function", "function": object{"name": "look", "parameters": lookSchema}}
	return object{"model": "gpt-5.1-high", "messages": list, "tools": []any{tool}}
}

func readChat(w *dialectWorld, body []byte) (m saidMessage) {
	var answer struct {
		Choices []struct {
			Message struct {
				Content   string
				ToolCalls []struct {
					ID       string
					Function struct{ Arguments string }
				} `json:"tool_calls"`
			}
		}
	}
	w.unmarshal(body, &answer)
	m.text = answer.Choices[0].Message.Content
	for _, c := range answer.Choices[0].Message.ToolCalls {
		m.calls = append(m.calls, w.readCall(c.ID, []byte(c.Function.Arguments)))
	}
	return m
}

func (w *dialectWorld) unmarshal(body []byte, to any) {
	if err := json.Unmarshal(body, to); err != nil {
		w.Fatalf("%s: %v", body, err)
	}
}

func (w *dialectWorld) readCall(id string, arguments []byte) saidCall {
	var a struct {
		X string
		N int
	}
	w.unmarshal(arguments, &a)
	_, id, _ = strings.Cut(id, "_")
	return saidCall{id, strings.TrimSuffix(a.X, " é"), a.N}
}

func messagesBody(e *wireEncoder, messages []saidMessage) object {
	var list []any
	for i, m := range messages {
		var blocks []any
		for _, r := range e.results(m.results) {
			blocks = append(blocks, object{"type": "tool_result", "tool_use_id": "toolu_" + r.id, "content": e.content("text", r.text)})
		}
		if i%2 == 0 {
			if m.text != "" && blocks == nil {
				list = append(list, object{"role": "user", "content": e.content("text", m.text)})
				continue
			}
			if m.text != "" {
				blocks = append(blocks, object{"type": "text", "text": m.text})
			}
			list = append(list, object{"role": "user", "content": blocks})
			continue
		}
		for _, c := range m.calls {
			blocks = append(blocks, object{"type": "tool_use", "id": "toolu_" + c.id, "name": "look", "input": e.arguments(c)})
		}
		if text := (object{"type": "text", "text": e.answerText(m.text)}); e.chance("text after calls", 3) { // L6
			blocks = append(blocks, text)
		} else {
			blocks = append([]any{text}, blocks...)
		}
		if e.chance("thinking", 2) { // L7
			blocks = append([]any{object{"type": "thinking", "thinking": "hm", "signature": "s"}}, blocks...)
		}
		list = append(list, object{"role": "assistant", "content": blocks})
	}
	system := []any{object{"type": "text", "text": "Be brief."}}
	if e.chance("billing line", 2) { // L14
		system = append([]any{object{"type": "text", "text": "x-anthropic-billing-header: cc_version=2.1; cc_entrypoint=cli;"}}, system...)
	}
	return object{
		"model": "gpt-5.1-high", "max_tokens": 1000, "system": system, "messages": list,
		"tools": []any{object{"name": "look", "input_schema": lookSchema}},
	}
}

func readMessages(w *dialectWorld, body []byte) (m saidMessage) {
	var answer struct {
		Content []struct {
			Type, Text, ID string
			Input          json.RawMessage
		}
	}
	w.unmarshal(body, &answer)
	for _, b := range answer.Content {
		switch b.Type {
		case "text":
			m.text += b.Text
		case "tool_use":
			m.calls = append(m.calls, w.readCall(b.ID, b.Input))
		}
	}
	return m
}

func responsesBody(e *wireEncoder, messages []saidMessage) object {
	var list []any
	for i, m := range messages {
		for _, r := range e.results(m.results) {
			list = append(list, object{"type": "function_call_output", "call_id": "call_" + r.id, "output": e.content("input_text", r.text)})
		}
		if i%2 == 0 {
			if m.text != "" {
				list = append(list, object{"role": "user", "content": e.content("input_text", m.text)})
			}
			continue
		}
		if e.chance("reasoning item", 2) { // L7
			list = append(list, object{"type": "reasoning", "id": "rs_1", "summary": []any{object{"type": "summary_text", "text": "hm"}}})
		}
		text := object{"type": "message", "role": "assistant", "content": e.content("output_text", e.answerText(m.text))}
		isLast := e.chance("text after calls", 3) // L6
		if !isLast {
			list = append(list, text)
		}
		for _, c := range m.calls {
			list = append(list, object{"type": "function_call", "call_id": "call_" + c.id, "name": "look", "arguments": string(e.arguments(c))})
		}
		if isLast {
			list = append(list, text)
		}
	}
	return object{
		"model": "gpt-5.1-high", "instructions": "Be brief.", "input": list,
		"tools": []any{object{"type": "function", "name": "look", "parameters": lookSchema}},
	}
}

func readResponses(w *dialectWorld, body []byte) (m saidMessage) {
	var answer struct {
		Output []struct {
			Type, Arguments string
			CallID          string `json:"call_id"`
			Content         []struct{ Text string }
		}
	}
	w.unmarshal(body, &answer)
	for _, item := range answer.Output {
		switch item.Type {
		case "message":
			m.text += item.Content[0].Text
		case "function_call":
			m.calls = append(m.calls, w.readCall(item.CallID, []byte(item.Arguments)))
		}
	}
	return m
}

func geminiBody(e *wireEncoder, messages []saidMessage) object {
	var list []any
	for i, m := range messages {
		var parts []any
		for _, r := range e.results(m.results) {
			parts = append(parts, object{"functionResponse": object{"id": "call_" + r.id, "name": "look", "response": object{"output": r.text}}})
		}
		if i%2 == 0 {
			if m.text != "" {
				parts = append(parts, object{"text": m.text})
			}
			list = append(list, object{"role": "user", "parts": parts})
			continue
		}
		if e.chance("thought", 2) { // L7
			parts = append(parts, object{"text": "hm", "thought": true})
		}
		text := e.answerText(m.text)
		if e.chance("split contents", 3) { // L6: a content for each piece of a stream
			list = append(list, object{"role": "model", "parts": []any{object{"text": text[:4]}}})
			text = text[4:]
		}
		parts = append(parts, object{"text": text})
		for _, c := range m.calls {
			parts = append(parts, object{"functionCall": object{"id": "call_" + c.id, "name": "look", "args": e.arguments(c)}})
		}
		list = append(list, object{"role": "model", "parts": parts})
	}
	tool := object{"functionDeclarations": []any{object{"name": "look", "parameters": lookSchema}}}
	return object{"systemInstruction": object{"parts": []any{object{"text": "Be brief."}}}, "contents": list, "tools": []any{tool}}
}

func readGemini(w *dialectWorld, body []byte) (m saidMessage) {
	var answer struct {
		Candidates []struct {
			Content struct {
				Parts []struct {
					Text         string
					Thought      bool
					FunctionCall *struct {
						ID   string
						Args json.RawMessage
					}
				}
			}
		}
	}
	w.unmarshal(body, &answer)
	for _, p := range answer.Candidates[0].Content.Parts {
		switch {
		case p.FunctionCall != nil:
			m.calls = append(m.calls, w.readCall(p.FunctionCall.ID, p.FunctionCall.Args))
		case !p.Thought:
			m.text += p.Text
		}
	}
	return m
}
