package conversation

import (
	"reflect"
	"testing"

	"achuan/internal/chat"
)

// Whoever adds a field to a request or a message must say whether it is part of what
// is asked (fingerprint) and of what a message is (lineage).
func TestEveryFieldOfARequestCounts(t *testing.T) {
	not := map[string]string{
		"Streamed": "how the answer is delivered", "Retried": "a mark", "IdempotencyKey": "a mark",
		"Caller.Name": "for logs", "Hold": "memory", "Tools.Path": "for errors", "Format.Path": "for errors",
	}
	base := func() *chat.Request {
		return &chat.Request{
			Messages: []chat.Message{{ToolCalls: []chat.ToolCall{{}}}}, Tools: []chat.Tool{{}},
			Temperature: new(0.5), PresencePenalty: new(0.5), FrequencyPenalty: new(0.5), MaxTokens: new(1),
			ParallelCalls: new(true),
		}
	}
	was := fingerprint(base(), 0)
	count := 0
	eachField(reflect.TypeFor[chat.Request](), "", nil, func(name string, path []int) {
		r := base()
		change(reach(reflect.ValueOf(r).Elem(), path))
		count++
		if changed := fingerprint(r, 0) != was; changed == (not[name] != "") {
			t.Errorf("%s changes the fingerprint: %v (%s)", name, changed, not[name])
		}
	})
	if count < 20 {
		t.Errorf("only %d fields were looked at", count)
	}
}

func TestEveryFieldOfAMessageCounts(t *testing.T) {
	base := func() chat.Message { return chat.Message{ToolCalls: []chat.ToolCall{{}}} }
	was := continueFrom(Hash{}).add(base()).head
	eachField(reflect.TypeFor[chat.Message](), "", nil, func(name string, path []int) {
		m := base()
		change(reach(reflect.ValueOf(&m).Elem(), path))
		if continueFrom(Hash{}).add(m).head == was {
			t.Errorf("%s is no part of the lineage", name)
		}
	})
}

// eachField visits the fields of a struct, and those of the structs and lists of
// structs in it.
func eachField(s reflect.Type, prefix string, path []int, visit func(name string, path []int)) {
	for i := range s.NumField() {
		f := s.Field(i)
		name, here := prefix+f.Name, append(append([]int{}, path...), i)
		inner := f.Type
		if inner.Kind() == reflect.Slice {
			inner = inner.Elem()
		}
		if inner.Kind() == reflect.Struct {
			eachField(inner, name+".", here, visit)
			continue
		}
		visit(name, here)
	}
}

// reach returns the field at the path; of lists their first element is entered.
func reach(v reflect.Value, path []int) reflect.Value {
	for _, i := range path {
		if v.Kind() == reflect.Slice {
			v = v.Index(0)
		}
		v = v.Field(i)
	}
	return v
}

// change gives a field another value.
func change(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString("changed")
	case reflect.Bool:
		v.SetBool(!v.Bool())
	case reflect.Int, reflect.Int64:
		v.SetInt(v.Int() + 7)
	case reflect.Float64:
		v.SetFloat(v.Float() + 1)
	case reflect.Pointer:
		other := reflect.New(v.Type().Elem())
		other.Elem().Set(v.Elem())
		change(other.Elem())
		v.Set(other)
	case reflect.Slice:
		other := reflect.MakeSlice(v.Type(), 1, 1)
		change(other.Index(0))
		v.Set(other)
	case reflect.Uint8:
		v.SetUint(v.Uint() + 1)
	case reflect.Func:
		v.Set(reflect.MakeFunc(v.Type(), func([]reflect.Value) []reflect.Value { return nil }))
	default:
		panic("a field of kind " + v.Kind().String())
	}
}
