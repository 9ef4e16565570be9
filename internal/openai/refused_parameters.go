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
	if v.Kind() != jsonval.Array {
		return jsonval.WrongType("an array of strings", v)
	}
	for i, m := range v.Elements() {
		if m.Kind() != jsonval.String {
			return jsonval.WrongType("a string", m).At(i)
		}
		if string(m.Bytes()) != "text" {
			return jsonval.Unsupported(textOnly).At(i)
		}
	}
	return nil
}

func (d *decoder) refuseAudio(v jsonval.Value) *jsonval.Fault {
	if f := checkObject(d, v); f != nil {
		return f
	}
	return jsonval.Unsupported(textOnly)
}

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
	v, f := v.AsObject()
	if f != nil {
		return f
	}
	return unsupportedUnless(v.IsEmpty(), "the platform cannot favour tokens")
}

func (d *decoder) refuseSearch(v jsonval.Value) *jsonval.Fault {
	if f := checkObject(d, v); f != nil {
		return f
	}
	return jsonval.Unsupported("the platform searches through models of its own for that, not on request")
}

// unsupportedUnless refuses a parameter unless its value is harmless.
func unsupportedUnless(harmless bool, why string) *jsonval.Fault {
	if harmless {
		return nil
	}
	return jsonval.Unsupported(why)
}
