package emulate

import (
	"testing"

	"achuan/internal/chat"
)

// An error tells whether the model was asked to repair its answer.
func TestShaperErrorMessages(t *testing.T) {
	object := newTestPlan(t, func(r *chat.Request) {
		r.Tools, r.Format.Kind, r.Streamed = nil, chat.FormatObject, true
	})
	for _, tt := range []struct {
		name    string
		plan    *Plan
		answers []string
		want    string
	}{
		{"asked about a call", newTestPlan(t, nil), []string{badArg, badArg, badArg},
			"The model called tools wrongly and did not repair it when it was asked to: get_weather: the arguments are not valid: at /city: got number, want string."},
		{"a call that was passed on", newTestPlan(t, func(r *chat.Request) { r.Streamed = true }), []string{badArg},
			"The model called tools wrongly: get_weather: the arguments are not valid: at /city: got number, want string."},
		{"asked about an object", object, []string{"no", "no", "no"},
			"The model's answer does not have the format that was asked for, and it did not repair it when it was asked to: the answer must be a JSON object."},
		{"an object that was passed on", object, []string{`{"a": "b`},
			"The model's answer does not have the format that was asked for: the JSON stops before its end."},
	} {
		s := tt.plan.Shaper()
		var err error
		for _, answer := range tt.answers {
			_, err = s.shapeAll(answer, func(chat.Event) {})
		}
		if err == nil || chat.AsError(err).Message != tt.want {
			t.Errorf("%s: Shape = %v, want %s", tt.name, err, tt.want)
		}
	}
}
