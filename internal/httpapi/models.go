package httpapi

import (
	"net/http"

	"achuan/internal/openai"
)

// listModels is GET /v1/models.
func (s *Server) listModels(w http.ResponseWriter, r *http.Request) error {
	return writeJSON(w, http.StatusOK, openai.AppendModels(nil, s.opts.Chat.Models(r.Context())))
}

// getModel is GET /v1/models/{id...}; an id may have slashes.
func (s *Server) getModel(w http.ResponseWriter, r *http.Request) error {
	model, err := s.opts.Chat.Model(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, openai.AppendModel(nil, model))
}
