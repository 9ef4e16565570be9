package openai

import (
	"achuan/internal/dialect"
	"achuan/internal/jsonval"
)

// Readers of the parameters that say who asks, for what purpose, and in which form the
// answer goes out.

func (d *decoder) model(v jsonval.Value) *jsonval.Fault {
	model, f := v.AsString()
	if f == nil && model == "" {
		f = jsonval.WrongValue("the id of a model", v)
	}
	d.req.Model = model
	return f
}

func (d *decoder) stream(v jsonval.Value) (f *jsonval.Fault) {
	d.req.Streamed, f = v.AsBool()
	return f
}

// streamOptions runs after stream. OpenAI refuses the parameter without stream: true.
// Here it then has no effect, because agents send it with every request.
func (d *decoder) streamOptions(v jsonval.Value) *jsonval.Fault {
	includeUsage := false
	f := v.ReadFields(&d.Unknown, "stream_options.",
		jsonval.Field{Name: "include_usage", Bool: &includeUsage},
		jsonval.Field{Name: "include_obfuscation"})
	d.req.IncludeUsage = includeUsage && d.req.Streamed
	return f
}

func (d *decoder) user(v jsonval.Value) (f *jsonval.Fault) {
	d.req.SessionName, f = v.AsString()
	return f
}

func (d *decoder) metadata(v jsonval.Value) *jsonval.Fault {
	return v.ReadFields(nil, "", jsonval.Field{Name: "sessionId", Read: d.sessionID})
}

func (d *decoder) sessionID(v jsonval.Value) (f *jsonval.Fault) {
	d.req.SessionID, f = dialect.ReadSessionID(v)
	return f
}

// Readers of ignored parameters. They check the type, because the author of a request
// wants to know about a wrong one.

func checkString(_ *decoder, v jsonval.Value) *jsonval.Fault { _, f := v.AsString(); return f }

func checkBool(_ *decoder, v jsonval.Value) *jsonval.Fault { _, f := v.AsBool(); return f }

func checkObject(_ *decoder, v jsonval.Value) *jsonval.Fault { _, f := v.AsObject(); return f }

func checkInteger(_ *decoder, v jsonval.Value) *jsonval.Fault { return v.CheckInteger() }
