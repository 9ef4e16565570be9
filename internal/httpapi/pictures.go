package httpapi

import (
	"cmp"
	"io"
	"net/http"
	"strconv"
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
