package conversation_test

import "achuan/internal/chat"

func user(text string) chat.Message      { return chat.Message{Role: chat.RoleUser, Text: text} }
func assistant(text string) chat.Message { return chat.Message{Role: chat.RoleAssistant, Text: text} }
func system(text string) chat.Message    { return chat.Message{Role: chat.RoleSystem, Text: text} }

// whole returns a request that only its transcript places.
func whole(c chat.Caller, messages ...chat.Message) *chat.Request {
	return &chat.Request{Caller: c, Model: model, Messages: messages, N: 1}
}

func byID(c chat.Caller, id int64, messages ...chat.Message) *chat.Request {
	r := whole(c, messages...)
	r.Session.ID = id
	return r
}

func byName(c chat.Caller, name string, messages ...chat.Message) *chat.Request {
	r := whole(c, messages...)
	r.Session.Name = name
	return r
}

func keyed(key string, r *chat.Request) *chat.Request {
	r.IdempotencyKey = key
	return r
}

// marked marks a request as a repetition, as SDKs do.
func marked(r *chat.Request) *chat.Request {
	r.Retried = true
	return r
}

func streamed(r *chat.Request) *chat.Request {
	r.Streamed = true
	return r
}
