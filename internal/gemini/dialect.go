package gemini

import (
	"context"
	"net/http"
	"strings"

	"achuan/internal/chat"
	"achuan/internal/dialect"
)

// DialectGemini is the name of the dialect in chat.Request.
const DialectGemini = "gemini"

// Gemini is the dialect of the Gemini API. Its requests have the path value "action": a model, a colon and a verb.
type Gemini struct {
	// Models lists the served models, to find one for a name of the same family; nil finds none.
	Models func(ctx context.Context) []chat.Model
}

// The verbs of requests that are decoded.
const (
	verbGenerate = "generateContent"
	verbStream   = "streamGenerateContent"
	VerbCount    = "countTokens"
)

// SplitAction returns the model and the verb of a path such as gemini-3-pro-preview:generateContent.
func SplitAction(action string) (model, verb string) {
	i := strings.LastIndexByte(action, ':')
	if i < 0 {
		return action, ""
	}
	return action[:i], action[i+1:]
}

// Decode implements dialect.Dialect.
func (d Gemini) Decode(r *http.Request, body []byte) (dialect.Decoded, error) {
	model, verb := SplitAction(r.PathValue("action"))
	if verb != verbGenerate && verb != verbStream && verb != VerbCount {
		return nil, &chat.Error{Kind: chat.KindNotFound, Code: chat.CodeNotFound, Message: "There is no such method here."}
	}
	req, err := Decode(body)
	if err != nil {
		return nil, err
	}
	req.Model, req.Streamed = d.servedModel(r.Context(), model), verb == verbStream
	req.isArray = req.Streamed && r.URL.Query().Get("alt") != "sse"
	return req, nil
}

// families are words in the names of models. gemini-cli asks for a newer model of the family that it was told.
var families = []string{"image", "flash", "pro"}

// servedModel returns the name itself if it is served, or else the first served model of the same family.
func (d Gemini) servedModel(ctx context.Context, name string) string {
	if d.Models == nil {
		return name
	}
	models := d.Models(ctx)
	for _, m := range models {
		if m.ID == name {
			return name
		}
	}
	for _, m := range models {
		if strings.HasPrefix(name, "gemini-") && strings.HasPrefix(m.ID, "gemini-") && familyOf(m.ID) == familyOf(name) {
			return m.ID
		}
	}
	return name
}

func familyOf(name string) string {
	for _, family := range families {
		if strings.Contains(name, family) {
			return family
		}
	}
	return ""
}

// AppendError implements dialect.Dialect.
func (Gemini) AppendError(dst []byte, e *chat.Error, _ dialect.Client) (body []byte, status int) {
	return AppendError(dst, e)
}

// Whole implements dialect.Decoded.
func (r *Request) Whole() dialect.Whole { return newWhole(newID(), r) }

// Stream implements dialect.Decoded.
func (r *Request) Stream() dialect.Stream { return newStream(newID(), r) }

func newID() string { return chat.RandomID("", 24) }
