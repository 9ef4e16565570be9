package media

import (
	"bytes"
	"encoding/base64"
	"errors"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"achuan/internal/chat"
)

// samples are the first bytes of files of each kind, or whole small files.
var samples = map[string][]byte{
	"png":  encodePicture(func(w io.Writer, p image.Image) error { return png.Encode(w, p) }),
	"jpeg": encodePicture(func(w io.Writer, p image.Image) error { return jpeg.Encode(w, p, nil) }),
	"gif":  encodePicture(func(w io.Writer, p image.Image) error { return gif.Encode(w, p, nil) }),
	"webp": []byte("RIFF\x1a\x00\x00\x00WEBPVP8L\x0d\x00\x00\x00\x2f\x00\x00\x00\x10\x07\x10\x11\x11\x88\x88\xfe\x07\x00"),
	"bmp":  []byte("BM\x1e\x00\x00\x00\x00\x00\x00\x00\x1a\x00\x00\x00\x0c\x00\x00\x00\x01\x00\x01\x00\x01\x00\x18\x00\x00\x00\xff\x00"),
	"svg":  []byte(`<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`),
	"pdf":  []byte("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n"),
	"zip":  []byte("PK\x03\x04\x14\x00\x00\x00\x08\x00a.txt contents of an archive"),
	"elf":  []byte("\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x3e\x00"),
	"text": []byte("package main\n\nfunc main() {}\n"),
	"json": []byte(`{"a": [1, 2, 3]}`),
}

func encodePicture(encode func(io.Writer, image.Image) error) []byte {
	var b bytes.Buffer
	if err := encode(&b, image.NewRGBA(image.Rect(0, 0, 3, 2))); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func newLibrary() *Library { return newLibraryOf(NewMemory(100<<20), nil, nil) }

func newLibraryOf(b Blobs, links, answers *Fetcher) *Library {
	return NewLibrary(Options{Blobs: b, Signer: NewSigner([]byte("secret")), Links: links, Answers: answers})
}

func resolve(t *testing.T, l *Library, source *chat.FileSource) (chat.File, error) {
	t.Helper()
	r := &chat.Request{Messages: []chat.Message{{Files: []chat.File{{Offset: 3, Source: source}}}}}
	err := l.Resolve(t.Context(), r)
	return r.Messages[0].Files[0], err
}

func TestResolveFindsTypeAndName(t *testing.T) {
	for _, c := range []struct {
		name, sample, claim, given string
		isPicture                  bool
		wantType, wantName         string // "" for a file that is refused
	}{
		{"a picture", "png", "image/png", "photo.png", true, "image/png", "photo.png"},
		{"upper case", "png", "image/png", "PHOTO.PNG", true, "image/png", "PHOTO.PNG"},
		{"a wrong claim", "jpeg", "image/png", "photo.png", true, "image/jpeg", "photo.jpg"},
		{"two extensions", "jpeg", "", "photo.jpeg", true, "image/jpeg", "photo.jpeg"},
		{"no name", "gif", "", "", true, "image/gif", "file.gif"},
		{"a dot in the name", "webp", "", "photo.2026", true, "image/webp", "photo.2026.webp"},
		{"a path", "png", "", `C:\pictures\..\x.png`, true, "image/png", "x.png"},
		{"a name that hides", "png", "", ".png", true, "image/png", "png.png"},
		{"brackets and quotes", "png", "", "a]\n[\"b\".png", true, "image/png", "ab.png"},
		{"a long name", "png", "", strings.Repeat("长", 200) + ".png", true, "image/png", strings.Repeat("长", 80) + ".png"},
		{"a document", "pdf", "", "paper.pdf", false, "application/pdf", "paper.pdf"},
		{"a picture as a document", "png", "", "scan.pdf", false, "image/png", "scan.png"},
		{"a text", "text", "", "main.go", false, "text/plain", "main.go"},
		{"a text without extension", "text", "", "notes", false, "text/plain", "notes.txt"},
		{"a text with the name of a picture", "text", "", "notes.png", false, "text/plain", "notes.txt"},
		{"a kind of text", "text", "text/markdown", "readme.md", false, "text/markdown", "readme.md"},
		{"JSON", "json", "", "data.json", false, "application/json", "data.json"},

		{"an archive named as a picture", "zip", "image/png", "photo.png", true, "", ""},
		{"an archive", "zip", "", "a.zip", false, "", ""},
		{"a program", "elf", "", "a.txt", false, "", ""},
		{"a script in a picture", "svg", "image/svg+xml", "a.svg", true, "", ""},
		{"a script in a document", "svg", "", "a.svg", false, "", ""},
		{"a picture of another kind", "bmp", "image/bmp", "a.bmp", true, "", ""},
		{"a document as a picture", "pdf", "image/png", "a.png", true, "", ""},
		{"a text as a picture", "text", "image/png", "a.png", true, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			content := samples[c.sample]
			f, err := resolve(t, newLibrary(), &chat.FileSource{
				Base64: []byte(base64.StdEncoding.EncodeToString(content)), Type: c.claim, Name: c.given,
				IsPicture: c.isPicture, Path: "messages[0].content[1]",
			})
			if c.wantType == "" {
				requireInvalid(t, err)
				return
			}
			want := chat.File{
				Digest: f.Digest, Type: c.wantType, Name: c.wantName, Size: int64(len(content)), Offset: 3,
			}
			if err != nil || f != want {
				t.Errorf("Resolve = %+v, %v, want %+v", f, err, want)
			}
		})
	}
}

// requireInvalid checks an error that names the part.
func requireInvalid(t *testing.T, err error) {
	t.Helper()
	e, ok := errors.AsType[*chat.Error](err)
	if !ok || e.Code != chat.CodeInvalidFile || e.Param != "messages[0].content[1]" || e.Kind != chat.KindInvalid {
		t.Errorf("Resolve = %v, want invalid_file of messages[0].content[1]", err)
	}
}

// The same bytes are the same file, however they are encoded.
func TestResolveReadsEachBase64(t *testing.T) {
	content := append(bytes.Clone(samples["png"]), 0xff, 0xfe, 0xfb, 0xef)
	std := base64.StdEncoding.EncodeToString(content)
	l := newLibrary()
	var want chat.Digest
	for i, text := range []string{
		std, strings.TrimRight(std, "="), base64.URLEncoding.EncodeToString(content), base64.RawURLEncoding.EncodeToString(content),
		std[:20] + "\r\n" + std[20:] + "\n",
	} {
		f, err := resolve(t, l, &chat.FileSource{Base64: []byte(text), Path: "messages[0].content[1]"})
		if i == 0 {
			want = f.Digest
		}
		if err != nil || f.Digest != want {
			t.Errorf("Resolve(%.30q…) = %s, %v, want %s", text, f.Digest, err, want)
		}
		opened, err := l.OpenFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(opened); err != nil || !bytes.Equal(got, content) {
			t.Errorf("content = %d bytes, %v, want %d", len(got), err, len(content))
		}
	}
}

func TestResolveRefusesBrokenBase64(t *testing.T) {
	for _, text := range []string{"", "=", "!!!!", "iVBOR*w0", "iVBORw0KG", "data:image/png;base64,iVBORw0KGgo=", "aGk=aGk="} {
		_, err := resolve(t, newLibrary(), &chat.FileSource{Base64: []byte(text), Path: "messages[0].content[1]"})
		requireInvalid(t, err)
	}
	huge := base64.StdEncoding.EncodeToString(make([]byte, MaxFile+1))
	_, err := resolve(t, newLibrary(), &chat.FileSource{Base64: []byte(huge), Path: "messages[0].content[1]"})
	requireInvalid(t, err)
}

func TestOpenFileWithoutItsBytes(t *testing.T) {
	_, err := newLibrary().OpenFile(chat.File{Name: "photo.png", Size: 1})
	e, ok := errors.AsType[*chat.Error](err)
	if !ok || e.Code != chat.CodeInvalidFile || !e.NotAsked || !strings.Contains(e.Message, "photo.png") {
		t.Errorf("OpenFile of a missing blob = %v, want invalid_file that names the file", err)
	}
}

// put stores a blob.
func put(t *testing.T, blobs Blobs, content string) chat.File {
	t.Helper()
	f, err := newLibraryOf(blobs, nil, nil).add(strings.NewReader(content), &chat.FileSource{})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func has(blobs Blobs, f chat.File) bool {
	content, size, err := blobs.Open(f.Digest)
	if err == nil {
		_ = content.Close()
	}
	return err == nil && size == f.Size
}

func TestFolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "blobs")
	folder := NewFolder(FolderOptions{Path: path, Logger: slog.New(slog.DiscardHandler)})
	a, again, b := put(t, folder, "text a"), put(t, folder, "text a"), put(t, folder, "text b")
	if a.Digest != again.Digest || !has(folder, a) || !has(folder, b) {
		t.Error("a blob that was stored is missing")
	}
	count := 0
	err := filepath.WalkDir(path, func(_ string, entry fs.DirEntry, err error) error {
		info, _ := entry.Info()
		if !entry.IsDir() {
			count++
		}
		if mode := info.Mode().Perm(); mode&0o077 != 0 {
			t.Errorf("mode of %s = %o, want none for others", entry.Name(), mode)
		}
		return err
	})
	if err != nil || count != 2 {
		t.Errorf("files in the folder = %d, %v, want 2: no draft", count, err)
	}
	if used := folder.Used(); used != a.Size+b.Size {
		t.Errorf("Used() = %d, want %d", used, a.Size+b.Size)
	}
	if used := NewFolder(FolderOptions{Path: path}).Used(); used != a.Size+b.Size {
		t.Errorf("Used() after a restart = %d, want %d", used, a.Size+b.Size)
	}
	if other := NewFolder(FolderOptions{Path: path}); !has(other, a) {
		t.Error("a blob is missing after a restart")
	}
	if err := os.Truncate(folder.pathOf(a.Digest), 2); err != nil {
		t.Fatal(err)
	}
	if _, err := newLibraryOf(folder, nil, nil).OpenFile(a); err == nil {
		t.Error("OpenFile of a blob that lost bytes = nil, want an error")
	}
	if put(t, folder, "text a"); !has(folder, a) {
		t.Error("a damaged blob is not replaced when its bytes come again")
	}
}

// age sets the last use of a blob back.
func age(t *testing.T, folder *Folder, f chat.File, d time.Duration) {
	t.Helper()
	at := time.Now().Add(-d)
	if err := os.Chtimes(folder.pathOf(f.Digest), at, at); err != nil {
		t.Fatal(err)
	}
}

func TestFolderCheck(t *testing.T) {
	path := filepath.Join(t.TempDir(), "blobs")
	folder := NewFolder(FolderOptions{Path: path})
	if exists, err := folder.Check(); exists || err != nil {
		t.Errorf("Check() before the first file = %t, %v, want no folder", exists, err)
	}
	put(t, folder, "text")
	if exists, err := folder.Check(); !exists || err != nil {
		t.Errorf("Check() = %t, %v, want a folder", exists, err)
	}
	if entries, err := os.ReadDir(path); err != nil || len(entries) != 1 {
		t.Errorf("folder after Check() has %d entries, %v, want the blob alone", len(entries), err)
	}
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := folder.Check(); err == nil {
		t.Error("Check() of a file = nil, want an error")
	}
}

func TestFolderMakesRoom(t *testing.T) {
	folder := NewFolder(FolderOptions{Path: t.TempDir(), Room: 25, Logger: slog.New(slog.DiscardHandler)})
	old, older := put(t, folder, "ten bytes a"[:10]), put(t, folder, "ten bytes b"[:9]+"b")
	age(t, folder, old, time.Hour)
	age(t, folder, older, 2*time.Hour)
	third := put(t, folder, "ten bytes"+"c")
	if has(folder, older) || !has(folder, old) || !has(folder, third) {
		t.Error("want the blob that was used least recently to be deleted, and no other")
	}
	if _, err := newLibraryOf(folder, nil, nil).add(strings.NewReader(strings.Repeat("x", 20)), &chat.FileSource{}); err == nil {
		t.Error("add beyond the room = nil while all blobs are in use, want an error")
	}
}

func TestFolderDeletesExpired(t *testing.T) {
	path := t.TempDir()
	folder := NewFolder(FolderOptions{Path: path, MaxAge: time.Hour, Logger: slog.New(slog.DiscardHandler)})
	kept, expired := put(t, folder, "kept"), put(t, folder, "expired")
	age(t, folder, expired, 2*time.Hour)
	draft := filepath.Join(path, draftPrefix+"1")
	if err := os.WriteFile(draft, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	at := time.Now().Add(-2 * maxDraftAge)
	if err := os.Chtimes(draft, at, at); err != nil {
		t.Fatal(err)
	}
	if err := folder.deleteExpired(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(draft); !has(folder, kept) || has(folder, expired) || err == nil {
		t.Error("want the expired blob and the old draft to be deleted, and no other")
	}
	// A use keeps a blob.
	age(t, folder, kept, 2*time.Hour)
	if has(folder, kept); folder.deleteExpired(t.Context()) != nil || !has(folder, kept) {
		t.Error("a blob was deleted after it was used")
	}
}

func TestMemoryMakesRoom(t *testing.T) {
	memory := NewMemory(25)
	first, second := put(t, memory, "ten bytes a"[:10]), put(t, memory, "ten byte b")
	if !has(memory, first) { // first is used last
		t.Fatal("a blob is missing")
	}
	third := put(t, memory, "ten byte c")
	if used := memory.Used(); used != 20 {
		t.Errorf("Used() = %d, want 20", used)
	}
	if !has(memory, first) || has(memory, second) || !has(memory, third) {
		t.Error("want the blob that was used least recently to be deleted, and no other")
	}
}
