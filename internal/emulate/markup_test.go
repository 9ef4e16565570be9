package emulate

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"achuan/internal/chat"
)

// A value in markup is text where the schema names no type of it and allows only that.
func TestMarkupValues(t *testing.T) {
	for _, tt := range []struct{ name, answer, want string }{
		{"a number that must be text", "<function=f><parameter=text>12345</parameter></function>", `call 0 f {"text": "12345"}`},
		{"a word that must be text", "<function=f><parameter=text>true</parameter></function>", `call 0 f {"text": "true"}`},
		{"null that may be null", "<function=f><parameter=text>null</parameter></function>", `call 0 f {"text": null}`},
		{"a digit of an enum of texts", "<tool_call>f<arg_key>level</arg_key><arg_value>1</arg_value></tool_call>", `call 0 f {"level": "1"}`},
		{"a list among texts", "<function=f><parameter=text>5</parameter><parameter=list>[1]</parameter><parameter=level>2</parameter></function>",
			`call 0 f {"text": "5", "list": [1], "level": "2"}`},
		{"a value that nothing allows", "<function=f><parameter=level>3</parameter></function>", "asked again"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			plan := newTestPlan(t, func(r *chat.Request) {
				r.Tools = []chat.Tool{{Name: "f", Parameters: []byte(`{"type": "object", "properties": {"text": {"anyOf": [{"type": "string"}, {"type": "null"}]},
					"level": {"enum": ["1", "2"]}, "list": {"anyOf": [{"type": "array"}, {"type": "null"}]}}}`)}}
			})
			client, _ := runConversation(plan, tt.answer)
			if diff := cmp.Diff(tt.want, client[0]); diff != "" {
				t.Errorf("runConversation(%q) (-want +got):\n%s", tt.answer, diff)
			}
		})
	}
}
