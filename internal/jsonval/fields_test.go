package jsonval

import (
	"slices"
	"strconv"
	"strings"
	"testing"
)

// faultText returns the path and the detail of a fault, or "" for nil.
func faultText(f *Fault) string {
	if f == nil {
		return ""
	}
	return f.Path + ": " + f.Detail
}

func TestReadFields(t *testing.T) {
	for _, tt := range []struct {
		name, give string
		want       string // as of faultText
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
			if got := faultText(f); got != tt.want {
				t.Errorf("ReadFields(%s) = %q, want %q", tt.give, got, tt.want)
			}
			if f == nil && (text != "ab" || !isSet || string(anyValue) != "[1]") {
				t.Errorf("ReadFields(%s) reads %q, %t, %s, want ab, true, [1]", tt.give, text, isSet, anyValue)
			}
		})
	}
}

func TestReadElements(t *testing.T) {
	for _, tt := range []struct {
		give       string
		list       List
		read, want string // read are the elements, want is as of faultText
	}{
		{`["a", "b"]`, List{Expected: "a list"}, "ab", ""},
		{`["a", "b"]`, List{Expected: "a list", Max: 2, Elements: "letters"}, "ab", ""},
		{`["a", "b", 3]`, List{Expected: "a list", Max: 2, Elements: "letters"}, "ab", ": expected at most 2 letters, but got more"},
		{`["a", 2, "c", 4]`, List{Expected: "a list"}, "a", "[1]: expected a string, but got a number"},
		{`[]`, List{Expected: "a list"}, "", ""},
		{`{}`, List{Expected: "a list"}, "", ": expected a list, but got an object"},
		{``, List{Expected: "a list"}, "", ": expected a list, but got nothing"},
	} {
		read := ""
		f := Value(tt.give).ReadElements(tt.list, func(i int, e Value) *Fault {
			text, f := e.AsString()
			if want := strings.Index("abc", text); f == nil && i != want {
				t.Errorf("ReadElements(%s) gives %q the index %d, want %d", tt.give, text, i, want)
			}
			read += text
			return f
		})
		if got := faultText(f); got != tt.want || read != tt.read {
			t.Errorf("ReadElements(%s) = %q with the elements %q, want %q with %q", tt.give, got, read, tt.want, tt.read)
		}
	}
}

func TestCheckObject(t *testing.T) {
	for give, want := range map[string]string{
		`{"a": 1}`: "",
		"":         ": expected a thing, but got nothing",
		"null":     ": expected a thing, but got null",
		"[]":       ": expected a thing, but got an array",
	} {
		if got := faultText(Value(give).CheckObject("a thing")); got != want {
			t.Errorf("CheckObject(%s) = %q, want %q", give, got, want)
		}
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
			t.Errorf("unknown key = %q, want whole characters of at most %d bytes", name, MaxShown)
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
