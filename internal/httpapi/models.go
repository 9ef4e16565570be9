package httpapi

import (
	"net/http"

	"achuan/internal/anthropic"
	"achuan/internal/openai"
)

// listModels is GET /v1/models.
func (s *Server) listModels(w http.ResponseWriter, r *http.Request) error {
	models := s.opts.Chat.Models(r.Context())
	if r.Header.Get(headerOfMessages) != "" {
		return writeJSON(w, http.StatusOK, anthropic.AppendModels(nil, models, r.URL.Query()))
	}
	return writeJSON(w, http.StatusOK, openai.AppendModels(nil, models))
}

// getModel is GET /v1/models/{id...}; an id may have slashes.
func (s *Server) getModel(w http.ResponseWriter, r *http.Request) error {
	model, err := s.opts.Chat.Model(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	if r.Header.Get(headerOfMessages) != "" {
		return writeJSON(w, http.StatusOK, anthropic.AppendModel(nil, model))
	}
	return writeJSON(w, http.StatusOK, openai.AppendModel(nil, model))
}
