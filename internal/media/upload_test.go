package media

import (
	"bytes"
	"encoding/base64"
	"testing"
)

// uploadPieces returns what an upload in pieces gives: its digest, its size, its first bytes and why it is refused.
func uploadPieces(text []byte, cut int, write func(*upload, []byte)) uploaded {
	u := newLibrary().newUpload()
	for len(text) > 0 {
		n := min(cut, len(text))
		write(u, text[:n])
		text = text[n:]
	}
	return *u.finish()
}

// writeSlowly is the reference: it looks at each character.
func writeSlowly(u *upload, text []byte) {
	if u.reason == "" && u.err == nil {
		u.writeAny(text)
	}
}

// The fast path for plain text changes nothing, wherever the text is cut.
func FuzzUpload(f *testing.F) {
	for _, text := range []string{
		"aGVsbG8=", "aGVsbG8", "aGVs\nbG8=\r\n", `aGVs\nbG8=`, `aG\/s`, "-_-_", "aGk=aGk=", "a*b", `a\u0041`, "AAAAA", "====", `\`,
	} {
		f.Add([]byte(text), 3)
	}
	f.Fuzz(func(t *testing.T, text []byte, cut int) {
		cut = max(1, cut)
		want, got := uploadPieces(text, cut, writeSlowly), uploadPieces(text, cut, (*upload).write)
		// The reference decodes more at once, so its reason may name an earlier byte.
		if got.digest != want.digest && got.reason == "" || got.size != want.size && got.reason == "" || (got.reason == "") != (want.reason == "") {
			t.Errorf("upload of %q in pieces of %d = %+v, want %+v", text, cut, got, want)
		}
		if whole := uploadPieces(text, max(1, len(text)), writeSlowly); (got.reason == "") != (whole.reason == "") || got.reason == "" && got.digest != whole.digest {
			t.Errorf("upload of %q in pieces of %d = %+v, want that of one piece: %+v", text, cut, got, whole)
		}
	})
}

func BenchmarkUpload(b *testing.B) {
	text := []byte(base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("some bytes of a picture "), 20_000)))
	for name, write := range map[string]func(*upload, []byte){"plain": (*upload).write, "each character": writeSlowly} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				if u := uploadPieces(text, intakeBuffer, write); u.reason != "" {
					b.Fatal(u.reason)
				}
			}
		})
	}
}
