package dialect

import "achuan/internal/jsonval"

// Use says what the server does with a parameter.
type Use string

// The uses.
const (
	Honoured Use = "honoured" // the answer follows it
	Ignored  Use = "ignored"  // accepted and without effect
	Refused  Use = "refused"  // an error, because the answer cannot follow it
)

// Parameter is one known key of the requests of a dialect.
type Parameter struct {
	Name     string
	Use      Use
	Required bool
	// Why is a sentence for people: what the parameter does, or why it does nothing. For
	// refused parameters it names the harmless values, which are accepted.
	Why string
}

// Row is a parameter and its reader. D is the decoder of the dialect.
type Row[D any] struct {
	Parameter
	expected string // describes a required parameter, for messages
	read     func(D, jsonval.Value) *jsonval.Fault
}

// Required returns the row of a parameter that every request has. expected describes it, for messages. Its
// reader, like every other, gets values that are present and not null.
func Required[D any](name, expected string, read func(D, jsonval.Value) *jsonval.Fault, why string) Row[D] {
	return Row[D]{Parameter{name, Honoured, true, why}, expected, read}
}

// Honours returns the row of a parameter that the answer follows.
func Honours[D any](name string, read func(D, jsonval.Value) *jsonval.Fault, why string) Row[D] {
	return Row[D]{Parameter{name, Honoured, false, why}, "", read}
}

// Ignores returns the row of a parameter without effect. read checks its type; nil takes any value.
func Ignores[D any](name string, read func(D, jsonval.Value) *jsonval.Fault, why string) Row[D] {
	return Row[D]{Parameter{name, Ignored, false, why}, "", read}
}

// Refuses returns the row of a parameter that the answer cannot follow. read accepts its harmless values.
func Refuses[D any](name string, read func(D, jsonval.Value) *jsonval.Fault, why string) Row[D] {
	return Row[D]{Parameter{name, Refused, false, why}, "", read}
}

// maxRows is the largest number of rows of a table, so that the values of a request need no memory of
// their own.
const maxRows = 64

// Table has the known parameters of a dialect. It is the one place where a parameter is made known.
type Table[D any] struct {
	rows  []Row[D]
	index map[string]int // of the rows, by name
}

// NewTable returns the table of those rows. Parameters are read in their order, so that the order of the
// keys in a body does not decide which error a wrong request gets, and of two parameters that set the same
// thing the later row wins.
func NewTable[D any](rows ...Row[D]) *Table[D] {
	if len(rows) > maxRows {
		panic("dialect: too many parameters in one table")
	}
	t := &Table[D]{rows, make(map[string]int, len(rows))}
	for i := range rows {
		t.index[rows[i].Name] = i
	}
	return t
}

// Parameters returns all known parameters, in the order in which they are checked. Other
// keys are ignored.
func (t *Table[D]) Parameters() []Parameter {
	list := make([]Parameter, len(t.rows))
	for i := range t.rows {
		list[i] = t.rows[i].Parameter
	}
	return list
}

// Values are the values of a request's known parameters, in the order of the table.
type Values [maxRows]jsonval.Value

// Split returns the values of the known parameters in the object root. It adds other keys to unknown.
func (t *Table[D]) Split(root jsonval.Value, unknown *jsonval.UnknownKeys) (values Values) {
	for key, v := range root.Members() {
		if i, ok := t.index[string(key)]; ok {
			values[i] = v
		} else {
			unknown.Add("", key)
		}
	}
	return values
}

// Get returns the value of a parameter of the table.
func (t *Table[D]) Get(values *Values, name string) jsonval.Value { return values[t.index[name]] }

// Read gives the values to their readers.
func (t *Table[D]) Read(d D, values *Values) *jsonval.Fault {
	for i := range t.rows {
		p, v := &t.rows[i], values[i]
		switch {
		case v.IsAbsent():
			if p.Required {
				return jsonval.Missing(p.expected, v).In(p.Name)
			}
		case p.read != nil:
			if f := p.read(d, v); f != nil {
				return f.In(p.Name)
			}
		}
	}
	return nil
}
