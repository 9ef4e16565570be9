package httpapi

import (
	"log/slog"
	"net/http"
	"strconv"

	"achuan/internal/chat"
	"achuan/internal/dialect"
	"achuan/internal/telemetry"
)

// Headers that say where an answer comes from and whether its usage is an estimate.
const (
	placementHeader = "X-Achuan-Placement"
	usageHeader     = "X-Achuan-Usage"
	usageEstimated  = "estimated"
	pointsHeader    = "X-Achuan-Points"
)

// answerChat returns the handler of a route that answers requests in a dialect.
func (s *Server) answerChat(d dialect.Dialect) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		req, err := s.decodeRequest(r, d)
		defer stateOf(r).releaseMemory()
		defer stateOf(r).unlockConversation()
		if err != nil {
			return err
		}
		return s.answerDecoded(w, r, req)
	}
}

// answerDecoded answers a decoded request.
func (s *Server) answerDecoded(w http.ResponseWriter, r *http.Request, req dialect.Decoded) error {
	if !req.Common().Streamed {
		return s.sendWhole(w, r, req)
	}
	s.opts.Metrics.StreamOpened()
	defer s.opts.Metrics.StreamClosed()
	return s.streamAnswer(w, r, req)
}

// placeRequest lets the gateway choose a session. It is a step of its own in the trace,
// because it waits for the session, for the platform and for the store.
func (s *Server) placeRequest(r *http.Request, req *chat.Request) (Answer, error) {
	ctx := telemetry.WithModel(r.Context(), req.Model)
	_, span := telemetry.StartPlacement(ctx)
	defer span.End()
	answer, err := s.opts.Chat.Chat(ctx, req)
	if err != nil {
		span.Fail(string(chat.AsError(err).Code))
		return nil, err
	}
	span.SetPlacement(answer.Session(), string(answer.Placement()))
	stateOf(r).setPlacement(answer)
	return answer, nil
}

// decodeRequest decodes the body and adds what the headers say.
func (s *Server) decodeRequest(r *http.Request, d dialect.Dialect) (dialect.Decoded, error) {
	b := takeBuffer()
	defer returnBuffer(b)
	data, err := s.readBody(b, r)
	if err != nil {
		return nil, err
	}
	decoded, err := d.Decode(r, data)
	if err != nil {
		return nil, err
	}
	common := decoded.Common()
	x, req := stateOf(r), &common.Request
	if err := s.resolveReferences(r, decoded); err != nil {
		return nil, err
	}
	x.model, x.isStream = req.Model, req.Streamed
	req.Caller, req.PictureBase = x.caller, pictureBase(r)
	if x.memory != nil {
		req.Hold, req.TakeMemory = x.memory.hold, x.memory.takeForAnswer
	}
	if req.Retried = isRetry(r.Header); req.Retried {
		s.logDebug(r.Context(), "the client says that it repeats a request")
	}
	if req.IdempotencyKey, err = idempotencyKey(r.Header); err != nil {
		return nil, err
	}
	if common.HasFiles {
		if err := s.opts.Files.Resolve(r.Context(), req); err != nil {
			return nil, err
		}
		dropOwnPictures(req.Messages)
	}
	if n := len(common.Unknown); n > 0 {
		s.opts.Metrics.IgnoredKeys(n)
		s.logDebug(r.Context(), "unknown keys in the request, ignored",
			slog.Any(telemetry.KeyIgnored, truncateAll(common.Unknown, maxLoggedKeys, maxLoggedText)))
	}
	if req.Session, err = s.sessionRef(r, common); err != nil {
		return nil, err
	}
	if req.Session.ID == 0 {
		err = common.CheckResults()
	}
	return decoded, err
}

// maxLoggedKeys is the number of unknown keys that one log line names.
const maxLoggedKeys = 16

// sendWhole collects the answer and sends it at once.
func (s *Server) sendWhole(w http.ResponseWriter, r *http.Request, req dialect.Decoded) error {
	answer, err := s.placeRequest(r, &req.Common().Request)
	if err != nil {
		return err
	}
	err = s.collectAnswer(w, r, req, answer)
	if err != nil && isClientGone(r, err) {
		answer.MarkClientLeft()
	}
	return err
}

// collectAnswer sends the answer of a placed request.
func (s *Server) collectAnswer(w http.ResponseWriter, r *http.Request, req dialect.Decoded, answer Answer) error {
	x := stateOf(r)
	collected := req.Whole()
	memory := chat.MemoryCount{Take: x.memory.takeForAnswer}
	addPicture := s.pictureLoader(r, collected)
	for ev, err := range answer.Events() {
		if err != nil {
			x.setPlacement(answer)
			return err
		}
		if err := checkContext(r.Context()); err != nil {
			return err
		}
		if ev.Kind == chat.EventPicture && addPicture != nil {
			if ev, err = addPicture(ev); err != nil {
				return err
			}
		}
		x.addEvent(ev)
		if err := memory.Add(collectedCost * int64(len(ev.Text))); err != nil {
			return err
		}
		collected.Add(ev)
	}
	x.setPlacement(answer)
	if !collected.Complete() {
		return incompleteAnswerError()
	}
	setPlacementHeaders(w.Header(), "", answer)
	setUsageHeaders(w.Header(), "", x.usage)
	s.saveResponse(r, collected)
	body := collected.Append(nil)
	collected = nil // the client may read slowly, and the body is all that it needs
	x.memory.shrinkAnswers(bodyShare * int64(len(body)))
	return writeJSON(w, http.StatusOK, body)
}

// The memory that a whole answer takes here, besides what its turn takes.
const (
	collectedCost = 3 // per byte while it is collected and written as JSON
	bodyShare     = 2 // per byte of its JSON while that is sent: the turn may keep the answer for a repetition
)

// setPlacementHeaders sets the session and how it was chosen: in the header of the reply,
// or, with http.TrailerPrefix, in its trailer.
func setPlacementHeaders(h http.Header, prefix string, answer Answer) {
	h.Set(prefix+sessionHeader, strconv.FormatInt(answer.Session(), 10))
	h.Set(prefix+placementHeader, string(answer.Placement()))
}

// setUsageHeaders says whether the usage is an estimate, and what the answer cost in points if that is
// known: in the header of the reply, or, with http.TrailerPrefix, in its trailer.
func setUsageHeaders(h http.Header, prefix string, u chat.Usage) {
	if u.Estimated {
		h.Set(prefix+usageHeader, usageEstimated)
	}
	if u.HasPoints {
		h.Set(prefix+pointsHeader, strconv.Itoa(u.Points))
	}
}

// incompleteAnswerError is the error for an answer that stopped without an end or an error.
func incompleteAnswerError() error {
	return &chat.Error{
		Kind: chat.KindBackend, Code: chat.CodeBackendTruncated,
		Message: "The answer ended before it was whole.",
	}
}
