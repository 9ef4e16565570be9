package httpapi

import (
	"net/http"
	"strings"

	"achuan/internal/dialect"
	"achuan/internal/gemini"
)

// geminiVersions are the first segments of the paths of Google's API.
var geminiVersions = []string{"/v1beta", "/v1alpha"}

// googleKeyHeader and googleKeyParameter are where Google's clients send their key.
const (
	googleKeyHeader    = "X-Goog-Api-Key"
	googleKeyParameter = "key"
)

// addGeminiRoutes adds the routes of Google's Gemini API.
func (s *Server) addGeminiRoutes(t *routeTable) {
	d := gemini.Gemini{Models: s.opts.Chat.Models}
	wrap := func(h handler) http.Handler {
		return chain(s.adapt(h), s.drain, s.guard, keyFromQuery, s.authenticate)
	}
	generate := s.requireJSON(s.answerChat(d))
	count := s.requireJSON(func(w http.ResponseWriter, r *http.Request) error {
		decode := func(body []byte) (dialect.Decoded, error) { return d.Decode(r, body) }
		return s.countTokens(decode, gemini.AppendCount)(w, r)
	})
	for _, version := range geminiVersions {
		t.dialects[version] = d
		t.add(wrap, "POST "+version+"/models/{action...}", func(w http.ResponseWriter, r *http.Request) error {
			if _, verb := gemini.SplitAction(r.PathValue("action")); verb == gemini.VerbCount {
				return count(w, r)
			}
			return generate(w, r)
		})
		t.add(wrap, "GET "+version+"/models", func(w http.ResponseWriter, r *http.Request) error {
			return writeJSON(w, http.StatusOK, gemini.AppendModels(nil, s.opts.Chat.Models(r.Context())))
		})
		t.add(wrap, "GET "+version+"/models/{action...}", func(w http.ResponseWriter, r *http.Request) error {
			m, err := s.opts.Chat.Model(r.Context(), r.PathValue("action"))
			if err != nil {
				return err
			}
			return writeJSON(w, http.StatusOK, gemini.AppendModel(nil, m))
		})
		t.addFallback(s.api, version+"/", notFound)
	}
}

// keyFromQuery moves the key in the query of a request into a header, where all other keys are. A key in a header has
// priority.
func keyFromQuery(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if key := r.URL.Query().Get(googleKeyParameter); key != "" && r.Header.Get(googleKeyHeader) == "" {
			r.Header[googleKeyHeader] = []string{strings.TrimSpace(key)}
		}
		next.ServeHTTP(w, r)
	})
}
