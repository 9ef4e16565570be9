package httpapi

import (
	"net/http"

	"achuan/internal/chat"
	"achuan/internal/ollama"
)

// addOllamaRoutes adds the routes of Ollama's API.
func (s *Server) addOllamaRoutes(t *routeTable) {
	t.dialects["/api"] = ollama.Ollama{}
	t.add(s.api, "POST /api/chat", s.requireJSON(s.answerOllama(ollama.Ollama{})))
	t.add(s.api, "POST /api/generate", s.requireJSON(s.answerOllama(ollama.Ollama{Generates: true})))
	t.add(s.api, "POST /api/show", s.requireJSON(s.showOllamaModel))
	t.add(s.api, "GET /api/tags", func(w http.ResponseWriter, r *http.Request) error {
		return writeJSON(w, http.StatusOK, ollama.AppendModels(nil, s.opts.Chat.Models(r.Context())))
	})
	t.add(s.api, "GET /api/ps", func(w http.ResponseWriter, _ *http.Request) error {
		return writeJSON(w, http.StatusOK, []byte(`{"models":[]}`))
	})
	t.add(s.api, "GET /api/version", func(w http.ResponseWriter, _ *http.Request) error {
		return writeJSON(w, http.StatusOK, []byte(`{"version":"`+ollama.Version+`"}`))
	})
	t.addFallback(s.api, "/api/", notFound)
}

// answerOllama returns the handler of a request to chat or to generate. One without a question only names a model that
// will be used.
func (s *Server) answerOllama(d ollama.Ollama) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		decoded, err := s.decodeRequest(r, d)
		defer stateOf(r).releaseMemory()
		if err != nil {
			return err
		}
		req, ok := decoded.(*ollama.Request)
		if !ok || !req.IsLoad {
			return s.answerDecoded(w, r, decoded)
		}
		if _, err := s.opts.Chat.Model(r.Context(), req.Model); err != nil {
			return err
		}
		return writeJSON(w, http.StatusOK, req.AppendLoaded(nil))
	}
}

func (s *Server) showOllamaModel(w http.ResponseWriter, r *http.Request) error {
	b := takeBuffer()
	defer returnBuffer(b)
	defer stateOf(r).releaseMemory()
	body, err := s.readBody(b, r)
	if err != nil {
		return err
	}
	name, err := ollama.DecodeShow(body)
	if err != nil {
		return err
	}
	var model chat.Model
	if model, err = s.opts.Chat.Model(r.Context(), name); err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, ollama.AppendModel(nil, model))
}
