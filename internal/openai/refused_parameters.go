package openai

import (
	"math"

	"achuan/internal/jsonval"
)

const (
	noProbabilities = "the platform tells no probabilities of tokens"
	textOnly        = "answers are text, and nothing else can be asked for"
)

// refuseModalities, as the readers below, accepts the values that ask for nothing.
func (d *decoder) refuseModalities(v jsonval.Value) *jsonval.Fault {
	return v.ReadElements(jsonval.List{Expected: "an array of strings"}, func(_ int, e jsonval.Value) *jsonval.Fault {
		modality, f := e.AsString()
		if f != nil {
			return f
		}
		return unsupportedUnless(modality == "text", textOnly)
	})
}

func (d *decoder) refuseAudio(jsonval.Value) *jsonval.Fault { return jsonval.Unsupported(textOnly) }

func (d *decoder) refuseLogprobs(v jsonval.Value) *jsonval.Fault {
	asked, f := v.AsBool()
	if f != nil {
		return f
	}
	return unsupportedUnless(!asked, noProbabilities)
}

func (d *decoder) refuseTopLogprobs(v jsonval.Value) *jsonval.Fault {
	n, f := v.AsInt(0, math.MaxInt)
	if f != nil {
		return f
	}
	return unsupportedUnless(n == 0, noProbabilities)
}

func (d *decoder) refuseBias(v jsonval.Value) *jsonval.Fault {
	return unsupportedUnless(v.IsEmpty(), "the platform cannot favour tokens")
}

// unsupportedUnless refuses a parameter unless its value is harmless.
func unsupportedUnless(harmless bool, why string) *jsonval.Fault {
	if harmless {
		return nil
	}
	return jsonval.Unsupported(why)
}
