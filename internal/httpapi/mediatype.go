package httpapi

import (
	"mime"
	"net/http"
	"strings"

	"achuan/internal/chat"
)

// mediaType refuses bodies that are not plain JSON. Keyless the type must say so,
// because a web page may post any other type here without asking the browser; a
// missing one is taken as JSON. With keys the type is not looked at.
func (s *Server) mediaType(next http.Handler) http.Handler {
	strict := !s.keyed()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength == 0 {
			next.ServeHTTP(w, r)
			return
		}
		if !plainEncoding(r.Header.Values("Content-Encoding")) {
			s.fail(w, r, unsupportedMedia("The body must not be compressed: send it without Content-Encoding."))
			return
		}
		if strict && !jsonType(r.Header.Get("Content-Type")) {
			s.fail(w, r, unsupportedMedia("The body must be JSON: send it with Content-Type: application/json."))
			return
		}
		next.ServeHTTP(w, r)
	})
}

func unsupportedMedia(message string) error {
	return &chat.Error{Kind: chat.KindMediaType, Code: chat.CodeUnsupportedMediaType, Message: message}
}

func plainEncoding(values []string) bool {
	for _, v := range values {
		if v = strings.TrimSpace(v); v != "" && !strings.EqualFold(v, "identity") {
			return false
		}
	}
	return true
}

// jsonType reports whether a Content-Type is JSON, whatever its parameters.
func jsonType(contentType string) bool {
	if contentType == "" {
		return true
	}
	t, _, err := mime.ParseMediaType(contentType)
	if err != nil && t == "" {
		return false
	}
	return t == "application/json" || strings.HasPrefix(t, "application/") && strings.HasSuffix(t, "+json")
}
