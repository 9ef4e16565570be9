package openai

import "math"

// Readers of the parameters that are refused: each lets the values pass that ask
// for nothing.

const (
	noTools  = "tools cannot be offered to the model yet"
	noFormat = "the answer cannot be held to a format yet; only the type text is"
	noProbs  = "the platform tells no probabilities of tokens"
	textOnly = "answers are text, and nothing else can be asked for"
)

func (d *decoder) refuseItems(v value) *fault {
	if f := expectKind(v, kindArray, "an array"); f != nil {
		return f
	}
	return unless(v.empty(), noTools)
}

// refuseChoice reads tool_choice and function_call.
func (d *decoder) refuseChoice(v value) *fault {
	switch v.kind() {
	case kindObject:
		return unsupported(noTools)
	case kindString:
	default:
		return wrongType("a string or an object", v)
	}
	switch string(v.bytes()) {
	case "none", "auto":
		return nil
	case "required":
		return unsupported(noTools)
	default:
		return wrongValue("one of none, auto, required or an object", v)
	}
}

func (d *decoder) refuseFormat(v value) *fault {
	if f := anObject(d, v); f != nil {
		return f
	}
	var format value
	for key, v := range v.members() {
		if string(key) == "type" {
			format = v
		}
	}
	return formatType(format).in("type")
}

func formatType(v value) *fault {
	const expected = "one of text, json_object, json_schema"
	if v.absent() {
		return missing(expected, v)
	}
	if v.kind() != kindString {
		return wrongType("a string", v)
	}
	switch string(v.bytes()) {
	case "text":
		return nil
	case "json_object", "json_schema":
		return unsupported(noFormat)
	default:
		return wrongValue(expected, v)
	}
}

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
	if f := anObject(d, v); f != nil {
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
