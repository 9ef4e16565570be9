package dialect

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"achuan/internal/chat"
	"achuan/internal/jsonval"
)

// ReadNumber reads a number from low to high into to.
func ReadNumber(to **float64, v jsonval.Value, low, high float64) *jsonval.Fault {
	x, f := v.AsNumber(low, high)
	if f == nil {
		*to = &x
	}
	return f
}

// MaxTokens reads the largest number of tokens of an answer, 1 or more.
func (b *Builder) MaxTokens(v jsonval.Value) *jsonval.Fault {
	n, f := v.AsInt(1, math.MaxInt)
	if f == nil {
		b.Request.MaxTokens = &n
	}
	return f
}

// MaxStopSize is the size of one stop sequence in bytes; those of clients are a marker or a
// line.
const MaxStopSize = 4 << 10

// Stops reads an array of at most limit stop sequences.
func (b *Builder) Stops(v jsonval.Value, limit int) *jsonval.Fault {
	if v.Kind() != jsonval.Array {
		return jsonval.WrongType("an array of strings", v)
	}
	for i, s := range v.Elements() {
		if f := b.AddStop(s); f != nil {
			return f.At(i)
		}
		if len(b.Request.Stop) > limit {
			return jsonval.TooMany(limit, "strings")
		}
	}
	return nil
}

// AddStop adds a stop sequence. It ignores an empty one, because clients send empty form
// fields.
func (b *Builder) AddStop(v jsonval.Value) *jsonval.Fault {
	s, f := v.AsString()
	switch {
	case f != nil:
		return f
	case s == "":
		return nil
	case len(s) > MaxStopSize:
		detail := fmt.Sprintf("a stop sequence may have %d bytes at most, but this one has %d", MaxStopSize, len(s))
		return jsonval.Invalid(detail)
	}
	b.Request.Stop = append(b.Request.Stop, s)
	return nil
}

// EffortOfBudget returns the reasoning effort for a budget of tokens: none for 0, low below 4096, medium below
// 16384, else high.
func EffortOfBudget(tokens int) string {
	switch {
	case tokens <= 0:
		return "none"
	case tokens < 4096:
		return "low"
	case tokens < 16384:
		return "medium"
	default:
		return "high"
	}
}

// efforts are the values that OpenAI's clients know.
var efforts = []string{"none", "minimal", "low", "medium", "high", "xhigh", "max"}

// ReadEffort reads a reasoning effort. It takes "" and "auto" as unset: the model decides.
func ReadEffort(v jsonval.Value) (string, *jsonval.Fault) {
	effort, f := v.AsString()
	switch {
	case f != nil:
		return "", f
	case effort == "" || effort == "auto":
		return "", nil
	case !slices.Contains(efforts, effort):
		return "", jsonval.WrongValue("one of "+strings.Join(efforts, ", "), v)
	}
	return effort, nil
}

// ReadSessionID reads the id of a session, given as a number or as a string.
func ReadSessionID(v jsonval.Value) (int64, *jsonval.Fault) {
	text := string(v)
	switch v.Kind() {
	case jsonval.String:
		text = v.Text()
	case jsonval.Number:
	default:
		return 0, jsonval.WrongType("a session id as a number or a string", v)
	}
	id, ok := chat.ParseSessionID(text)
	if !ok {
		return 0, jsonval.WrongValue("a session id of 1 to 16 digits that does not begin with 0", v)
	}
	return id, nil
}
