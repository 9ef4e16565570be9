package media

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/png"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"achuan/internal/chat"
)

func TestPicture(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		content, ok := samples[strings.TrimPrefix(r.URL.Path, "/")]
		if !ok {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(content)
	}))
	defer server.Close()
	l := newLibraryOf(NewMemory(1<<20), nil, NewFetcher(FetcherOptions{Allow: []string{"127.0.0.1"}}))
	for _, c := range []struct{ sample, format, want string }{
		{"png", "", "png"}, {"png", "png", "png"}, {"png", "jpeg", "jpeg"}, {"jpeg", "png", "png"}, {"gif", "png", "png"},
		{"gif", "", "gif"}, {"webp", "", "webp"},
		{"webp", "png", ""}, {"text", "", ""}, {"svg", "", ""}, {"missing", "", ""}, {"zip", "jpeg", ""},
	} {
		content, mediaType, err := l.Picture(t.Context(), server.URL+"/"+c.sample, c.format)
		if c.want == "" {
			e, ok := errors.AsType[*chat.Error](err)
			if !ok || e.Kind != chat.KindUnprocessable || !strings.Contains(e.Message, server.URL) {
				t.Errorf("Picture(%s as %q) = %v, want an error with the link", c.sample, c.format, err)
			}
			continue
		}
		if err != nil || mediaType != "image/"+c.want {
			t.Errorf("Picture(%s as %q) = %s, %v, want image/%s", c.sample, c.format, mediaType, err, c.want)
		}
		if _, got, err := image.DecodeConfig(bytes.NewReader(content)); c.want != "webp" && (err != nil || got != c.want) {
			t.Errorf("content of %s as %q = %s, %v, want %s", c.sample, c.format, got, err, c.want)
		}
	}
	if _, _, err := newLibraryOf(NewMemory(1<<20), nil, nil).Picture(t.Context(), server.URL+"/png", ""); err == nil {
		t.Error("Picture without a fetcher = nil, want an error")
	}
}

// A transparent picture has a white ground as JPEG, which has no transparency.
func TestConvertTransparency(t *testing.T) {
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewNRGBA(image.Rect(0, 0, 8, 8))); err != nil {
		t.Fatal(err)
	}
	content, _, err := newLibrary().convert(b.Bytes(), "image/png", "jpeg")
	if err != nil {
		t.Fatal(err)
	}
	picture, _, err := image.Decode(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	if got := color.GrayModel.Convert(picture.At(4, 4)).(color.Gray).Y; got < 250 {
		t.Errorf("ground = %d, want white", got)
	}
}

// A small file may be a huge picture. It is not converted, because that would take too much memory.
func TestConvertHugePicture(t *testing.T) {
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 8000, 4000))); err != nil {
		t.Fatal(err)
	}
	if b.Len() > 1<<20 {
		t.Fatalf("picture has %d bytes, want a small file", b.Len())
	}
	if _, _, err := newLibrary().convert(b.Bytes(), "image/png", "jpeg"); err == nil {
		t.Error("convert of 32 million pixels = nil, want an error")
	}
}
