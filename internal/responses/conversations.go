package responses

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"achuan/internal/chat"
	"achuan/internal/dialect"
	"achuan/internal/jsonval"
)

// The prefixes of the IDs of conversations, and of entries that a client adds to them without asking.
const (
	conversationPrefix = "conv_"
	addedPrefix        = "added_"
)

// maxAddedItems is how many items a client may add to a conversation at once, as OpenAI has it.
const maxAddedItems = 20

// IsConversation reports whether an ID is one of a conversation.
func IsConversation(id string) bool { return strings.HasPrefix(id, conversationPrefix) }

// IsResponse reports whether an ID is one of a response.
func IsResponse(id string) bool { return strings.HasPrefix(id, responsePrefix) }

// NoConversationError is the error for a conversation that the caller does not have.
func NoConversationError(id string) *chat.Error {
	return &chat.Error{
		Kind: chat.KindNotFound, Code: chat.CodeNotFound, Param: "conversation",
		Message: "There is no conversation " + strconv.Quote(chat.Truncate(id, jsonval.MaxShown)) + " of this caller.",
	}
}

// conversation reads the conversation that the request continues: its ID, or an object with it.
func (d *decoder) conversation(v jsonval.Value) (f *jsonval.Fault) {
	if v.Kind() == jsonval.Object {
		return v.ReadFields(&d.Unknown, "conversation.",
			jsonval.Field{Name: "id", Required: "the id of a conversation", Text: &d.req.ConversationID})
	}
	d.req.ConversationID, f = v.AsString()
	return f
}

// NewConversation reads the body of a request for a new conversation. It returns the conversation, and its first items
// if there are any. Errors are *chat.Error.
func NewConversation(body []byte) (conversation chat.StoredResponse, added *chat.StoredResponse, err error) {
	root, err := jsonval.ParseObject(body)
	if err != nil {
		return chat.StoredResponse{}, nil, err
	}
	var items, metadata jsonval.Value
	if f := root.ReadFields(nil, "", jsonval.Field{Name: "items", Value: &items}, jsonval.Field{Name: "metadata", Value: &metadata}); f != nil {
		return chat.StoredResponse{}, nil, f.Public()
	}
	if metadata.IsAbsent() {
		metadata = jsonval.Value("{}")
	}
	if f := metadata.CheckObject("an object of texts"); f != nil {
		return chat.StoredResponse{}, nil, f.In("metadata").Public()
	}
	now := time.Now()
	id := chat.RandomID(conversationPrefix, 40)
	object := append([]byte(`{"id":"`+id+`","object":"conversation","created_at":`), strconv.FormatInt(now.Unix(), 10)...)
	object = append(append(append(object, `,"metadata":`...), compact(metadata)...), '}')
	conversation = chat.StoredResponse{ID: id, Created: now, Messages: []chat.Message{}, Body: object}
	if items.IsAbsent() || items.Kind() == jsonval.Array && items.IsEmpty() {
		return conversation, nil, nil
	}
	added, err = readAdded(items, id)
	return conversation, added, err
}

// AddItems reads the body of a request that adds items to a conversation.
func AddItems(body []byte, conversationID string) (*chat.StoredResponse, error) {
	root, err := jsonval.ParseObject(body)
	if err != nil {
		return nil, err
	}
	items := root.Member("items")
	if items.IsAbsent() {
		return nil, jsonval.Missing("an array of items", items).In("items").Public()
	}
	return readAdded(items, conversationID)
}

func readAdded(items jsonval.Value, conversationID string) (*chat.StoredResponse, error) {
	req := &Request{}
	d := decoder{Builder: dialect.Builder{Request: &req.Request}, req: req}
	list := jsonval.List{Expected: "an array of items", Max: maxAddedItems, Elements: "items"}
	f := items.ReadElements(list, d.item)
	switch {
	case f != nil:
		return nil, f.In("items").Public()
	case req.HasFiles:
		return nil, jsonval.Unsupported("files are taken in the input of a response only").In("items").Public()
	case len(req.references) > 0:
		return nil, jsonval.Unsupported("items are not taken by reference").In("items").Public()
	}
	return &chat.StoredResponse{
		ID: chat.RandomID(addedPrefix, 40), Conversation: conversationID, Created: time.Now(),
		Messages: dialect.JoinAnswers(d.messages), Body: []byte{},
	}, nil
}

// AppendAdded appends the list of the items that were added.
func AppendAdded(dst []byte, added chat.StoredResponse) []byte {
	ids, items := inputItems(added.ID, added.Messages)
	return appendPage(dst, ids, items, ItemQuery{Limit: len(ids), Oldest: true})
}

// AppendConversationItems appends a page of the items of a conversation. entries are all of its entries, the oldest
// first.
func AppendConversationItems(dst []byte, entries []chat.StoredResponse, q ItemQuery) []byte {
	ids, items := conversationItems(entries)
	return appendPage(dst, ids, items, q)
}

// AppendConversationItem appends one item of a conversation, and returns false if there is no such item.
func AppendConversationItem(dst []byte, entries []chat.StoredResponse, id string) ([]byte, bool) {
	ids, items := conversationItems(entries)
	i := slices.Index(ids, id)
	if i < 0 {
		return dst, false
	}
	return append(dst, items[i]...), true
}

func conversationItems(entries []chat.StoredResponse) (ids []string, items [][]byte) {
	for _, e := range entries {
		messages := e.Messages
		if IsResponse(e.ID) {
			messages = messages[:len(messages)-1] // the answer is in the body
		}
		moreIDs, more := inputItems(e.ID, messages)
		ids, items = append(ids, moreIDs...), append(items, more...)
		if !IsResponse(e.ID) {
			continue
		}
		for _, item := range jsonval.Value(e.Body).Member("output").Elements() {
			ids, items = append(ids, item.Member("id").Text()), append(items, item)
		}
	}
	return ids, items
}

// AppendDeletedConversation appends the answer to the deletion of a conversation.
func AppendDeletedConversation(dst []byte, id string) []byte {
	dst = jsonval.AppendString(append(dst, `{"id":`...), id)
	return append(dst, `,"object":"conversation.deleted","deleted":true}`...)
}
