package simulator

import (
	"net/http"
	"time"
)

// Reply is one answer to a question, with everything that can be wrong with it.
// The zero value of a field is the ordinary thing; the zero Reply says nothing and
// ends well.
type Reply struct {
	// What the model says. Deltas are frames' texts as they are; Text is cut into
	// some. AIText is what the record says, nil for what was said.
	Text   string
	Deltas []string
	AIText *string

	// Error is the text of an error frame that takes the place of the record and of
	// [DONE]: the first frame, unless something was said before. ErrorCode is its
	// code, 0 is 1.
	Error     string
	ErrorCode int

	Usage    *Usage // nil: counted, see Tokens
	NoUsage  bool   // the record's frame has no token counts
	UserStop bool   // the record says that the user stopped the answer
	NoObject bool   // no record's frame
	NoDone   bool   // no [DONE]
	NoRecord bool   // nothing is stored: later turns don't see the exchange

	// Steps take the place of the frames that the fields above would make, and
	// NoObject and NoDone are not looked at. What is stored is what Deltas steps say.
	Steps []Step

	// A Status, a Body or a ContentType other than text/event-stream makes a reply
	// that is no stream. Status 0 is 200. Steps then come before the Body.
	Status      int
	ContentType string
	Body        string
	Header      http.Header // added to any reply's

	CRLF   bool   // lines end in CRLF
	Tight  bool   // no space after data:
	Writes Writes // 0: Options.Writes
	// CutAfter closes the connection after so many bytes of the body, wherever they
	// end; 0 is never. Cut and Reset do so between steps.
	CutAfter int
	Delay    time.Duration // before each frame, instead of Options.Pace
	// Gate holds back each frame until something is received from it; closing it
	// lets the rest run.
	Gate <-chan struct{}

	// Refused says that this reply comes from the platform's own checks and not
	// from the model: the turn is an attempt only, and nothing is stored.
	Refused bool
}

// Say answers with a text.
func Say(text string) Reply { return Reply{Text: text} }

// Fail answers with an error frame and nothing else.
func Fail(text string) Reply { return Reply{Error: text} }

// SayThenFail answers with a text and then an error frame.
func SayThenFail(text, err string) Reply { return Reply{Text: text, Error: err} }

// Lost answers that there is no such session.
func Lost() Reply { return Reply{Error: unknownSession, Refused: true} }

// HTTPStatus answers with no stream but a status and a body.
func HTTPStatus(status int, contentType, body string) Reply {
	return Reply{Status: status, ContentType: contentType, Body: body}
}

// PlainText answers with HTTP 200 and text/plain: an error's text.
func PlainText(text string) Reply { return HTTPStatus(http.StatusOK, "text/plain", text) }

// JSON answers with HTTP 200 and an envelope instead of a stream.
func JSON(code int, msg string) Reply {
	return HTTPStatus(http.StatusOK, jsonType, string(marshal(envelope{Code: code, Msg: msg})))
}

// LoginExpired answers that the login has expired.
func LoginExpired(form LoginForm) Reply {
	status, e := form.envelope()
	r := HTTPStatus(status, jsonType, string(marshal(e)))
	r.Refused = true
	return r
}

// CutShort answers with a text and closes the connection where the record should
// come. The record is stored.
func CutShort(text string) Reply { return Stream(Head(), Deltas(text), Cut()) }

// Stream answers with steps.
func Stream(steps ...Step) Reply { return Reply{Steps: steps} }
