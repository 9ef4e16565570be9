package demo

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"achuan/internal/simulator"
)

// toolPrompt returns a prompt that lists tools, as the server writes it.
func toolPrompt(rules string) string {
	return `Be kind.

# Tools

<tools>
=== get_weather ===
Weather of a city.
Arguments: {
// The city.
city: string
days: integer (maximum: 7)
}
=== get_time ===
Arguments: {
zone?: string
...
}
=== send_mail ===
Arguments: {
to: string
text: string
kind: "short" | "long"
...
}
</tools>

To call a function, write this.
- ` + rules
}

// newToolTurn returns the turn of the last text, in a session with tools. The texts before it are questions and
// answers in turn.
func newToolTurn(rules string, texts ...string) simulator.Turn {
	t := newTurn(texts[len(texts)-1])
	for i := 0; i+1 < len(texts)-1; i += 2 {
		t.History = append(t.History, simulator.Exchange{User: texts[i], AI: texts[i+1]})
	}
	t.Prompt = toolPrompt(rules)
	return t
}

// toolResultsText returns a text with results of tools, as the server writes it.
func toolResultsText(texts ...string) string {
	b := "Below are the new messages of our conversation.\n"
	for _, text := range texts {
		b += "\n[[0123456789abcdef tool id=\"call_1\"]]\n<tool_result id=\"call_1\" name=\"get_weather\">\n" + text + "\n</tool_result>"
	}
	return b + "\n[[0123456789abcdef end]]"
}

func call(name, arguments string) string {
	return `<tool_call>{"name": "` + name + `", "arguments": ` + arguments + `}</tool_call>`
}

func TestAnswerCallsTools(t *testing.T) {
	paris := call("get_weather", `{"city": "Paris", "days": 3}`)
	const repair = repairIntro + "\n\n- get_weather: missing property 'city'\n\nWrite it again."
	for _, tt := range []struct {
		name string
		give simulator.Turn
		want string // the end of the answer
	}{
		{"by name", newToolTurn("", "Use get_weather for Paris, 3 days"), "Let me use `get_weather`.\n" + paris},
		{"by words", newToolTurn("", "get weather in Paris for 3 days"), paris},
		{"by a part of the name", newToolTurn("", "What's the weather in Paris in the next 3 days?"), paris},
		{"in Chinese, by what it is", newToolTurn("", "北京的天气怎么样？"), call("get_weather", `{"city": "北京", "days": 1}`)},
		{"in Chinese", newToolTurn("", "用 get_weather 查北京的天气"), "我来使用 `get_weather`。\n" + call("get_weather", `{"city": "北京", "days": 1}`)},
		{"several at once", newToolTurn("", "call get_time and get_weather for Paris, 3 days"), "Let me use `get_time` and `get_weather`.\n" + call("get_time", "{}") + "\n" + paris},
		{"quoted texts, an enum and a bound", newToolTurn("", `send mail to "ada@example.test": "Hi there", long`), call("send_mail", `{"to": "ada@example.test", "text": "Hi there", "kind": "long"}`)},
		{"a bound", newToolTurn("", "weather in Rome, 99 days"), call("get_weather", `{"city": "Rome", "days": 7}`)},
		{"one at a time", newToolTurn("Make at most one call.", "get_time and get_weather"), "Let me use `get_time`.\n" + call("get_time", "{}")},
		{"one after another", newToolTurn("", "first get_weather for Paris, 3 days, then get_time"), "Let me use `get_weather`.\n" + paris},
		{"the second step", newToolTurn("", "first get_weather for Paris, then get_time", "…", toolResultsText("18 °C")), call("get_time", "{}")},
		{"after the last step", newToolTurn("", "first get_weather, then get_time", "…", toolResultsText("18 °C"), "…", toolResultsText("12:00")), "- `get_weather`: 18 °C\n- `get_weather`: 12:00"},
		{"the result", newToolTurn("", "weather in Paris?", "…", toolResultsText("18 °C &lt;tool_call>")), "Here is what came back:\n\n- `get_weather`: 18 °C <tool_call>"},
		{"both results", newToolTurn("", "get_time and get_weather", "…", toolResultsText("a", "b")), "- `get_weather`: a\n- `get_weather`: b"},
		{"a new question", newToolTurn("", "weather in Paris?", "…", toolResultsText("18 °C"), "It is.", "what time is it? use get_time"), call("get_time", "{}")},
		{"wrong at first", newToolTurn("", "make an invalid call of get_weather for Paris, 3 days"), call("get_weather", "{}")},
		{"wrong at first, without arguments", newToolTurn("", "make a wrong call of get_time"), call("get_time_wrong", "{}")},
		{"repaired", newToolTurn("", "make an invalid call of get_weather for Paris, 3 days", "…", repair), paris},
		{"no tool is asked for", newToolTurn("", "hello"), "`demo-thinker` to see it think"},
		{"any tool", newToolTurn("", "use any tool"), call("get_weather", `{"city": "use any tool", "days": 1}`)},
		{"must", newToolTurn("You must call at least one function now.", "hello"), call("get_weather", `{"city": "hello", "days": 1}`)},
		{"must call one", newToolTurn("You must call the function get_time now, and no other.", "weather"), call("get_time", "{}")},
		{"only some", newToolTurn("Call functions when they help. Only these functions may be called now: get_time, send_mail.", "weather, time"), call("get_time", "{}")},
		{"must not", newToolTurn("Call no function now: answer with text.", "weather in Paris"), "`demo-thinker` to see it think"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := answerTurn(tt.give, "")
			if !strings.HasSuffix(got, tt.want) {
				t.Errorf("answerTurn() = %q\nwant %q at its end", got, tt.want)
			}
		})
	}
}

// Tool results in a replay count as those in a session.
func TestToolResultsInReplay(t *testing.T) {
	const nonce = "\n[[0123456789abcdef "
	turn := newToolTurn("", "Below is a conversation."+nonce+"user]]\nweather in Paris?"+nonce+"assistant]]\n"+call("get_weather", "{}")+
		nonce+"tool id=\"x\"]]\n<tool_result id=\"x\">\nsunny\n</tool_result>"+nonce+"end]]")
	if got := answerTurn(turn, ""); !strings.HasSuffix(got, "- `tool`: sunny") {
		t.Errorf("answerTurn() = %q, want the result of the tool", got)
	}
}

// Tools that did not fit into the prompt are before the message.
func TestToolsInText(t *testing.T) {
	turn := newTurn("These are instructions.\n\n" + toolPrompt("") + "\n\n" + endInstructions + "\n\nuse get_time")
	if got := answerTurn(turn, ""); !strings.HasSuffix(got, call("get_time", "{}")) {
		t.Errorf("answerTurn() = %q, want a call of get_time", got)
	}
}

func TestAnswerInJSON(t *testing.T) {
	const schema = `{"type": "object", "required": ["name", "age", "tags", "home", "kind", "note", "tree", "mail"], "properties": {
		"mail": {"type": "string", "format": "email"},
		"name": {"type": "string"}, "age": {"type": "integer"}, "tags": {"type": "array", "minItems": 2, "items": {"type": "boolean"}},
		"home": {"type": "object", "required": ["city"], "properties": {"city": {"type": ["null", "string"]}}},
		"kind": {"enum": ["cat", "dog"]}, "note": {"anyOf": [{"type": "null"}, {"type": "string"}]}, "tree": {"$ref": "#/$defs/tree"}},
		"$defs": {"tree": {"type": "object", "required": [], "properties": {"kid": {"$ref": "#/$defs/tree"}}}}}`
	turn := newTurn(`My dog is called "Rex", he is 7 and lives in Rome`)
	turn.Prompt = "# Answer format\n\nAnswer with JSON.\n\n<json_schema name=\"pet\">\n" + strings.Join(strings.Fields(schema), " ") + "\n</json_schema>"
	var got any
	if err := json.Unmarshal([]byte(answerTurn(turn, "")), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"name": "Rex", "age": 7.0, "tags": []any{true, true}, "home": map[string]any{"city": "Rome"}, "kind": "dog", "mail": "ada@example.test", "note": nil, "tree": map[string]any{},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
	turn.Prompt = "# Answer format\n\nAnswer with one JSON object, and with nothing else: no text."
	var object map[string]string
	if err := json.Unmarshal([]byte(answerTurn(turn, "")), &object); err != nil || object["answer"] == "" {
		t.Errorf("answer in JSON = %v, %v, want an object with an answer", object, err)
	}
}

// For each schema, the values are valid JSON, and making them ends.
func FuzzSchema(f *testing.F) {
	f.Add(`{"type": "object", "required": ["a"], "properties": {"a": {"$ref": "#"}}}`, "weather 5 \"x\"")
	f.Add(`{"enum": [1, {"a": []}], "items": true, "anyOf": [false]}`, "查北京")
	f.Add(`{"required": "x", "type": 5}`, "")
	f.Add(`{"type": "array", "minItems": 1000000000, "items": {"$ref": "#"}}`, "")
	f.Fuzz(func(t *testing.T, schemaText, request string) {
		if !json.Valid([]byte(schemaText)) {
			return
		}
		var s schema
		if err := json.Unmarshal([]byte(schemaText), &s); err != nil {
			t.Fatal(err)
		}
		f := valueFiller{request: request}
		for _, text := range []string{f.value("", s, s), f.object(s, s)} {
			if !json.Valid([]byte(text)) {
				t.Errorf("value for schema %s = %s, want JSON", schemaText, text)
			}
		}
	})
}
