package platform

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestDecodeDelta(t *testing.T) {
	for _, tt := range []struct {
		name, payload, want string
		ok                  bool
	}{
		{"plain", `{"id":"20","type":"string","data":"Hel","code":0}`, "Hel", true},
		{"empty", `{"id":"","type":"string","data":"","code":0}`, "", true},
		{"UTF-8", `{"id":"20","type":"string","data":"你🙂","code":0}`, "你🙂", true},
		{"escapes", `{"id":"20","type":"string","data":"\"\\\/\b\f\n\r\t\u003c\u4f60\uD83D\ude42","code":0}`, "\"\\/\b\f\n\r\t<你🙂", true},
		{"escape first and last", `{"id":"20","type":"string","data":"\na\n","code":0}`, "\na\n", true},
		{"NUL", `{"id":"20","type":"string","data":"\u0000","code":0}`, "\x00", true},
		{"lone surrogates", `{"id":"20","type":"string","data":"\ud83d\u0041\ude42\ud83d","code":0}`, "", false},
		{"looks like its own end", `{"id":"20","type":"string","data":"\",\"code\":0}","code":0}`, `","code":0}`, true},

		{"other order", `{"type":"string","id":"20","data":"a","code":0}`, "", false},
		{"other type", `{"id":"20","type":"object","data":"a","code":0}`, "", false},
		{"other code", `{"id":"20","type":"string","data":"a","code":1}`, "", false},
		{"more keys", `{"id":"20","type":"string","data":"a","x":"","code":0}`, "", false},
		{"two ends", `{"id":"20","type":"string","data":"a","code":0}","code":0}`, "", false},
		{"escape in the id", `{"id":"2\"0","type":"string","data":"a","code":0}`, "", false},
		{"raw control character", "{\"id\":\"20\",\"type\":\"string\",\"data\":\"a\nb\",\"code\":0}", "", false},
		{"invalid UTF-8", "{\"id\":\"20\",\"type\":\"string\",\"data\":\"a\xff\",\"code\":0}", "", false},
		{"unknown escape", `{"id":"20","type":"string","data":"\x41","code":0}`, "", false},
		{"short escape", `{"id":"20","type":"string","data":"\u00","code":0}`, "", false},
		{"escape with other letters", `{"id":"20","type":"string","data":"\u00zz","code":0}`, "", false},
		{"cut escape", `{"id":"20","type":"string","data":"a\","code":0}`, "", false},
		{"no end", `{"id":"20","type":"string","data":"a`, "", false},
		{"no end of the id", `{"id":"20`, "", false},
		{"nothing", ``, "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, _, ok := decodeDelta([]byte(tt.payload), nil)
			if string(got) != tt.want || ok != tt.ok {
				t.Errorf("decodeDelta(%s) = %q, %t, want %q, %t", tt.payload, got, ok, tt.want, tt.ok)
			}
			if ok {
				checkDecodersAgree(t, []byte(tt.payload))
			}
		})
	}
}

// checkDecodersAgree fails if decodeDelta accepts a payload that decodeFrame decodes differently.
func checkDecodersAgree(t *testing.T, payload []byte) {
	t.Helper()
	f, err := decodeFrame(payload)
	text, _, ok := decodeDelta(payload, []byte("left from before"))
	if ok && (err != nil || f.kind != frameDelta || string(f.delta) != string(text)) {
		t.Errorf("%q: decodeDelta = %q, decodeFrame = %+v, %v, want the same", payload, text, f, err)
	}
	if err != nil || f.kind != frameDelta || !utf8.Valid(payload) {
		return
	}
	var joiner runeJoiner
	var joined strings.Builder
	joiner.add(&joined, f.delta, false)
	joiner.flush(&joined)
	var usual struct{ Data string }
	if err := json.Unmarshal(payload, &usual); err == nil && joined.String() != usual.Data {
		t.Errorf("%q: joined text = %q, want %q", payload, joined.String(), usual.Data)
	}
}

// FuzzFrame checks that both decoders agree, for frames of any shape and for any text in a usual
// frame.
func FuzzFrame(f *testing.F) {
	f.Add([]byte(`{"id":"20","type":"string","data":"Hel\u003c\ud83d\ude42\n","code":0}`), []byte(`a\ud83d\u0041\"\\`))
	f.Add([]byte(`{"id":"20","type":"object","data":{"aiText":"a","promptTokens":"3","userStop":1},"code":"0"}`), []byte(`","code":0}`))
	f.Add([]byte(`{"data":null,"code":1,"err":"x","msg":2}`), []byte("\xff\n"))
	f.Fuzz(func(t *testing.T, payload, text []byte) {
		checkDecodersAgree(t, payload)
		usual := append([]byte(`{"id":"2011624502055669760","type":"string","data":"`), text...)
		checkDecodersAgree(t, append(usual, `","code":0}`...))
	})
}
