package conversation

import (
	"reflect"
	"testing"

	"achuan/internal/chat"
)

// These tests fail for a new field of a request or a message until it is part of the fingerprint and of the
// lineage, or until it is listed here as one that is not.
func TestEveryFieldOfARequestCounts(t *testing.T) {
	excluded := map[string]string{
		"Streamed": "how the answer is delivered", "PictureBase": "where its links lead", "CallsWithoutIDs": "follows from the dialect", "Retried": "a mark", "IdempotencyKey": "a mark",
		"Caller.Name": "for logs", "Messages.Files.Size": "follows from the digest",
		"Messages.Files.Source": "nil when a request is placed", "Messages.Files.Text": "empty when a request is placed", "Hold": "memory", "TakeMemory": "memory", "Tools.Path": "for errors", "Messages.Executed": "follows from the arguments", "Format.Path": "for errors",
	}
	base := func() *chat.Request {
		return &chat.Request{
			Messages: []chat.Message{{ToolCalls: []chat.ToolCall{{}}, Files: []chat.File{{}}}}, Tools: []chat.Tool{{}},
			Temperature: new(0.5), PresencePenalty: new(0.5), FrequencyPenalty: new(0.5), MaxTokens: new(1),
			ParallelCalls: new(true), Thinking: new(true),
		}
	}
	was := fingerprintAt("", base(), 0)
	count := 0
	eachField(reflect.TypeFor[chat.Request](), "", nil, func(name string, path []int) {
		r := base()
		change(fieldAt(reflect.ValueOf(r).Elem(), path))
		count++
		if changed := fingerprintAt("", r, 0) != was; changed == (excluded[name] != "") {
			t.Errorf("fingerprint changes with %s = %t, want %t (%s)", name, changed, !changed, excluded[name])
		}
	})
	if count < 20 {
		t.Errorf("eachField visits %d fields, want at least 20", count)
	}
}

func TestEveryFieldOfAMessageCounts(t *testing.T) {
	excluded := map[string]string{
		"Files.Type": "follows from the digest", "Files.Size": "follows from the digest",
		"Files.Name": "a picture is the same by any name", "Files.Source": "nil when a request is placed",
		"Files.Text":   "empty when a request is placed",
		"ToolCalls.ID": "ids of other servers do not count", "ToolCallID": "ids of other servers do not count",
		"IsError": "some dialects do not say that a tool failed", "Executed": "follows from the arguments",
	}
	base := func() chat.Message {
		return chat.Message{Text: "text", ToolCalls: []chat.ToolCall{{}}, Files: []chat.File{{}}}
	}
	was := continueFrom(Hash{}).add(base()).head
	eachField(reflect.TypeFor[chat.Message](), "", nil, func(name string, path []int) {
		m := base()
		change(fieldAt(reflect.ValueOf(&m).Elem(), path))
		if changed := continueFrom(Hash{}).add(m).head != was; changed == (excluded[name] != "") {
			t.Errorf("head changes with %s = %t, want %t (%s)", name, changed, !changed, excluded[name])
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

// fieldAt returns the field at the path. It follows the first element of a list.
func fieldAt(v reflect.Value, path []int) reflect.Value {
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
	case reflect.Array:
		change(v.Index(0))
	case reflect.Pointer:
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
			return
		}
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
