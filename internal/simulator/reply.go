package simulator

import (
	"net/http"
	"time"
)

// Reply is one answer to a question, with all its faults. The zero value of a field is what the platform normally
// does. The zero Reply is an empty answer that ends normally.
type Reply struct {
	// The answer of the model. Deltas are the texts of the frames. Without Deltas, Text is split into frames. AIText
	// is the answer in the record; nil is the answer that was sent.
	Text   string
	Deltas []string
	AIText *string

	// Error is the text of an error frame, which replaces the record and [DONE]. It comes after Text or Deltas.
	// ErrorCode is its code; 0 is 1.
	Error     string
	ErrorCode int

	Usage    *Usage // nil: see Tokens
	NoUsage  bool   // the object frame has no token counts
	UserStop bool   // the record says that the user stopped the answer
	NoObject bool   // no object frame
	NoDone   bool   // no [DONE]
	NoRecord bool   // nothing is stored, so later turns do not see the exchange

	// Steps replace all frames that the fields above make. NoObject and NoDone then have no effect. The record has
	// the texts of the Deltas steps.
	Steps []Step

	// A reply with a Status, a Body or a ContentType other than text/event-stream is not a stream. Status 0 is 200.
	// Its Steps come before the Body.
	Status      int
	ContentType string
	Body        string
	Header      http.Header // added to the headers of the reply

	CRLF   bool   // lines end in CRLF
	Tight  bool   // no space after "data:"
	Writes Writes // 0: Options.Writes
	// CutAfter closes the connection after this number of bytes of the body; 0 is never. The steps Cut and Reset do so
	// between frames.
	CutAfter int
	Delay    time.Duration // before each frame, instead of Options.Pace
	// Gate delays each frame until a value is received from it. Closing it releases all frames.
	Gate <-chan struct{}

	// Refused says that a check of the platform refuses the question, so the model does not see it: Turns does not
	// return the turn, and nothing is stored.
	Refused bool
}

// Say answers with this text.
func Say(text string) Reply { return Reply{Text: text} }

// Fail answers with an error frame only.
func Fail(text string) Reply { return Reply{Error: text} }

// SayThenFail answers with a text and then an error frame.
func SayThenFail(text, err string) Reply { return Reply{Text: text, Error: err} }

// Lost answers that the session does not exist.
func Lost() Reply { return Reply{Error: unknownSessionText, Refused: true} }

// HTTPStatus answers with a status and a body instead of a stream.
func HTTPStatus(status int, contentType, body string) Reply {
	return Reply{Status: status, ContentType: contentType, Body: body}
}

// PlainText answers with HTTP 200 and text/plain, as some hosts report errors.
func PlainText(text string) Reply { return HTTPStatus(http.StatusOK, "text/plain", text) }

// JSON answers with HTTP 200 and an envelope instead of a stream.
func JSON(code int, msg string) Reply {
	return HTTPStatus(http.StatusOK, jsonType, string(marshal(envelope{Code: code, Msg: msg})))
}

// LoginExpired answers that the login has expired.
func LoginExpired(form LoginForm) Reply {
	status, e := form.refusal()
	r := HTTPStatus(status, jsonType, string(marshal(e)))
	r.Refused = true
	return r
}

// CutShort answers with a text and closes the connection before the object frame. The record is stored.
func CutShort(text string) Reply { return Stream(Head(), Deltas(text), Cut()) }

// Stream answers with these steps.
func Stream(steps ...Step) Reply { return Reply{Steps: steps} }
