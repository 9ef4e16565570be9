package httpapi

import (
	"mime"
	"net/http"
	"strings"

	"achuan/internal/chat"
)

// requireJSON makes h refuse bodies that are not JSON, and decompresses compressed bodies.
// Without keys, the Content-Type must be JSON or absent, because a web page may send any
// other type without a preflight. With keys, the type does not matter. It wraps only
// handlers that read a body, so that a 404 or a 405 does not depend on the type.
func (s *Server) requireJSON(h handler) handler {
	strict := !s.requiresKey()
	return func(w http.ResponseWriter, r *http.Request) error {
		if r.ContentLength == 0 { // no body
			return h(w, r)
		}
		coding, known := parseCoding(r.Header.Values("Content-Encoding"))
		switch {
		case !known:
			w.Header().Set("Accept-Encoding", acceptedCodings)
			return mediaTypeError("The body is compressed in a way that is not supported. Send it with gzip or deflate alone, or as it is.")
		case strict && !isJSONType(r.Header.Get("Content-Type")):
			return mediaTypeError("The body must be JSON: send it with Content-Type: application/json.")
		}
		if coding != "" {
			r.Body = decompress(r.Body, coding, s.opts.MaxBody)
			r.ContentLength = -1 // of what h reads
		}
		return h(w, r)
	}
}

// requireJSONOrForm is requireJSON for a route that also takes forms with files. A web page may send a
// form without a preflight, but guard refuses the requests of other sites.
func (s *Server) requireJSONOrForm(h handler) handler {
	onlyJSON := s.requireJSON(h)
	return func(w http.ResponseWriter, r *http.Request) error {
		if isForm(r.Header.Get("Content-Type")) && r.Header.Get("Content-Encoding") == "" {
			return h(w, r)
		}
		return onlyJSON(w, r)
	}
}

// requireForm makes h refuse bodies that are no form with files.
func (s *Server) requireForm(h handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if !isForm(r.Header.Get("Content-Type")) || r.Header.Get("Content-Encoding") != "" {
			return mediaTypeError("The body must be a form with a file: send it with Content-Type: multipart/form-data.")
		}
		return h(w, r)
	}
}

func mediaTypeError(message string) error {
	return &chat.Error{Kind: chat.KindMediaType, Code: chat.CodeUnsupportedMediaType, Message: message}
}

// isJSONType reports whether a Content-Type is JSON, whatever its parameters. An absent
// one counts as JSON.
func isJSONType(contentType string) bool {
	if contentType == "" {
		return true
	}
	t, _, err := mime.ParseMediaType(contentType)
	if err != nil && t == "" {
		return false
	}
	return t == "application/json" || strings.HasPrefix(t, "application/") && strings.HasSuffix(t, "+json")
}
