package httpapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"achuan/internal/chat"
	"achuan/internal/dialect"
	"achuan/internal/responses"
	"achuan/internal/telemetry"
)

// addResponsesRoutes adds the routes of OpenAI's Responses API.
func (s *Server) addResponsesRoutes(t *routeTable) {
	const path = "/v1/responses"
	t.dialects[path] = responses.Responses{}
	t.add(s.api, "POST "+path, s.requireJSON(s.answerChat(responses.Responses{})))
	t.add(s.api, "GET "+path, refuseUpgrade)
	// A pattern with a method would conflict with that of the path below, which has none.
	t.addFallback(s.api, path+"/{id}", func(w http.ResponseWriter, r *http.Request) error {
		switch r.Method {
		case http.MethodGet, http.MethodHead:
			return s.getResponse(w, r)
		case http.MethodDelete:
			return s.deleteResponse(w, r)
		}
		return methodNotAllowed([]string{http.MethodGet, http.MethodHead, http.MethodDelete})(w, r)
	})
	t.add(s.api, "GET "+path+"/{id}/input_items", s.listInputItems)
	t.add(s.api, "POST "+path+"/input_tokens", s.requireJSON(s.countTokens(decodeResponsesCount, responses.AppendCount)))
}

func decodeResponsesCount(body []byte) (dialect.Decoded, error) {
	r, err := responses.Decode(body)
	if err != nil {
		return nil, err
	}
	return r, nil
}

// refuseUpgrade answers 426 to a client that asks for a WebSocket: Codex then uses POST at once, while it repeats the
// upgrade after any other status.
func refuseUpgrade(w http.ResponseWriter, r *http.Request) error {
	if !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		return methodNotAllowed([]string{http.MethodPost})(w, r)
	}
	w.Header().Set("Upgrade", "HTTP/1.1")
	return &chat.Error{
		Kind: chat.KindUpgrade, Code: chat.CodeUpgradeRequired, Message: "WebSockets are not served here; use POST.",
	}
}

// loadResponses returns a stored response and those that it continues. Its errors are chat.ErrNoResponse and
// *chat.Error.
func (s *Server) loadResponses(r *http.Request, id string, limit int) ([]chat.StoredResponse, error) {
	if s.opts.Responses == nil {
		return nil, chat.ErrNoResponse
	}
	caller := stateOf(r).caller.ID
	list, err := s.opts.Responses.Responses(r.Context(), caller, id, limit)
	if err != nil && !errors.Is(err, chat.ErrNoResponse) {
		return nil, storeError(err)
	}
	if err == nil && limit == 0 && time.Since(list[0].Created) > renewAfter {
		// A response is needed as long as others continue it.
		if err := s.opts.Responses.RenewResponses(r.Context(), caller, id); err != nil {
			return nil, storeError(err)
		}
	}
	return list, err
}

// renewAfter is the age of the oldest response of a transcript at which all of it is renewed.
const renewAfter = 24 * time.Hour

// storeError is the error for a store that cannot be asked.
func storeError(cause error) error {
	return &chat.Error{
		Kind: chat.KindUnavailable, Code: chat.CodeStoreUnavailable, NotAsked: true, Cause: cause,
		Message: "The server's store is not available. Try again later.",
	}
}

// resolveReferences completes a request that refers to stored responses.
func (s *Server) resolveReferences(r *http.Request, decoded dialect.Decoded) error {
	req, ok := decoded.(*responses.Request)
	if !ok || !req.NeedsStore() {
		return nil
	}
	if req.ConversationID != "" {
		unlock, err := s.conversations.lock(r.Context(), stateOf(r).caller.ID+" "+req.ConversationID)
		if err != nil {
			return err
		}
		stateOf(r).unlock = unlock
	}
	return req.Resolve(func(id string, isSingle bool) ([]chat.StoredResponse, error) {
		limit := 0
		if isSingle {
			limit = 1
		}
		return s.loadResponses(r, id, limit)
	})
}

// saveResponse stores a complete answer, if its dialect and its client want that, before the client learns that it is
// complete. An answer that cannot be stored is delivered all the same, because it was paid for.
func (s *Server) saveResponse(r *http.Request, writer any) {
	w, ok := writer.(interface {
		Stored() (chat.StoredResponse, bool)
	})
	if !ok || s.opts.Responses == nil {
		return
	}
	stored, isWanted := w.Stored()
	if !isWanted {
		return
	}
	// The client may leave now, but a repetition of its request gets the same answer.
	ctx := context.WithoutCancel(r.Context())
	if err := s.opts.Responses.SaveResponse(ctx, stateOf(r).caller.ID, stored); err != nil {
		s.opts.Logger.LogAttrs(ctx, slog.LevelWarn, "cannot store a response", slog.Any(telemetry.KeyError, err))
	}
}

// findResponse returns the stored response of a path.
func (s *Server) findResponse(r *http.Request) (chat.StoredResponse, error) {
	if !responses.IsResponse(r.PathValue("id")) {
		return chat.StoredResponse{}, noResponseError(r)
	}
	list, err := s.loadResponses(r, r.PathValue("id"), 1)
	if errors.Is(err, chat.ErrNoResponse) {
		return chat.StoredResponse{}, noResponseError(r)
	}
	if err != nil {
		return chat.StoredResponse{}, err
	}
	return list[0], nil
}

func noResponseError(r *http.Request) error {
	return &chat.Error{
		Kind: chat.KindNotFound, Code: chat.CodeNotFound,
		Message: fmt.Sprintf("There is no stored response %q of this caller.", chat.Truncate(r.PathValue("id"), maxShownPath)),
	}
}

func (s *Server) getResponse(w http.ResponseWriter, r *http.Request) error {
	if r.URL.Query().Get("stream") == "true" {
		return chat.Invalid(chat.CodeUnsupportedParameter, "stream", "A stored response cannot be streamed.")
	}
	stored, err := s.findResponse(r)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, stored.Body)
}

func (s *Server) deleteResponse(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id")
	if s.opts.Responses == nil || !responses.IsResponse(id) {
		return noResponseError(r)
	}
	switch err := s.opts.Responses.DeleteResponse(r.Context(), stateOf(r).caller.ID, id); {
	case errors.Is(err, chat.ErrNoResponse):
		return noResponseError(r)
	case err != nil:
		return storeError(err)
	}
	return writeJSON(w, http.StatusOK, responses.AppendDeleted(nil, id))
}

// Items of a page, unless the client asks for another number.
const (
	defaultInputItems = 20
	maxInputItems     = 100
)

// itemQuery reads the query of a page of items.
func itemQuery(r *http.Request) (responses.ItemQuery, error) {
	query := r.URL.Query()
	q := responses.ItemQuery{After: query.Get("after"), Limit: defaultInputItems, Oldest: query.Get("order") == "asc"}
	if text := query.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxInputItems {
			return q, chat.Invalid(chat.CodeInvalidValue, "limit", fmt.Sprintf("limit must be a number from 1 to %d.", maxInputItems))
		}
		q.Limit = n
	}
	return q, nil
}

func (s *Server) listInputItems(w http.ResponseWriter, r *http.Request) error {
	q, err := itemQuery(r)
	if err != nil {
		return err
	}
	stored, err := s.findResponse(r)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, responses.AppendInputItems(nil, stored, q))
}
