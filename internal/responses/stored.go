package responses

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"achuan/internal/chat"
	"achuan/internal/dialect"
	"achuan/internal/jsonval"
)

// reference is an item of a stored response in the input.
type reference struct {
	message int    // its index in the messages
	id      string // of the item
	path    string
}

// NeedsStore reports whether the request refers to stored responses: Resolve must be called before it is used.
func (r *Request) NeedsStore() bool {
	return r.PreviousID != "" || r.ConversationID != "" || len(r.references) > 0
}

// joinAnswers makes one message of the items of each answer.
func (r *Request) joinAnswers() {
	joined := dialect.JoinAnswers(r.Messages[r.instructions:])
	r.Messages = append(r.Messages[:r.instructions:r.instructions], joined...)
}

// loader returns a stored response and those that it continues, the oldest first: see Resolve.
type loader = func(id string, isSingle bool) ([]chat.StoredResponse, error)

// Resolve completes a request with what it refers to. load returns a stored response and those that it continues,
// the oldest first, and chat.ErrNoResponse for an unknown one; with isSingle it may return that response alone. The
// errors of Resolve are *chat.Error, or those of load.
func (r *Request) Resolve(load loader) error {
	for _, ref := range r.references {
		if err := r.resolve(ref, load); err != nil {
			return err
		}
	}
	r.joinAnswers()
	chain, err := r.loadHistory(load)
	if err != nil {
		return err
	}
	var history []chat.Message
	for _, stored := range chain {
		history = append(history, stored.Messages...)
	}
	r.AddHistory(r.instructions, history)
	if r.PreviousID != "" || r.ConversationID != "" {
		r.own = r.Messages[r.instructions+len(history):]
	}
	return nil
}

// loadHistory returns the stored responses that the request continues, the oldest first.
func (r *Request) loadHistory(load loader) ([]chat.StoredResponse, error) {
	switch {
	case r.ConversationID != "":
		chain, err := load(r.ConversationID, false)
		if err != nil && !errors.Is(err, chat.ErrNoResponse) {
			return nil, err
		}
		if err != nil || !IsConversation(r.ConversationID) {
			return nil, NoConversationError(r.ConversationID)
		}
		r.conversationEnd = chain[len(chain)-1].Previous
		return chain, nil
	case r.PreviousID == "":
		return nil, nil
	}
	chain, err := load(r.PreviousID, false)
	if err != nil && !errors.Is(err, chat.ErrNoResponse) {
		return nil, err
	}
	if err != nil || !strings.HasPrefix(r.PreviousID, responsePrefix) {
		return nil, chat.Invalid(chat.CodePreviousResponseNotFound, "previous_response_id",
			"There is no stored response "+strconv.Quote(chat.Truncate(r.PreviousID, jsonval.MaxShown))+" of this caller.")
	}
	return chain, nil
}

// resolve puts an item of a stored response into its place.
func (r *Request) resolve(ref reference, load loader) error {
	unknown := jsonval.Invalid("this is no item of a stored response of this caller").In(ref.path).Public()
	prefix, rest, ok := strings.Cut(ref.id, "_")
	if !ok {
		return unknown
	}
	tail, index, _ := strings.Cut(rest, "_")
	chain, err := load(responsePrefix+tail, true)
	switch {
	case errors.Is(err, chat.ErrNoResponse):
		return unknown
	case err != nil:
		return err
	}
	messages := chain[len(chain)-1].Messages
	answer := messages[len(messages)-1]
	m := &r.Messages[ref.message]
	switch prefix + "_" {
	case messagePrefix:
		m.Text = answer.Text
		return nil
	case callItemPrefix, customItemPrefix:
		if i, err := strconv.Atoi(index); err == nil && i >= 0 && i < len(answer.ToolCalls) {
			m.ToolCalls = answer.ToolCalls[i : i+1]
			return nil
		}
	}
	return unknown
}

// store returns what is stored of an answer, or false if the client does not want that.
func (c *collected) store(body []byte) (chat.StoredResponse, bool) {
	r := c.req
	if !r.echo.isStored && r.ConversationID == "" {
		return chat.StoredResponse{}, false
	}
	previous := r.PreviousID
	if r.ConversationID != "" {
		previous = r.conversationEnd
	}
	own := r.own
	if own == nil {
		own = r.Messages[r.instructions:]
	}
	answer := chat.Message{Role: chat.RoleAssistant}
	for _, it := range c.items {
		switch it.kind {
		case chat.EventText:
			answer.Text += it.text.String()
		case chat.EventToolCall:
			call := chat.ToolCall{ID: it.callID, Name: it.modelName, Arguments: it.text.String()}
			answer.ToolCalls = append(answer.ToolCalls, call)
		}
	}
	return chat.StoredResponse{
		ID: responsePrefix + c.x.tail, Previous: previous, Created: c.x.created,
		Conversation: r.ConversationID,
		Messages:     append(slices.Clip(own), answer), Body: body,
	}, true
}

// Stored returns what is stored of a complete answer, and false if the client does not want that.
func (w *whole) Stored() (chat.StoredResponse, bool) {
	if !w.Complete() {
		return chat.StoredResponse{}, false
	}
	return w.store(w.Append(nil))
}

// Stored returns what is stored of a complete answer, and false if the client does not want that.
func (s *stream) Stored() (chat.StoredResponse, bool) {
	if !s.Complete() {
		return chat.StoredResponse{}, false
	}
	return s.store(s.req.appendResponse(nil, s.x, s.end()))
}

// AppendDeleted appends the answer to the deletion of a response.
func AppendDeleted(dst []byte, id string) []byte {
	dst = jsonval.AppendString(append(dst, `{"id":`...), id)
	return append(dst, `,"object":"response","deleted":true}`...)
}

// ItemQuery selects a page of the items of a request.
type ItemQuery struct {
	After  string // the id of the last item of the page before; "" for the first page
	Limit  int
	Oldest bool // the oldest item comes first
}

// AppendInputItems appends a page of the items that the request of a stored response added. Files are shown by their
// names only.
func AppendInputItems(dst []byte, stored chat.StoredResponse, q ItemQuery) []byte {
	ids, items := inputItems(stored.ID, stored.Messages[:len(stored.Messages)-1])
	return appendPage(dst, ids, items, q)
}

// appendPage appends a page of items.
func appendPage(dst []byte, ids []string, items [][]byte, q ItemQuery) []byte {
	if !q.Oldest {
		slices.Reverse(ids)
		slices.Reverse(items)
	}
	for i, id := range ids {
		if id == q.After {
			ids, items = ids[i+1:], items[i+1:]
			break
		}
	}
	hasMore := len(ids) > q.Limit
	n := min(len(ids), q.Limit)
	dst = append(dst, `{"object":"list","data":[`...)
	for i := range n {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, items[i]...)
	}
	first, last := "", ""
	if n > 0 {
		first, last = ids[0], ids[n-1]
	}
	dst = jsonval.AppendStringOrNull(append(dst, `],"first_id":`...), first)
	dst = jsonval.AppendStringOrNull(append(dst, `,"last_id":`...), last)
	return append(strconv.AppendBool(append(dst, `,"has_more":`...), hasMore), '}')
}

// inputItems returns the items of the messages that an entry of the store has from a client, and their ids, the
// oldest first.
func inputItems(entryID string, messages []chat.Message) (ids []string, items [][]byte) {
	_, tail, _ := strings.Cut(entryID, "_")
	add := func(prefix string, appendRest func(dst []byte) []byte) {
		id := prefix + "in_" + tail + "_" + strconv.Itoa(len(ids))
		dst := jsonval.AppendString([]byte(`{"id":`), id)
		ids, items = append(ids, id), append(items, append(appendRest(dst), '}'))
	}
	for _, m := range messages {
		if m.Role == chat.RoleTool {
			add("fco_", func(dst []byte) []byte {
				dst = jsonval.AppendString(append(dst, `,"type":"function_call_output","status":"completed","call_id":`...), m.ToolCallID)
				return jsonval.AppendString(append(dst, `,"output":`...), m.Text)
			})
			continue
		}
		if m.Text != "" || len(m.ToolCalls) == 0 {
			add(messagePrefix, func(dst []byte) []byte { return appendInputMessage(dst, m) })
		}
		for _, c := range m.ToolCalls {
			add(callItemPrefix, func(dst []byte) []byte {
				dst = jsonval.AppendString(append(dst, `,"type":"function_call","status":"completed","call_id":`...), c.ID)
				dst = jsonval.AppendString(append(dst, `,"name":`...), c.Name)
				return jsonval.AppendString(append(dst, `,"arguments":`...), c.Arguments)
			})
		}
	}
	return ids, items
}

func appendInputMessage(dst []byte, m chat.Message) []byte {
	kind := "input_text"
	if m.Role == chat.RoleAssistant {
		kind = "output_text"
	}
	dst = append(dst, `,"type":"message","status":"completed","role":"`+string(m.Role)+`","content":[{"type":"`+kind+`","text":`...)
	dst = append(jsonval.AppendString(dst, m.Text), '}')
	for _, f := range m.Files {
		dst = jsonval.AppendString(append(dst, `,{"type":"input_file","filename":`...), f.Name)
		dst = append(dst, '}')
	}
	return append(dst, ']')
}
