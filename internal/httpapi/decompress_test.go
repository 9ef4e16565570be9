package httpapi

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"achuan/internal/chat"
)

// compress returns text in a coding; "zlib" and "flate" are the two kinds of deflate.
func compress(t *testing.T, coding, text string) string {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser
	switch coding {
	case "gzip":
		w = gzip.NewWriter(&b)
	case "zlib":
		w = zlib.NewWriter(&b)
	case "flate":
		w, _ = flate.NewWriter(&b, flate.BestCompression)
	}
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestCompressedBodies(t *testing.T) {
	zipped := compress(t, "gzip", question)
	flipped := []byte(zipped)
	flipped[len(flipped)-5] ^= 0xff // in the checksum
	half := len(question) / 2
	for _, c := range []struct {
		name, encoding, body string
		status               int
		code                 chat.Code
	}{
		{"gzip", "gzip", zipped, 200, ""},
		{"GZIP", " GZIP ", zipped, 200, ""},
		{"x-gzip", "x-gzip", zipped, 200, ""},
		{"gzip, identity", "identity, gzip", zipped, 200, ""},
		{"gzip in two members", "gzip", compress(t, "gzip", question[:half]) + compress(t, "gzip", question[half:]), 200, ""},
		{"deflate, zlib", "deflate", compress(t, "zlib", question), 200, ""},
		{"deflate, bare", "deflate", compress(t, "flate", question), 200, ""},
		{"not compressed", "gzip", question, 400, chat.CodeInvalidJSON},
		{"not compressed, deflate", "deflate", question, 400, chat.CodeInvalidJSON},
		{"one byte", "deflate", "x", 400, chat.CodeInvalidJSON},
		{"cut", "gzip", zipped[:len(zipped)-9], 400, chat.CodeInvalidJSON},
		{"cut in its header", "gzip", zipped[:5], 400, chat.CodeInvalidJSON},
		{"wrong checksum", "gzip", string(flipped), 400, chat.CodeInvalidJSON},
		{"more behind it", "gzip", zipped + "x", 400, chat.CodeInvalidJSON},
		{"more behind it, deflate", "deflate", compress(t, "zlib", question) + "x", 400, chat.CodeInvalidJSON},
		{"gzip of gzip", "gzip", compress(t, "gzip", zipped), 400, chat.CodeInvalidJSON},
		{"both codings", "gzip, deflate", zipped, 415, chat.CodeUnsupportedMediaType},
		{"too large when whole", "gzip", compress(t, "gzip", question+strings.Repeat(" ", 4096)), 413, chat.CodeRequestTooLarge},
		{"just small enough", "gzip", compress(t, "gzip", question+strings.Repeat(" ", 4096-len(question))), 200, ""},
		{"a bomb", "gzip", compress(t, "gzip", strings.Repeat("0", 4<<20)), 413, chat.CodeRequestTooLarge},
		{"a bomb, deflate", "deflate", compress(t, "zlib", strings.Repeat("0", 3<<20)), 413, chat.CodeRequestTooLarge},
	} {
		t.Run(c.name, func(t *testing.T) {
			scenario{
				method: "POST", path: "/v1/chat/completions", setOptions: func(o *Options) { o.MaxBody = 4096 }, script: hello,
				headers: []string{"Content-Encoding: " + c.encoding, "Content-Type: application/json"}, body: c.body, status: c.status,
				contains: mustOf(c.code),
			}.run(t)
		})
	}
}

func mustOf(code chat.Code) []string {
	if code == "" {
		return []string{`"content":"Hello"`}
	}
	return errorBody(code)
}

// A body that decompresses to more than the limit is refused before it takes the memory.
func TestBombTakesNoMemory(t *testing.T) {
	bomb := compress(t, "gzip", strings.Repeat(" ", 64<<20))
	s, _, _ := newTestServer(hello, func(o *Options) { o.MaxBody = 1 << 20 })
	r := request("POST", "/v1/chat/completions", bomb, "Content-Encoding: gzip")
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	rec, _ := serve(s, r)
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; rec.Code != http.StatusRequestEntityTooLarge || took > 16<<20 {
		t.Errorf("status = %d with %d bytes allocated, want 413 with at most 16 MiB", rec.Code, took)
	}
}
