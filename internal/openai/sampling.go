package openai

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"achuan/internal/chat"
)

// Readers of the parameters that shape an answer.

func (d *decoder) temperature(v value) *fault {
	return number(&d.req.Temperature, v, 0, 2)
}

func (d *decoder) presencePenalty(v value) *fault {
	return number(&d.req.PresencePenalty, v, -2, 2)
}

func (d *decoder) frequencyPenalty(v value) *fault {
	return number(&d.req.FrequencyPenalty, v, -2, 2)
}

func number(to **float64, v value, low, high float64) *fault {
	x, f := v.asNumber(low, high)
	if f == nil {
		*to = &x
	}
	return f
}

// maxTokens takes 0 and -1 as no limit: with them clients say that none is set.
func (d *decoder) maxTokens(v value) *fault {
	if s := string(v); s == "0" || s == "-1" {
		return nil
	}
	n, f := v.asInt(1, math.MaxInt)
	if f == nil {
		d.req.MaxTokens = &n
	}
	return f
}

// maxChoices is how many answers one request may ask for.
const maxChoices = 8

func (d *decoder) n(v value) (f *fault) {
	d.req.N, f = v.asInt(1, maxChoices)
	return f
}

// maxStops is OpenAI's limit. maxStopSize is the most bytes of one stop sequence;
// those of clients are a marker or a line.
const (
	maxStops    = 4
	maxStopSize = 4 << 10
)

func (d *decoder) stop(v value) *fault {
	switch v.kind() {
	case kindString:
		return d.addStop(v)
	case kindArray:
	default:
		return wrongType("a string or an array of strings", v)
	}
	for i, s := range v.elements() {
		if f := d.addStop(s); f != nil {
			return f.at(i)
		}
		if len(d.req.Stop) > maxStops {
			return tooMany(maxStops, "strings")
		}
	}
	return nil
}

// addStop adds a stop sequence. An empty one is none: clients send the empty field of
// a form.
func (d *decoder) addStop(v value) *fault {
	s, f := v.asString()
	switch {
	case f != nil:
		return f
	case s == "":
		return nil
	case len(s) > maxStopSize:
		detail := fmt.Sprintf("a stop sequence may have %d bytes at most, but this one has %d", maxStopSize, len(s))
		return &fault{code: chat.CodeInvalidValue, detail: detail}
	}
	d.req.Stop = append(d.req.Stop, s)
	return nil
}

// efforts are the values that OpenAI's clients know.
var efforts = []string{"none", "minimal", "low", "medium", "high", "xhigh", "max"}

// reasoningEffort takes "" and "auto" as not set: the model decides.
func (d *decoder) reasoningEffort(v value) *fault {
	effort, f := v.asString()
	if f == nil && (effort == "" || effort == "auto") {
		return nil
	}
	if f == nil && !slices.Contains(efforts, effort) {
		f = wrongValue("one of "+strings.Join(efforts, ", "), v)
	}
	d.req.ReasoningEffort = effort
	return f
}
