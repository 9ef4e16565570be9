package openai

import "strconv"

// Readers of the parameters that say who asks, what for and in which form the
// answer goes out.

func (d *decoder) model(v value) *fault {
	model, f := v.asString()
	if f == nil && model == "" {
		f = wrongValue("the id of a model", v)
	}
	d.req.Model = model
	return f
}

func (d *decoder) stream(v value) (f *fault) {
	d.req.Streamed, f = v.asBool()
	return f
}

// streamOptions is read after stream. OpenAI refuses it without stream: true;
// here it has no effect then, because agents set it with every request.
func (d *decoder) streamOptions(v value) *fault {
	v, f := v.asObject()
	if f != nil {
		return f
	}
	var usage value
	for key, v := range v.members() {
		switch string(key) {
		case "include_usage":
			usage = v
		case "include_obfuscation":
		default:
			d.unknown("stream_options.", key)
		}
	}
	if usage.absent() {
		return nil
	}
	include, f := usage.asBool()
	d.req.IncludeUsage = include && d.req.Streamed
	return f.in("include_usage")
}

func (d *decoder) user(v value) (f *fault) {
	d.req.User, f = v.asString()
	return f
}

func (d *decoder) metadata(v value) *fault {
	v, f := v.asObject()
	if f != nil {
		return f
	}
	var id value
	for key, v := range v.members() {
		if string(key) == "sessionId" {
			id = v
		}
	}
	if id.absent() {
		return nil
	}
	session, f := sessionID(id)
	d.req.MetadataSession = session
	return f.in("sessionId")
}

// maxIDDigits is how long the number of a session can be.
const maxIDDigits = 16

// sessionID reads a session's number, ^[1-9][0-9]{0,15}$, given as a number or in
// a string.
func sessionID(v value) (int64, *fault) {
	const expected = "a session id of 1 to 16 digits that does not begin with 0"
	digits := string(v)
	switch v.kind() {
	case kindString:
		digits = v.text()
	case kindNumber:
	default:
		return 0, wrongType("a session id as a number or a string", v)
	}
	if len(digits) == 0 || len(digits) > maxIDDigits || digits[0] == '0' {
		return 0, wrongValue(expected, v)
	}
	id, err := strconv.ParseUint(digits, 10, 63)
	if err != nil {
		return 0, wrongValue(expected, v)
	}
	return int64(id), nil
}

// Readers of parameters that are ignored: their types are checked all the same,
// because a wrong one is a mistake that its author wants to know of.

func aString(_ *decoder, v value) *fault { return expectKind(v, kindString, "a string") }

func aBool(_ *decoder, v value) *fault { return expectKind(v, kindBool, "a boolean") }

func anObject(_ *decoder, v value) *fault { _, f := v.asObject(); return f }

func anInteger(_ *decoder, v value) *fault {
	if !v.integral() {
		return v.notInteger()
	}
	return nil
}

func expectKind(v value, want kind, expected string) *fault {
	if v.kind() != want {
		return wrongType(expected, v)
	}
	return nil
}
