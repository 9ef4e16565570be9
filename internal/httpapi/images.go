package httpapi

import (
	"net/http"
	"time"

	"achuan/internal/chat"
	"achuan/internal/openai"
)

// dialectImages is the name of the dialect in chat.Request.
const dialectImages = "images"

// The kinds of requests of the Images API, as its events name them.
const (
	imageGeneration = "image_generation"
	imageEdit       = "image_edit"
)

// generateImages draws pictures.
func (s *Server) generateImages(w http.ResponseWriter, r *http.Request) error {
	b := takeBuffer()
	defer returnBuffer(b)
	defer stateOf(r).releaseMemory()
	body, err := s.readBody(b, r)
	if err != nil {
		return err
	}
	req, err := openai.DecodeImages(body, false)
	if err != nil {
		return err
	}
	return s.sendImages(w, r, req, imageGeneration)
}

// editImages draws pictures after those that the request brings, in a form or in JSON.
func (s *Server) editImages(w http.ResponseWriter, r *http.Request) error {
	b := takeBuffer()
	defer returnBuffer(b)
	defer stateOf(r).releaseMemory()
	if isForm(r.Header.Get("Content-Type")) {
		x := stateOf(r)
		x.memory = s.budget.newLease()
		req, err := s.readImageForm(r)
		if err != nil {
			return err
		}
		x.bodyRead = time.Now()
		return s.sendImages(w, r, req, imageEdit)
	}
	body, err := s.readBody(b, r)
	if err != nil {
		return err
	}
	req, err := openai.DecodeImages(body, true)
	if err != nil {
		return err
	}
	if len(req.Pictures) == 0 {
		return chat.Invalid(chat.CodeMissingParameter, "image", "Missing required parameter 'image': expected the pictures to change.")
	}
	return s.sendImages(w, r, req, imageEdit)
}

// sendImages asks for pictures and sends them.
func (s *Server) sendImages(w http.ResponseWriter, r *http.Request, req *openai.ImageRequest, kind string) error {
	question := req.Request()
	if err := s.completeImageRequest(r, req, question); err != nil {
		return err
	}
	if !req.Streamed {
		pictures, answer, err := s.drawPictures(r, req, question, nil)
		if err != nil {
			return err
		}
		setPlacementHeaders(w.Header(), "", answer)
		usage := stateOf(r).usage
		setUsageHeaders(w.Header(), "", usage)
		return writeJSON(w, http.StatusOK, openai.AppendImages(nil, time.Now(), pictures, usage))
	}
	s.opts.Metrics.StreamOpened()
	defer s.opts.Metrics.StreamClosed()
	live := newLiveStream(w, s.opts.KeepAlive, openai.ImageStream{})
	defer live.close()
	live.startTimer(stateOf(r).bodyRead.Add(s.opts.HeaderWait))
	pictures, _, err := s.drawPictures(r, req, question, live)
	if err != nil {
		if isClientGone(r, err) || live.closeIfUnused() {
			return err
		}
		event := openai.AppendError([]byte("data: "), publicError(err, requestIDOf(r)))
		_ = live.write(append(event, "\n\n"...)) // the client is told as far as it is there
		return err
	}
	var events []byte
	for _, p := range pictures {
		events = openai.AppendImageEvent(events, kind, time.Now(), p, req, stateOf(r).usage)
	}
	return live.finish(events, stateOf(r).usage)
}

// completeImageRequest stores the pictures of a request and adds what its headers say.
func (s *Server) completeImageRequest(r *http.Request, req *openai.ImageRequest, question *chat.Request) (err error) {
	x := stateOf(r)
	question.Dialect, question.Caller, question.Streamed = dialectImages, x.caller, req.Streamed
	if !req.IsBase64 {
		question.PictureBase = pictureBase(r)
	}
	if err = s.opts.Files.Resolve(r.Context(), question); err != nil {
		return err
	}
	if x.memory != nil {
		question.Hold, question.TakeMemory = x.memory.hold, x.memory.takeForAnswer
	}
	question.Retried = isRetry(r.Header)
	question.IdempotencyKey, err = idempotencyKey(r.Header)
	if n := len(req.Unknown); n > 0 {
		s.opts.Metrics.IgnoredKeys(n)
	}
	x.model, x.isStream = req.Model, req.Streamed
	return err
}

// drawPictures asks the question and returns the pictures of the answer. live gets the placement; it may
// be nil.
func (s *Server) drawPictures(
	r *http.Request, req *openai.ImageRequest, question *chat.Request, live *liveStream,
) (pictures []openai.Picture, answer Answer, err error) {
	answer, err = s.placeRequest(r, question)
	if err != nil {
		return nil, nil, err
	}
	x := stateOf(r)
	x.model = question.Model
	if live != nil {
		live.setAnswer(answer)
	}
	pictures, text, err := s.collectPictures(r, answer)
	x.setPlacement(answer)
	if err != nil {
		if isClientGone(r, err) {
			answer.MarkClientLeft()
		}
		return nil, nil, err
	}
	if len(pictures) == 0 {
		return nil, nil, &chat.Error{
			Kind: chat.KindUnprocessable, Code: chat.CodeInvalidModelOutput,
			Message: "The model answered without a picture: " + chat.Truncate(text, maxShownAnswer),
		}
	}
	if !req.IsBase64 {
		return pictures, answer, nil
	}
	memory := chat.MemoryCount{Take: x.memory.takeForAnswer}
	for i := range pictures {
		p := &pictures[i]
		if p.Bytes, p.Type, err = s.opts.Files.Picture(r.Context(), p.URL, req.OutputFormat); err != nil {
			return nil, nil, err
		}
		if err := memory.Add(pictureCost * int64(len(p.Bytes))); err != nil {
			return nil, nil, err
		}
	}
	return pictures, answer, nil
}

const (
	maxShownAnswer = 500 // bytes of an answer that an error repeats
	pictureCost    = 3   // memory per byte of a picture: the bytes, and their base64
)

// collectPictures returns the pictures and the text of an answer.
func (s *Server) collectPictures(r *http.Request, answer Answer) (pictures []openai.Picture, text string, err error) {
	isWhole := false
	for ev, err := range answer.Events() {
		if err != nil {
			return nil, "", err
		}
		if err := checkContext(r.Context()); err != nil {
			return nil, "", err
		}
		stateOf(r).addEvent(ev)
		switch ev.Kind {
		case chat.EventPicture:
			pictures = append(pictures, openai.Picture{URL: ev.Text})
		case chat.EventText:
			if len(text) < maxShownAnswer {
				text += ev.Text
			}
		case chat.EventDone:
			isWhole = true
		}
	}
	if !isWhole {
		return nil, "", incompleteAnswerError()
	}
	return pictures, text, nil
}
