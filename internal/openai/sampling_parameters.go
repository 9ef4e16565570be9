package openai

import (
	"achuan/internal/dialect"
	"achuan/internal/jsonval"
)

// Readers of the parameters that change the answer.

func (d *decoder) temperature(v jsonval.Value) *jsonval.Fault {
	return dialect.ReadNumber(&d.req.Temperature, v, 0, 2)
}

func (d *decoder) presencePenalty(v jsonval.Value) *jsonval.Fault {
	return dialect.ReadNumber(&d.req.PresencePenalty, v, -2, 2)
}

func (d *decoder) frequencyPenalty(v jsonval.Value) *jsonval.Fault {
	return dialect.ReadNumber(&d.req.FrequencyPenalty, v, -2, 2)
}

// maxTokens takes 0 and -1 as no limit, because clients send them for an unset field.
func (d *decoder) maxTokens(v jsonval.Value) *jsonval.Fault {
	if s := string(v); s == "0" || s == "-1" {
		return nil
	}
	return d.MaxTokens(v)
}

// maxChoices is the number of answers that one request may ask for.
const maxChoices = 8

func (d *decoder) n(v jsonval.Value) (f *jsonval.Fault) {
	d.req.N, f = v.AsInt(1, maxChoices)
	return f
}

// maxStops is OpenAI's limit.
const maxStops = 4

func (d *decoder) stop(v jsonval.Value) *jsonval.Fault {
	switch v.Kind() {
	case jsonval.String:
		return d.AddStop(v)
	case jsonval.Array:
		return d.Stops(v, maxStops)
	default:
		return jsonval.WrongType("a string or an array of strings", v)
	}
}

func (d *decoder) reasoningEffort(v jsonval.Value) (f *jsonval.Fault) {
	d.req.ReasoningEffort, f = dialect.ReadEffort(v)
	return f
}
