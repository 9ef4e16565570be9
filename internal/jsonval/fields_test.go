package jsonval

import (
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestReadFields(t *testing.T) {
	for _, tt := range []struct {
		name, give string
		want       string // path and detail of the fault, "" for none
	}{
		{"all fields", `{"flag": true, "text": "a\u0062", "any": [1], "known": 1}`, ""},
		{"the last of two counts", `{"text": 1, "text": "ab", "flag": true, "any": [1]}`, ""},
		{"no object", `[]`, ": expected an object, but got an array"},
		{"required and absent", `{}`, "text: expected a text, but got nothing"},
		{"required and null", `{"text": null}`, "text: expected a text, but got null"},
		{"wrong type", `{"text": 1}`, "text: expected a string, but got a number"},
		{"the order of the table decides", `{"flag": 1, "text": 2}`, "text: expected a string, but got a number"},
		{"wrong type of a boolean", `{"flag": "true", "text": ""}`, "flag: expected a boolean, but got a string"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var text string
			var isSet bool
			var anyValue Value
			f := Value(tt.give).ReadFields(nil, "",
				Field{Name: "text", Text: &text, Required: "a text"},
				Field{Name: "flag", Bool: &isSet},
				Field{Name: "any", Value: &anyValue},
				Field{Name: "known"})
			got := ""
			if f != nil {
				got = f.Path + ": " + f.Detail
			} else if text != "ab" || !isSet || string(anyValue) != "[1]" {
				t.Errorf("ReadFields(%s) reads %q, %t, %s, want ab, true, [1]", tt.give, text, isSet, anyValue)
			}
			if got != tt.want {
				t.Errorf("ReadFields(%s) = %q, want %q", tt.give, got, tt.want)
			}
		})
	}
}

func TestReadFieldsCollectsUnknownKeys(t *testing.T) {
	var unknown UnknownKeys
	for _, object := range []string{`{"b": 1, "a": {}}`, `{"c": 1, "b": [2], "known": 3}`} {
		if f := Value(object).ReadFields(&unknown, "x.", Field{Name: "known"}); f != nil {
			t.Fatalf("ReadFields(%s) = %+v, want nil", object, f)
		}
	}
	if want := []string{"x.b", "x.a", "x.c"}; !slices.Equal(unknown.Names, want) {
		t.Errorf("unknown keys = %q, want %q", unknown.Names, want)
	}
	for i := range 2 * maxUnknown {
		unknown.Add("", []byte(strconv.Itoa(i)+strings.Repeat("你", i)))
	}
	if n := len(unknown.Names); n != maxUnknown {
		t.Errorf("unknown keys = %d names, want %d", n, maxUnknown)
	}
	for _, name := range unknown.Names {
		if len(name) > MaxShown || strings.ToValidUTF8(name, "") != name {
			t.Errorf("unknown key %q, want whole characters of at most %d bytes", name, MaxShown)
		}
	}
}

// Requests have thousands of messages, each of which is read with ReadFields.
func TestReadFieldsAllocatesNothing(t *testing.T) {
	object := Value(`{"role": "user", "content": "hi", "unknown": 1}`)
	var unknown UnknownKeys
	read := func() {
		var role, content Value
		isUser := false
		f := object.ReadFields(&unknown, "messages[].",
			Field{Name: "role", Value: &role, Read: func(v Value) *Fault { isUser = string(v.Bytes()) == "user"; return nil }},
			Field{Name: "content", Value: &content})
		if f != nil || !isUser || len(content) == 0 {
			t.Fatalf("ReadFields(%s) = %+v, role %s, content %s, want no fault", object, f, role, content)
		}
	}
	read()
	if n := testing.AllocsPerRun(100, read); n > 0 {
		t.Errorf("ReadFields allocates %v times, want 0", n)
	}
}
