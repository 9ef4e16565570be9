package openai

import "math"

// Readers of the parameters that are refused: each lets the values pass that ask
// for nothing.

const (
	noProbs  = "the platform tells no probabilities of tokens"
	textOnly = "answers are text, and nothing else can be asked for"
)

func (d *decoder) refuseModalities(v value) *fault {
	if v.kind() != kindArray {
		return wrongType("an array of strings", v)
	}
	for i, m := range v.elements() {
		if m.kind() != kindString {
			return wrongType("a string", m).at(i)
		}
		if string(m.bytes()) != "text" {
			return unsupported(textOnly).at(i)
		}
	}
	return nil
}

func (d *decoder) refuseAudio(v value) *fault {
	if f := anObject(d, v); f != nil {
		return f
	}
	return unsupported(textOnly)
}

func (d *decoder) refuseLogprobs(v value) *fault {
	asked, f := v.asBool()
	if f != nil {
		return f
	}
	return unless(!asked, noProbs)
}

func (d *decoder) refuseTopLogprobs(v value) *fault {
	n, f := v.asInt(0, math.MaxInt)
	if f != nil {
		return f
	}
	return unless(n == 0, noProbs)
}

func (d *decoder) refuseBias(v value) *fault {
	v, f := v.asObject()
	if f != nil {
		return f
	}
	return unless(v.empty(), "the platform cannot favour tokens")
}

func (d *decoder) refuseSearch(v value) *fault {
	if f := anObject(d, v); f != nil {
		return f
	}
	return unsupported("the platform searches through models of its own for that, not on request")
}

// unless refuses a parameter that does not have a harmless value.
func unless(harmless bool, why string) *fault {
	if harmless {
		return nil
	}
	return unsupported(why)
}
