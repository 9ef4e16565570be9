package openai

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The walk over JSON says what encoding/json says, of everything that
// encoding/json accepts.
func FuzzValue(f *testing.F) {
	for _, seed := range []string{
		`{}`, ` [ ] `, `"a"`, `-1.5e+3`, `[1,2 , "x" ,null,true,false]`,
		`{"a":{"b":[{},[],""]},"a":1,"":"\\"}`, `["\\\"","\\\\","\u0041\ud83d\ude00\ud800x\udc00\ud800\u0041"]`,
		`{"k\n\"" : "v\/\b\f\r\t"}`, "[\n\t1\r\n]", `["[{\"}]"]`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		deep := tooDeep(body) // on any bytes
		at := invalidUTF8(body)
		if !json.Valid(body) || deep || at >= 0 {
			return
		}
		var want any
		if err := json.Unmarshal(body, &want); err != nil {
			return // a number that no float64 holds
		}
		start := skipSpace(body, 0)
		end := skipValue(body, start)
		if skipSpace(body, end) != len(body) {
			t.Fatalf("the value ends at %d of %q", end, body)
		}
		if diff := cmp.Diff(want, generic(t, body[start:end])); diff != "" {
			t.Errorf("%q (-encoding/json +ours):\n%s", body, diff)
		}
	})
}

// generic decodes a value as json.Unmarshal does into an any.
func generic(t *testing.T, v value) any {
	switch v.kind() {
	case kindObject:
		m := map[string]any{}
		for key, e := range v.members() {
			m[string(key)] = generic(t, e)
		}
		return m
	case kindArray:
		list := []any{}
		for i, e := range v.elements() {
			if i != len(list) {
				t.Fatalf("element %d comes after %d others", i, len(list))
			}
			list = append(list, generic(t, e))
		}
		if v.empty() != (len(list) == 0) {
			t.Errorf("%q: empty is %v", v, v.empty())
		}
		return list
	case kindString:
		return v.text()
	case kindNumber:
		x, f := v.asNumber(-math.MaxFloat64, math.MaxFloat64)
		if f != nil {
			t.Errorf("%q: %+v", v, f)
		}
		return x
	case kindBool:
		b, f := v.asBool()
		if f != nil {
			t.Errorf("%q: %+v", v, f)
		}
		return b
	default:
		return nil
	}
}
