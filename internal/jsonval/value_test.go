package jsonval

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// generic decodes a value as json.Unmarshal does into an any.
func generic(t *testing.T, v Value) any {
	switch v.Kind() {
	case Object:
		m := map[string]any{}
		for key, e := range v.Members() {
			m[string(key)] = generic(t, e)
		}
		return m
	case Array:
		list := []any{}
		for i, e := range v.Elements() {
			if i != len(list) {
				t.Fatalf("Elements() = index %d after %d elements, want %d", i, len(list), len(list))
			}
			list = append(list, generic(t, e))
		}
		if v.IsEmpty() != (len(list) == 0) {
			t.Errorf("IsEmpty(%q) = %v, want %v", v, v.IsEmpty(), len(list) == 0)
		}
		return list
	case String:
		return v.Text()
	case Number:
		x, f := v.AsNumber(-math.MaxFloat64, math.MaxFloat64)
		if f != nil {
			t.Errorf("AsNumber(%q) = %+v, want no fault", v, f)
		}
		return x
	case Bool:
		b, f := v.AsBool()
		if f != nil {
			t.Errorf("AsBool(%q) = %+v, want no fault", v, f)
		}
		return b
	default:
		return nil
	}
}

// Value reads whatever encoding/json accepts as encoding/json does.
func FuzzValue(f *testing.F) {
	for _, seed := range []string{
		`{}`, ` [ ] `, `"a"`, `-1.5e+3`, `[1,2 , "x" ,null,true,false]`,
		`{"a":{"b":[{},[],""]},"a":1,"":"\\"}`, `["\\\"","\\\\","\u0041\ud83d\ude00\ud800x\udc00\ud800\u0041"]`,
		`{"k\n\"" : "v\/\b\f\r\t"}`, "[\n\t1\r\n]", `["[{\"}]"]`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		deep := isTooDeep(body) // on any bytes
		at := indexInvalidUTF8(body)
		if !json.Valid(body) || deep || at >= 0 {
			return
		}
		var want any
		if err := json.Unmarshal(body, &want); err != nil {
			return // a number that no float64 holds
		}
		start := SkipSpace(body, 0)
		end := SkipValue(body, start)
		if SkipSpace(body, end) != len(body) {
			t.Fatalf("SkipValue(%q, %d) = %d, want the end", body, start, end)
		}
		if diff := cmp.Diff(want, generic(t, body[start:end])); diff != "" {
			t.Errorf("generic(%q) (-encoding/json +jsonval):\n%s", body, diff)
		}
	})
}

func TestEqualText(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{`{"a": [1, 2]}`, ` { "a":[1,2] }`, true},
		{`{"a": "x y"}`, `{"a": "xy"}`, false},
		{`{"a": "\""}`, `{"a":"\""}`, true},
		{`[1, 2]`, `[12]`, false},
		{`[1]`, `[1]]`, false},
		{`{}`, `{"a": 1}`, false},
	} {
		if got := EqualText(Value(tt.a), Value(tt.b)); got != tt.want {
			t.Errorf("EqualText(%s, %s) = %v, want %v", tt.a, tt.b, got, tt.want)
		}
	}
}
