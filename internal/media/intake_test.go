package media

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"achuan/internal/chat"
)

// noise returns bytes that differ everywhere, behind the beginning of a PNG.
func noise(size int) []byte {
	content := append(make([]byte, 0, size+100), samples["png"]...)
	random := rand.New(rand.NewPCG(1, uint64(size)))
	for len(content) < size {
		content = append(content, byte(random.Uint32()))
	}
	return content
}

// takeIn reads a body through an intake.
func takeIn(t *testing.T, l *Library, r io.Reader) string {
	t.Helper()
	in := l.NewIntake(r)
	text, err := io.ReadAll(in)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func intakeBody(path, url string) string {
	body := `"` + url + `"`
	keys := strings.Split(path, ".")
	for _, key := range slices.Backward(keys) {
		body = `{"a \" b": "x", "` + key + `": ` + body + `, "z": [1, "}"]}`
		if slices.Contains([]string{"messages", "content", "input", "output", "contents", "parts"}, key) {
			body = strings.Replace(body, `"`+key+`": `, `"`+key+`": [{"role": "user"}, `, 1)
			body = strings.TrimSuffix(body, `, "z": [1, "}"]}`) + `], "z": 1}`
		}
	}
	return body
}

// Long files are taken out of a body where a request may have files, in each way of reading it. Resolve finds them.
func TestIntakeTakesFiles(t *testing.T) {
	content := noise(200_000)
	std := base64.StdEncoding.EncodeToString(content)
	const head = "data:image/png;base64,"
	heads := map[string][]string{}
	for _, path := range filePaths {
		heads[path] = []string{head}
	}
	for _, path := range barePaths {
		heads[path] = []string{""}
	}
	for _, path := range mixedPaths {
		heads[path] = []string{head, ""}
	}
	for path, both := range heads {
		for name, text := range map[string]string{
			"usual": std, "alphabet of URLs": base64.RawURLEncoding.EncodeToString(content),
			"escapes":     std[:minTaken] + strings.ReplaceAll(std[minTaken:], "/", `\/`),
			"line breaks": std[:100_000] + `\r\n` + std[100_000:] + `\n`,
		} {
			body := intakeBody(path, both[len(text)%len(both)]+text)
			if !json.Valid([]byte(body)) {
				t.Fatalf("body for %s is not valid: %.300s", path, body)
			}
			readers := []io.Reader{
				strings.NewReader(body), iotest.HalfReader(strings.NewReader(body)),
				iotest.DataErrReader(strings.NewReader(body)),
			}
			for _, r := range readers {
				l := newLibrary()
				got := takeIn(t, l, r)
				if len(got) > len(body)-len(text)+100 || !json.Valid([]byte(got)) {
					t.Fatalf("%s, %s: body has %d bytes, want the file taken out", path, name, len(got))
				}
				at := strings.Index(got, referenceMark)
				token, _, _ := strings.Cut(got[at:], `"`)
				if restored := strings.Replace(got, token, text, 1); restored != body {
					t.Fatalf("%s, %s: the rest of the body has changed", path, name)
				}
				f, err := resolve(t, l, &chat.FileSource{Base64: []byte(token), Path: "messages[0].content[1]", IsPicture: true})
				if err != nil || f.Size != int64(len(content)) || f.Type != "image/png" || f.Offset != 3 {
					t.Fatalf("%s, %s: Resolve = %+v, %v, want the picture", path, name, f, err)
				}
				opened, err := l.OpenFile(f)
				if err != nil {
					t.Fatal(err)
				}
				if stored, err := io.ReadAll(opened); err != nil || !bytes.Equal(stored, content) {
					t.Fatalf("%s, %s: stored %d bytes, %v, want %d", path, name, len(stored), err, len(content))
				}
			}
		}
	}
}

// What is no long file of a request comes out as it is.
func TestIntakeLeavesTheRest(t *testing.T) {
	long := "data:image/png;base64," + base64.StdEncoding.EncodeToString(noise(200_000))
	short := "data:image/png;base64," + base64.StdEncoding.EncodeToString(noise(1000))
	for name, body := range map[string]string{
		"a text":             intakeBody("messages.content.text", long),
		"a string as text":   intakeBody("messages.content", long),
		"arguments":          intakeBody("messages.tool_calls.function.arguments.image_url.url", long),
		"a tool":             intakeBody("tools.function.parameters.default.image_url", long),
		"short":              intakeBody("messages.content.image_url.url", short),
		"no data URL":        intakeBody("messages.content.image_url.url", strings.Repeat("x", 200_000)),
		"a link":             intakeBody("messages.content.image_url.url", "https://example.test/a.png"),
		"no base64":          intakeBody("messages.content.image_url.url", "data:image/svg+xml,"+strings.Repeat("x", 200_000)),
		"a long head":        intakeBody("messages.content.image_url.url", "data:"+strings.Repeat("x", 500)+";base64,"+long),
		"escaped head":       intakeBody("messages.content.image_url.url", `d\u0061ta:image/png;base64,`+long),
		"escaped key":        strings.Replace(intakeBody("messages.content.image_url.url", long), `"url"`, `"\u0075rl"`, 1),
		"cut in a short one": `{"messages": [{"content": [{"image_url": {"url": "` + short,
		"no JSON":            `]]}}"":,` + short,
		"a text document":    intakeBody("messages.content.source.data", "A text. "+strings.Repeat("x", 200_000)),
		"quotes in a text":   intakeBody("messages.content.source.data", strings.Repeat("x", 1000)+`\"data\": \"`+strings.Repeat("y", 200_000)),
		"a Chinese text":     intakeBody("contents.parts.inlineData.data", strings.Repeat("汉字", 50_000)),
		"short base64":       intakeBody("messages.images", strings.Repeat("A", 1000)),
		"cut in bare base64": `{"images": ["` + strings.Repeat("A", 1000),
	} {
		if got := takeIn(t, newLibrary(), iotest.HalfReader(strings.NewReader(body))); got != body {
			t.Errorf("%s: the body has changed to %.300s", name, got)
		}
	}
}

// A wrong file is found when its request is resolved.
func TestIntakeRefusesFiles(t *testing.T) {
	good := base64.StdEncoding.EncodeToString(noise(200_000))
	for name, text := range map[string]string{
		"wrong": good[:100_000] + "*" + good[100_000:], "goes on": good[:99_999] + "=" + good[100_000:], "escape": good[:100_000] + `\u0041` + good[100_000:],
		"incomplete": good[:100_001], "large": base64.StdEncoding.EncodeToString(noise(MaxFile + 1)),
		"an archive": base64.StdEncoding.EncodeToString(append(bytes.Clone(samples["zip"]), make([]byte, 100_000)...)),
	} {
		l := newLibrary()
		got := takeIn(t, l, strings.NewReader(intakeBody("image", "data:image/png;base64,"+text)))
		at := strings.Index(got, referenceMark)
		token, _, _ := strings.Cut(got[at:], `"`)
		_, err := resolve(t, l, &chat.FileSource{Base64: []byte(token), Path: "messages[0].content[1]", IsPicture: true})
		if err == nil {
			t.Errorf("%s: Resolve = nil, want an error", name)
		} else {
			requireInvalid(t, err)
		}
	}
}

// A reference is good once, and only until its intake is released. Nobody can make one up.
func TestReferences(t *testing.T) {
	l := newLibrary()
	in := l.NewIntake(strings.NewReader(intakeBody("image", "data:image/png;base64,"+base64.StdEncoding.EncodeToString(noise(200_000)))))
	got, err := io.ReadAll(in)
	if err != nil {
		t.Fatal(err)
	}
	token, _, _ := strings.Cut(string(got[bytes.IndexByte(got, referenceMark[0]):]), `"`)
	in.Release()
	for _, reference := range []string{token, referenceMark, referenceMark + "00"} {
		_, err := resolve(t, l, &chat.FileSource{Base64: []byte(reference), Path: "messages[0].content[1]"})
		requireInvalid(t, err)
	}
	cut := l.NewIntake(iotest.TimeoutReader(strings.NewReader(string(got))))
	if _, err := io.ReadAll(cut); err == nil {
		t.Error("ReadAll of a body that fails = nil, want its error")
	}
	cut.Release()
}

// Any body comes out as it went in, but for its long files.
func FuzzIntake(f *testing.F) {
	for _, path := range slices.Concat(filePaths, barePaths, mixedPaths) {
		f.Add(intakeBody(path, "data:image/png;base64,AAAA"), 7)
		f.Add(intakeBody(path, "AAAA"), 7)
	}
	f.Add(`{"image": "data:;base64,\"", "images": [["data:;base64,`, 3)
	f.Fuzz(func(t *testing.T, body string, _ int) {
		if len(body) >= minTaken {
			return
		}
		if got := takeIn(t, newLibrary(), iotest.OneByteReader(strings.NewReader(body))); got != body {
			t.Errorf("intake of %q = %q, want it unchanged", body, got)
		}
	})
}
