package httpapi

import (
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"achuan/internal/chat"
	"achuan/internal/openai"
	"achuan/internal/telemetry"
)

// Headers that say how an answer came about.
const (
	placementHeader = "X-Achuan-Placement"
	usageHeader     = "X-Achuan-Usage"
	usageEstimated  = "estimated"
)

// dialectChat is the dialect of Chat Completions.
const dialectChat = "chat.completions"

// chatCompletions is POST /v1/chat/completions.
func (s *Server) chatCompletions(w http.ResponseWriter, r *http.Request) error {
	req, err := s.decodeRequest(r)
	defer stateOf(r).releaseMemory()
	if err != nil {
		return err
	}
	if req.Streamed {
		s.opts.Metrics.StreamOpened()
		defer s.opts.Metrics.StreamClosed()
		return s.streamAnswer(w, r, req)
	}
	return s.sendWhole(w, r, req)
}

// placeRequest has a request placed, which is a step of its own in its trace. It may take
// long: it waits for the session, for the platform and for the store.
func (s *Server) placeRequest(r *http.Request, req *openai.ChatRequest) (Answer, error) {
	ctx := telemetry.WithModel(r.Context(), req.Model)
	_, span := telemetry.StartPlacement(ctx)
	defer span.End()
	answer, err := s.opts.Chat.Chat(ctx, &req.Request)
	if err != nil {
		span.Fail(string(chat.AsError(err).Code))
		return nil, err
	}
	span.SetPlacement(answer.Session(), string(answer.Placement()))
	stateOf(r).setPlacement(answer)
	return answer, nil
}

// decodeRequest decodes the body and fills in what is said outside of it.
func (s *Server) decodeRequest(r *http.Request) (*openai.ChatRequest, error) {
	b := takeBuffer()
	defer returnBuffer(b)
	data, err := s.readBody(b, r)
	if err != nil {
		return nil, err
	}
	x := stateOf(r)
	req, err := openai.DecodeChat(data)
	if err != nil {
		return nil, err
	}
	x.model, x.isStream = req.Model, req.Streamed
	req.Dialect, req.Caller = dialectChat, x.caller
	if x.memory != nil {
		req.Hold = x.memory.hold
	}
	if req.Retried = isRetry(r.Header); req.Retried {
		s.logDebug(r.Context(), "the client says that it repeats a request")
	}
	if req.IdempotencyKey, err = idempotencyKey(r.Header); err != nil {
		return nil, err
	}
	if n := len(req.Unknown); n > 0 {
		s.opts.Metrics.IgnoredKeys(n)
		s.logDebug(r.Context(), "unknown keys in the request, ignored",
			slog.Any(telemetry.KeyIgnored, truncateAll(req.Unknown, maxLoggedKeys, maxLoggedText)))
	}
	if req.Session, err = s.sessionRef(r, req); err != nil {
		return nil, err
	}
	if req.Session.ID == 0 {
		err = req.CheckResults()
	}
	return req, err
}

// maxLoggedKeys bounds how many unknown keys one line names.
const maxLoggedKeys = 16

// sendWhole collects the answer and sends it at once.
func (s *Server) sendWhole(w http.ResponseWriter, r *http.Request, req *openai.ChatRequest) error {
	answer, err := s.placeRequest(r, req)
	if err != nil {
		return err
	}
	err = s.collectAnswer(w, r, req, answer)
	if err != nil && isClientGone(r, err) {
		answer.Left()
	}
	return err
}

// collectAnswer is whole for an answer that is about to come.
func (s *Server) collectAnswer(w http.ResponseWriter, r *http.Request, req *openai.ChatRequest, answer Answer) error {
	x := stateOf(r)
	collected := openai.NewWhole(openai.NewID(), time.Now(), req)
	for ev, err := range answer.Events() {
		if err != nil {
			x.setPlacement(answer)
			return err
		}
		if err := checkContext(r.Context()); err != nil {
			return err
		}
		x.addEvent(ev)
		collected.Add(ev)
	}
	x.setPlacement(answer)
	if !collected.Complete() {
		return incompleteAnswerError()
	}
	setPlacementHeaders(w.Header(), "", answer)
	if x.usage.Estimated {
		w.Header().Set(usageHeader, usageEstimated)
	}
	return writeJSON(w, http.StatusOK, collected.Append(nil))
}

// setPlacementHeaders puts the session and how it was chosen into a reply's header, or, with
// http.TrailerPrefix, into its trailer.
func setPlacementHeaders(h http.Header, prefix string, answer Answer) {
	h.Set(prefix+sessionHeader, strconv.FormatInt(answer.Session(), 10))
	h.Set(prefix+placementHeader, string(answer.Placement()))
}

// incompleteAnswerError is for an answer that ended with neither an end nor an error.
func incompleteAnswerError() error {
	return &chat.Error{
		Kind: chat.KindBackend, Code: chat.CodeBackendTruncated,
		Message: "The answer ended before it was whole.",
	}
}
