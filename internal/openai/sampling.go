package openai

import (
	"math"
	"slices"
	"strconv"
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

func (d *decoder) maxTokens(v value) *fault {
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

// maxStops is OpenAI's limit.
const maxStops = 4

func (d *decoder) stop(v value) *fault {
	switch v.kind() {
	case kindString:
		return d.addStop(v)
	case kindArray:
	default:
		return wrongType("a string or an array of strings", v)
	}
	for i, s := range v.elements() {
		if i == maxStops {
			return &fault{code: chat.CodeInvalidValue, detail: "expected at most " + strconv.Itoa(maxStops) + " strings, but got more"}
		}
		if f := d.addStop(s); f != nil {
			return f.at(i)
		}
	}
	return nil
}

func (d *decoder) addStop(v value) *fault {
	s, f := v.asString()
	if f == nil && s == "" {
		f = wrongValue("a string that is not empty", v)
	}
	d.req.Stop = append(d.req.Stop, s)
	return f
}

// efforts are the values that OpenAI's clients know.
var efforts = []string{"none", "minimal", "low", "medium", "high", "xhigh", "max"}

func (d *decoder) reasoningEffort(v value) *fault {
	effort, f := v.asString()
	if f == nil && !slices.Contains(efforts, effort) {
		f = wrongValue("one of "+strings.Join(efforts, ", "), v)
	}
	d.req.ReasoningEffort = effort
	return f
}
