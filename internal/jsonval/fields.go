package jsonval

import (
	"slices"

	"achuan/internal/chat"
)

// Field is one known key of an object and what happens to its value. A Field with a Name
// alone is a key that is known and ignored.
type Field struct {
	Name string
	// Required says what the field must be, for the message when it is absent or null.
	// It is "" for an optional field.
	Required string

	Value *Value // gets the value as it is, of any kind, also null

	// At most one of these is set. They read a value that is present and not null.
	Text *string            // gets a string
	Bool *bool              // gets a boolean
	Read func(Value) *Fault // reads any other value
}

// maxFields bounds the fields of one object, so that ReadFields needs no memory.
const maxFields = 24

// ReadFields reads the fields of v, which must be an object. It first picks the values
// (the last one of a key that occurs twice) and then checks the fields in the order of
// the table, so that the order of the keys does not decide which fault is found. It adds
// keys that are not in the table to unknown, as where followed by the key; unknown may be
// nil.
func (v Value) ReadFields(unknown *UnknownKeys, where string, fields ...Field) *Fault {
	if v.Kind() != Object {
		return WrongType("an object", v)
	}
	var values [maxFields]Value
	for key, e := range v.Members() {
		if i := indexField(fields, key); i >= 0 {
			values[i] = e
		} else {
			unknown.Add(where, key)
		}
	}
	for i := range fields {
		if f := fields[i].set(values[i]); f != nil {
			return f.In(fields[i].Name)
		}
	}
	return nil
}

// indexField returns the index of the field with that name, or -1.
func indexField(fields []Field, name []byte) int {
	for i := range fields {
		if fields[i].Name == string(name) {
			return i
		}
	}
	return -1
}

// set puts a value into the place of its field.
func (field *Field) set(v Value) (f *Fault) {
	if field.Value != nil {
		*field.Value = v
	}
	switch {
	case v.IsAbsent() && field.Required != "":
		return Missing(field.Required, v)
	case v.IsAbsent():
	case field.Text != nil:
		*field.Text, f = v.AsString()
	case field.Bool != nil:
		*field.Bool, f = v.AsBool()
	case field.Read != nil:
		f = field.Read(v)
	}
	return f
}

// List describes the elements of an array.
type List struct {
	Expected string // the array, for messages
	Max      int    // the maximum number of elements; 0 sets no bound
	Elements string // a plural, for the message about more elements than Max
}

// ReadElements reads the elements of v, which must be an array. It stops at the first
// fault and adds the index of its element to the path.
func (v Value) ReadElements(list List, read func(int, Value) *Fault) *Fault {
	if v.Kind() != Array {
		return WrongType(list.Expected, v)
	}
	for i, e := range v.Elements() {
		if list.Max > 0 && i == list.Max {
			return TooMany(list.Max, list.Elements)
		}
		if f := read(i, e); f != nil {
			return f.At(i)
		}
	}
	return nil
}

// maxUnknown bounds UnknownKeys.Names.
const maxUnknown = 32

// UnknownKeys collects the keys of a request that its dialect does not know.
type UnknownKeys struct {
	// Names has each key once and in the order of the body, such as "messages[].foo": at
	// most 32 of them, each of at most MaxShown bytes.
	Names []string
}

// Add adds a key with where in front. It needs memory for new names only, because a
// transcript may repeat a key in each of its messages. A nil u ignores the key.
func (u *UnknownKeys) Add(where string, key []byte) {
	if u == nil || len(u.Names) == maxUnknown {
		return
	}
	key = chat.Truncate(key, MaxShown-len(where))
	isKnown := func(name string) bool {
		return len(name) == len(where)+len(key) && name[:len(where)] == where && name[len(where):] == string(key)
	}
	if !slices.ContainsFunc(u.Names, isKnown) {
		u.Names = append(u.Names, where+string(key))
	}
}
