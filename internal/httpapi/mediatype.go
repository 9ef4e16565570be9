package httpapi

import (
	"mime"
	"net/http"
	"strings"

	"achuan/internal/chat"
)

// takesJSON makes h refuse bodies that are not plain JSON. Keyless the type must say
// so, because a web page may post any other type here without asking the browser; a
// missing one is taken as JSON. With keys the type is not looked at. It stands before
// what reads a body, and not before a 404 or a 405, which a body's type cannot help.
func (s *Server) takesJSON(h handler) handler {
	strict := !s.keyed()
	return func(w http.ResponseWriter, r *http.Request) error {
		switch {
		case r.ContentLength == 0: // there is no body to be wrong
		case !plainEncoding(r.Header.Values("Content-Encoding")):
			return unsupportedMedia("The body must not be compressed: send it without Content-Encoding.")
		case strict && !jsonType(r.Header.Get("Content-Type")):
			return unsupportedMedia("The body must be JSON: send it with Content-Type: application/json.")
		}
		return h(w, r)
	}
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
