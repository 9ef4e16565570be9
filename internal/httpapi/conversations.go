package httpapi

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"achuan/internal/chat"
	"achuan/internal/responses"
)

// addConversationRoutes adds the routes of the conversations of OpenAI's Responses API.
func (s *Server) addConversationRoutes(t *routeTable) {
	const path = "/v1/conversations"
	t.dialects[path] = responses.Responses{}
	t.add(s.api, "POST "+path, s.requireJSON(s.createConversation))
	t.add(s.api, "GET "+path+"/{id}", s.getConversation)
	t.add(s.api, "DELETE "+path+"/{id}", s.deleteConversation)
	t.add(s.api, "GET "+path+"/{id}/items", s.listConversationItems)
	t.add(s.api, "POST "+path+"/{id}/items", s.requireJSON(s.addConversationItems))
	t.add(s.api, "GET "+path+"/{id}/items/{item}", s.getConversationItem)
}

func (s *Server) createConversation(w http.ResponseWriter, r *http.Request) error {
	body, err := s.readSmallBody(r)
	if err != nil {
		return err
	}
	conversation, added, err := responses.NewConversation(body)
	if err != nil {
		return err
	}
	if s.opts.Responses == nil {
		return storeError(errors.New("responses are not stored"))
	}
	caller := stateOf(r).caller.ID
	err = s.opts.Responses.SaveResponse(r.Context(), caller, conversation)
	if err == nil && added != nil {
		err = s.opts.Responses.SaveResponse(r.Context(), caller, *added)
	}
	if err != nil {
		return storeError(err)
	}
	return writeJSON(w, http.StatusOK, conversation.Body)
}

// loadConversation returns the entries of the conversation of a path, the oldest first, and the conversation itself as
// the last one.
func (s *Server) loadConversation(r *http.Request, limit int) ([]chat.StoredResponse, error) {
	id := r.PathValue("id")
	if !responses.IsConversation(id) {
		return nil, responses.NoConversationError(id)
	}
	entries, err := s.loadResponses(r, id, limit)
	if errors.Is(err, chat.ErrNoResponse) {
		return nil, responses.NoConversationError(id)
	}
	return entries, err
}

func (s *Server) getConversation(w http.ResponseWriter, r *http.Request) error {
	entries, err := s.loadConversation(r, 1)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, entries[0].Body)
}

func (s *Server) deleteConversation(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id")
	if s.opts.Responses == nil || !responses.IsConversation(id) {
		return responses.NoConversationError(id)
	}
	switch err := s.opts.Responses.DeleteResponse(r.Context(), stateOf(r).caller.ID, id); {
	case errors.Is(err, chat.ErrNoResponse):
		return responses.NoConversationError(id)
	case err != nil:
		return storeError(err)
	}
	return writeJSON(w, http.StatusOK, responses.AppendDeletedConversation(nil, id))
}

func (s *Server) listConversationItems(w http.ResponseWriter, r *http.Request) error {
	q, err := itemQuery(r)
	if err != nil {
		return err
	}
	entries, err := s.loadConversation(r, 0)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, responses.AppendConversationItems(nil, entries, q))
}

func (s *Server) getConversationItem(w http.ResponseWriter, r *http.Request) error {
	entries, err := s.loadConversation(r, 0)
	if err != nil {
		return err
	}
	item, found := responses.AppendConversationItem(nil, entries, r.PathValue("item"))
	if !found {
		return &chat.Error{Kind: chat.KindNotFound, Code: chat.CodeNotFound, Message: "The conversation has no such item."}
	}
	return writeJSON(w, http.StatusOK, item)
}

func (s *Server) addConversationItems(w http.ResponseWriter, r *http.Request) error {
	body, err := s.readSmallBody(r)
	if err != nil {
		return err
	}
	id := r.PathValue("id")
	added, err := responses.AddItems(body, id)
	if err != nil {
		return err
	}
	unlock, err := s.conversations.lock(r.Context(), stateOf(r).caller.ID+" "+id)
	if err != nil {
		return err
	}
	defer unlock()
	entries, err := s.loadConversation(r, 1)
	if err != nil {
		return err
	}
	added.Previous = entries[0].Previous
	switch err := s.opts.Responses.SaveResponse(r.Context(), stateOf(r).caller.ID, *added); {
	case errors.Is(err, chat.ErrConversationMoved):
		return conversationBusyError(err)
	case err != nil:
		return storeError(err)
	}
	return writeJSON(w, http.StatusOK, responses.AppendAdded(nil, *added))
}

// conversationBusyError is the error for a change of a conversation that another replica has changed meanwhile.
func conversationBusyError(cause error) error {
	return &chat.Error{
		Kind: chat.KindConflict, Code: chat.CodeSessionBusy, Param: "conversation", NotAsked: true, RetryAfter: time.Second,
		Cause: cause, Message: "Another request has changed the conversation meanwhile. Try again.",
	}
}

// readSmallBody reads a body whose content is copied.
func (s *Server) readSmallBody(r *http.Request) ([]byte, error) {
	b := takeBuffer()
	defer returnBuffer(b)
	data, err := s.readBody(b, r)
	defer stateOf(r).releaseMemory()
	if err != nil {
		return nil, err
	}
	return append([]byte(nil), data...), nil
}

// locks lets one request at a time change a conversation: the next one waits until the answer of the one before is
// stored, so that it continues from there. With replicas, each has its own; the store then refuses the second change.
type locks struct {
	mu   sync.Mutex
	held map[string]*heldLock
}

type heldLock struct {
	free  chan struct{} // has one element when nobody holds the lock
	users int           // who hold it or wait for it
}

// lock waits until nobody has the key, or ctx ends.
func (l *locks) lock(ctx context.Context, key string) (unlock func(), err error) {
	l.mu.Lock()
	h := l.held[key]
	if h == nil {
		h = &heldLock{free: make(chan struct{}, 1)}
		h.free <- struct{}{}
		if l.held == nil {
			l.held = map[string]*heldLock{}
		}
		l.held[key] = h
	}
	h.users++
	l.mu.Unlock()
	leave := func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if h.users--; h.users == 0 {
			delete(l.held, key)
		}
	}
	select {
	case <-h.free:
		return func() { h.free <- struct{}{}; leave() }, nil
	case <-ctx.Done():
		leave()
		return nil, context.Cause(ctx)
	}
}
