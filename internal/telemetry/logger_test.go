package telemetry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const (
	secret  = "sk-alice-0123456789"
	jwt     = "eyJhbGciOiJIUzI1NiJ9.eyJ1c2VySWQiOjQyfQ.c2lnbmF0dXJl"
	visible = "visible"
)

type stringer struct{ s string }

func (s stringer) String() string { return s.s }

type valuer struct{ s string }

func (v valuer) LogValue() slog.Value { return slog.GroupValue(slog.String("inner", v.s)) }

type panicker struct{}

func (*panicker) String() string { panic("no") }

func TestLoggerRedacts(t *testing.T) {
	tests := map[string]func(l *slog.Logger, s string){
		"message":        func(l *slog.Logger, s string) { l.Info("text " + s) },
		"string":         func(l *slog.Logger, s string) { l.Info(visible, "a", "x "+s+" y") },
		"error":          func(l *slog.Logger, s string) { l.Info(visible, KeyError, errors.New("bad "+s)) },
		"wrapped error":  func(l *slog.Logger, s string) { l.Info(visible, "a", fmt.Errorf("dial: %w", errors.New(s))) },
		"joined error":   func(l *slog.Logger, s string) { l.Info(visible, "a", errors.Join(io.EOF, errors.New(s))) },
		"url error":      func(l *slog.Logger, s string) { l.Info(visible, "a", &url.Error{Op: "Get", URL: "http://h/?k=" + s}) },
		"stringer":       func(l *slog.Logger, s string) { l.Info(visible, "a", stringer{s}) },
		"log valuer":     func(l *slog.Logger, s string) { l.Info(visible, "a", valuer{s}) },
		"bytes":          func(l *slog.Logger, s string) { l.Info(visible, "a", []byte(s)) },
		"strings":        func(l *slog.Logger, s string) { l.Info(visible, "a", []string{"x", s}) },
		"struct":         func(l *slog.Logger, s string) { l.Info(visible, "a", struct{ Key string }{s}) },
		"map":            func(l *slog.Logger, s string) { l.Info(visible, "a", map[string][]string{"k": {s}}) },
		"header":         func(l *slog.Logger, s string) { l.Info(visible, "a", map[string][]string{"Authorization": {s}}) },
		"attribute name": func(l *slog.Logger, s string) { l.Info(visible, s, 1) },
		"group": func(l *slog.Logger, s string) {
			l.Info(visible, slog.Group("g", slog.Group("h", slog.Any("a", errors.New(s)))))
		},
		"with":       func(l *slog.Logger, s string) { l.With("a", s).Info(visible) },
		"with group": func(l *slog.Logger, s string) { l.WithGroup("g").With("a", s).Info(visible, "b", s) },
	}
	texts := map[string]string{
		"secret":           secret,
		"secret in quotes": `the key "` + secret + `" is bad`,
		"jwt":              jwt,
		"cut jwt":          jwt[:strings.LastIndexByte(jwt, '.')],
		"bearer":           "Bearer abc.def-123",
		"bearer, small":    "authorization: bearer abc.def-123",
	}
	leaks := []string{secret, "alice", "eyJ", "c2lnbmF0dXJl", "abc.def"}
	for _, format := range []string{FormatText, FormatJSON} {
		for name, log := range tests {
			for what, s := range texts {
				t.Run(format+"/"+name+"/"+what, func(t *testing.T) {
					var out bytes.Buffer
					log(NewLogger(&out, slog.LevelInfo, format, secret), s)
					if !strings.Contains(out.String(), Redacted) {
						t.Errorf("line = %s, want a redacted secret", &out)
					}
					for _, leak := range leaks {
						if strings.Contains(out.String(), leak) {
							t.Errorf("line = %s, want no %q", &out, leak)
						}
					}
					if format == FormatJSON && !json.Valid(out.Bytes()) {
						t.Errorf("line = %s, want JSON", &out)
					}
				})
			}
		}
	}
}

func TestRedactorText(t *testing.T) {
	r := NewRedactor(`pass"word\1`, "a b/c", "abcd", "abcdef", "xy", "  spaced  ", "")
	tests := []struct{ name, text, want string }{
		{"no secret", "an ordinary line", "an ordinary line"},
		{"empty", "", ""},
		{"the longer of two", "abcdef", Redacted},
		{"the shorter of two", "abcde", Redacted + "e"},
		{"too short to replace", "xy", "xy"},
		{"trimmed", "is spaced.", "is " + Redacted + "."},
		{"as a Go string", fmt.Sprintf("%q", `pass"word\1`), `"` + Redacted + `"`},
		{"in a query", "/?q=" + url.QueryEscape("a b/c"), "/?q=" + Redacted},
		{"in a path", "/" + url.PathEscape("a b/c"), "/" + Redacted},
		{"twice", "abcdabcd", Redacted + Redacted},
		{"bearer keeps its scheme", "Authorization: Bearer tok", "Authorization: Bearer " + Redacted},
		{"bearer in any case", "BeArEr tok", "BeArEr " + Redacted},
		{"bearer up to a quote", `"Bearer tok","x":1`, `"Bearer ` + Redacted + `","x":1`},
		{"bearer without a token", "Bearer ", "Bearer "},
		{"only the word bearer", "bearer", "bearer"},
		{"eyJ without a payload", "eyJ and eyJhbGci", "eyJ and eyJhbGci"},
		{"jwt in a sentence", "got " + jwt + ", sent", "got " + Redacted + ", sent"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { checkText(t, r, tt.text, tt.want) })
	}
}

func TestLoggerKeepsOtherValues(t *testing.T) {
	var out bytes.Buffer
	l := NewLogger(&out, slog.LevelInfo, FormatJSON, secret)
	l.Warn("line", "n", 7, "d", 3*time.Second, "ok", true, "nil", nil, "names", []string{"a", "b"},
		slog.Group("g", "s", "t"), "panics", (*panicker)(nil))
	var got map[string]any
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	delete(got, slog.TimeKey)
	want := map[string]any{
		"level": "WARN", "msg": "line", "n": 7.0, "d": 3e9, "ok": true, "nil": nil,
		"names": []any{"a", "b"}, "g": map[string]any{"s": "t"}, "panics": "<nil>",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("log line (-want +got):\n%s", diff)
	}
}

func TestLoggerFormats(t *testing.T) {
	var text, jsons bytes.Buffer
	NewLogger(&text, slog.LevelInfo, FormatText).Info("hello there", KeySession, 12)
	NewLogger(&jsons, slog.LevelInfo, FormatJSON).Info("hello there", KeySession, 12)
	if want := `level=INFO msg="hello there" session=12` + "\n"; !strings.HasSuffix(text.String(), want) {
		t.Errorf("text line = %q, want the end %q", text.String(), want)
	}
	if want := `"level":"INFO","msg":"hello there","session":12}` + "\n"; !strings.HasSuffix(jsons.String(), want) {
		t.Errorf("JSON line = %q, want the end %q", jsons.String(), want)
	}
}

func TestLoggerLevel(t *testing.T) {
	var out bytes.Buffer
	l := NewLogger(&out, slog.LevelWarn, FormatText)
	l.Info("quiet")
	if out.Len() != 0 {
		t.Errorf("log at level warn = %s, want no info line", &out)
	}
	l.Error("loud")
	if !strings.Contains(out.String(), "loud") {
		t.Errorf("log at level warn = %s, want the error line", &out)
	}
}

func TestRequestID(t *testing.T) {
	if got := RequestID(t.Context()); got != "" {
		t.Errorf("RequestID of an empty context = %q, want none", got)
	}
	ctx := WithRequestID(t.Context(), "req-1")
	if got := RequestID(ctx); got != "req-1" {
		t.Errorf("RequestID = %q, want req-1", got)
	}

	var out bytes.Buffer
	l := NewLogger(&out, slog.LevelInfo, FormatText).With("a", 1)
	l.InfoContext(ctx, "with")
	l.InfoContext(context.Background(), "without")
	lines := strings.Split(out.String(), "\n")
	if !strings.HasSuffix(lines[0], "msg=with a=1 request_id=req-1") {
		t.Errorf("line with a request id = %q, want request_id=req-1 at its end", lines[0])
	}
	if strings.Contains(lines[1], KeyRequestID) {
		t.Errorf("line without a request id = %q, want no request_id", lines[1])
	}

	out.Reset()
	l.WithGroup("g").InfoContext(ctx, "grouped")
	if !strings.Contains(out.String(), "g.request_id=req-1") {
		t.Errorf("line in a group = %q, want g.request_id=req-1", &out)
	}
}

// Several handlers can get the same record, so the handler must not change it.
func TestRequestIDDoesNotChangeRecord(t *testing.T) {
	r := slog.NewRecord(time.Now(), slog.LevelInfo, "m", 0)
	for i := range 10 { // more than a record stores inline
		r.Add(fmt.Sprintf("k%d", i), i)
	}
	h := requestIDHandler{slog.DiscardHandler}
	if err := h.Handle(WithRequestID(t.Context(), "one"), r); err != nil {
		t.Fatal(err)
	}
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == KeyRequestID {
			t.Errorf("record after Handle has %v, want no request id", a)
		}
		return true
	})
	if r.NumAttrs() != 10 {
		t.Errorf("record after Handle has %d attributes, want 10", r.NumAttrs())
	}
}

func TestDisabledLevelAllocatesNothing(t *testing.T) {
	l := NewLogger(io.Discard, slog.LevelInfo, FormatText, secret)
	ctx := WithRequestID(t.Context(), "req-1")
	allocs := testing.AllocsPerRun(100, func() {
		l.LogAttrs(ctx, slog.LevelDebug, "event", slog.String(KeyModel, "m"), slog.Int64(KeySession, 1))
	})
	if allocs != 0 {
		t.Errorf("a disabled line makes %v allocations, want 0", allocs)
	}
}

func TestCleanTextAllocatesNothing(t *testing.T) {
	r := NewRedactor(secret, "another-key-1", "another-key-2")
	if n := testing.AllocsPerRun(100, func() { r.Text("POST /v1/chat/completions finished") }); n != 0 {
		t.Errorf("Text without a secret makes %v allocations, want 0", n)
	}
}

func FuzzRedactor(f *testing.F) {
	f.Add("a line with " + secret + " and Bearer x and " + jwt)
	f.Add("bearer [redacted]")
	f.Add(strings.ToUpper(secret[1:]) + secret[:17] + "sk-alice-01234567sk-alice-01234567")
	f.Add("Bearer\tBearer eyJaaaa.bbbb.")
	r := NewRedactor(secret)
	f.Fuzz(func(t *testing.T, s string) {
		clean := r.Text(s)
		if jwtPattern.MatchString(clean) {
			t.Errorf("Text(%q) = %q, want no JWT", s, clean)
		}
		for i := range len(secret) - minFragment + 1 {
			if strings.Contains(lower(clean), secret[i:i+minFragment]) {
				t.Errorf("Text(%q) = %q, want no part of a secret", s, clean)
			}
		}
	})
}

func BenchmarkLogger(b *testing.B) {
	l := NewLogger(io.Discard, slog.LevelInfo, FormatText, secret, "another-key-1", "another-key-2")
	ctx := WithRequestID(b.Context(), "req-1")
	line := func(level slog.Level) {
		l.LogAttrs(ctx, level, "request", slog.String(KeyMethod, "POST"), slog.String(KeyRoute, "/v1/chat/completions"),
			slog.String(KeyModel, "gpt-5.1-high"), slog.Int(KeyStatus, 200), slog.Duration(KeyDuration, time.Second))
	}
	b.Run("disabled", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			line(slog.LevelDebug)
		}
	})
	b.Run("written", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			line(slog.LevelInfo)
		}
	})
}
