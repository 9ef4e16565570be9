package httpapi

import (
	"cmp"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"achuan/internal/chat"
	"achuan/internal/dialect"
	"achuan/internal/telemetry"
)

// picturePath is the path of pictures of answers of which a copy was kept.
const picturePath = "/v1/images/"

// pictureBase returns what links to pictures begin with: the scheme and host under which the client reaches
// this server, and picturePath. A proxy says them in headers. A client that makes them up gets links that do
// not work for it.
func pictureBase(r *http.Request) string {
	scheme := "http"
	if r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https" {
		scheme = "https"
	}
	host := cmp.Or(r.Header.Get("X-Forwarded-Host"), r.Host)
	if hostname(host) == "" {
		return ""
	}
	return scheme + "://" + host + picturePath
}

// pictureLoader returns a function that adds the bytes to the event of a picture, or nil if the client of the writer
// wants links alone. A picture that cannot be fetched has its link only. The errors of the function say that there is
// no memory for it.
func (s *Server) pictureLoader(r *http.Request, writer any) func(chat.Event) (chat.Event, error) {
	if w, ok := writer.(dialect.PictureWriter); !ok || !w.WantsPictures() || s.opts.Files == nil {
		return nil
	}
	memory := chat.MemoryCount{Take: stateOf(r).memory.takeForAnswer}
	return func(ev chat.Event) (chat.Event, error) {
		content, mediaType, err := s.opts.Files.Picture(r.Context(), ev.Text, "")
		if err != nil {
			s.opts.Logger.LogAttrs(r.Context(), slog.LevelWarn, "the client gets a picture as its link only", slog.Any(telemetry.KeyError, err))
			return ev, nil
		}
		ev.Picture = &chat.Picture{Type: mediaType, Bytes: content}
		return ev, memory.Add(pictureCost * int64(len(content)))
	}
}

// dropOwnPictures removes the pictures from answers whose text has a link to the same picture: those that this server
// has sent as bytes beside the link. Its sessions hold the link alone.
func dropOwnPictures(messages []chat.Message) {
	for i := range messages {
		if m := &messages[i]; m.Role == chat.RoleAssistant && len(m.Files) > 0 {
			m.Files = slices.DeleteFunc(m.Files, func(f chat.File) bool {
				return strings.Contains(m.Text, picturePath+f.Digest.String())
			})
		}
	}
}

// getPicture is GET /v1/images/{digest}?sig=. It needs no key, because a browser that shows an answer has
// none.
func (s *Server) getPicture(w http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return notFound(w, r) // of the Images API, such as variations
	}
	content, size, mediaType, err := s.opts.Files.KeptPicture(r.PathValue("digest"), r.URL.Query().Get("sig"))
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Cache-Control", "private, max-age=86400, immutable")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	return sendFile(w, content, size, mediaType)
}

// sendFile sends bytes that somebody else has made. A browser runs nothing that is in them.
func sendFile(w http.ResponseWriter, content io.ReadCloser, size int64, mediaType string) error {
	defer func() { _ = content.Close() }() // nothing was written to it
	h := w.Header()
	h.Set("Content-Type", mediaType)
	h.Set("Content-Length", strconv.FormatInt(size, 10))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	w.WriteHeader(http.StatusOK)
	if _, err := io.Copy(w, content); err != nil {
		return clientGoneError(err)
	}
	return nil
}
