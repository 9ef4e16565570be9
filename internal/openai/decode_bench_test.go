package openai

import (
	"fmt"
	"strings"
	"testing"

	"achuan/internal/jsonval"
)

// transcript returns a request with n messages of about 1.6 KB, as agents send them: code
// with escaped line breaks and quotes, some of it in parts.
func transcript(n int) []byte {
	code := strings.Repeat("\tif err != nil {\n\t\treturn fmt.Errorf(\"read %q: %w\", path, err)\n\t}\n", 20)
	text := string(jsonval.AppendString(nil, code))
	var b strings.Builder
	b.WriteString(`{"model":"demo-large","stream":true,"temperature":0.2,"messages":[{"role":"system","content":"Be brief."}`)
	for i := range n - 1 {
		switch i % 3 {
		case 0:
			fmt.Fprintf(&b, `,{"role":"user","content":%s}`, text)
		case 1:
			fmt.Fprintf(&b, `,{"role":"assistant","content":%s,"refusal":null,"annotations":[]}`, text)
		default:
			fmt.Fprintf(&b, `,{"role":"user","content":[{"type":"text","text":%s}]}`, text)
		}
	}
	b.WriteString(`]}`)
	return []byte(b.String())
}

func BenchmarkDecodeChat(b *testing.B) {
	for _, n := range []int{2, 20, 200, 2000} {
		body := transcript(n)
		b.Run(fmt.Sprintf("messages=%d", n), func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := DecodeChat(body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// A message costs one allocation, its text, and its share of the slice's growth.
func TestDecodeAllocations(t *testing.T) {
	const n = 1000
	body := transcript(n)
	allocs := testing.AllocsPerRun(5, func() {
		if _, err := DecodeChat(body); err != nil {
			t.Error(err)
		}
	})
	if limit := 1.1 * n; allocs > limit {
		t.Errorf("allocations of DecodeChat with %d messages = %v, want at most %v", n, allocs, limit)
	}
}
