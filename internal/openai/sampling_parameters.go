package openai

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"achuan/internal/jsonval"
)

// Readers of the parameters that change the answer.

func (d *decoder) temperature(v jsonval.Value) *jsonval.Fault {
	return number(&d.req.Temperature, v, 0, 2)
}

func (d *decoder) presencePenalty(v jsonval.Value) *jsonval.Fault {
	return number(&d.req.PresencePenalty, v, -2, 2)
}

func (d *decoder) frequencyPenalty(v jsonval.Value) *jsonval.Fault {
	return number(&d.req.FrequencyPenalty, v, -2, 2)
}

func number(to **float64, v jsonval.Value, low, high float64) *jsonval.Fault {
	x, f := v.AsNumber(low, high)
	if f == nil {
		*to = &x
	}
	return f
}

// maxTokens takes 0 and -1 as no limit, because clients send them for an unset field.
func (d *decoder) maxTokens(v jsonval.Value) *jsonval.Fault {
	if s := string(v); s == "0" || s == "-1" {
		return nil
	}
	n, f := v.AsInt(1, math.MaxInt)
	if f == nil {
		d.req.MaxTokens = &n
	}
	return f
}

// maxChoices is the number of answers that one request may ask for.
const maxChoices = 8

func (d *decoder) n(v jsonval.Value) (f *jsonval.Fault) {
	d.req.N, f = v.AsInt(1, maxChoices)
	return f
}

// maxStops is OpenAI's limit. maxStopSize is the size of one stop sequence in bytes; those
// of clients are a marker or a line.
const (
	maxStops    = 4
	maxStopSize = 4 << 10
)

func (d *decoder) stop(v jsonval.Value) *jsonval.Fault {
	switch v.Kind() {
	case jsonval.String:
		return d.addStop(v)
	case jsonval.Array:
	default:
		return jsonval.WrongType("a string or an array of strings", v)
	}
	for i, s := range v.Elements() {
		if f := d.addStop(s); f != nil {
			return f.At(i)
		}
		if len(d.req.Stop) > maxStops {
			return jsonval.TooMany(maxStops, "strings")
		}
	}
	return nil
}

// addStop adds a stop sequence. It ignores an empty one, because clients send empty form
// fields.
func (d *decoder) addStop(v jsonval.Value) *jsonval.Fault {
	s, f := v.AsString()
	switch {
	case f != nil:
		return f
	case s == "":
		return nil
	case len(s) > maxStopSize:
		detail := fmt.Sprintf("a stop sequence may have %d bytes at most, but this one has %d", maxStopSize, len(s))
		return jsonval.Invalid(detail)
	}
	d.req.Stop = append(d.req.Stop, s)
	return nil
}

// efforts are the values that OpenAI's clients know.
var efforts = []string{"none", "minimal", "low", "medium", "high", "xhigh", "max"}

// reasoningEffort takes "" and "auto" as unset: the model decides.
func (d *decoder) reasoningEffort(v jsonval.Value) *jsonval.Fault {
	effort, f := v.AsString()
	if f == nil && (effort == "" || effort == "auto") {
		return nil
	}
	if f == nil && !slices.Contains(efforts, effort) {
		f = jsonval.WrongValue("one of "+strings.Join(efforts, ", "), v)
	}
	d.req.ReasoningEffort = effort
	return f
}
