package anthropic

import (
	"net/url"
	"slices"
	"strconv"

	"achuan/internal/chat"
	"achuan/internal/jsonval"
)

// modelCreated is the `created_at` of every model. The platform gives no dates, and a list that changes with
// each request could not be cached.
const modelCreated = "2025-01-01T00:00:00Z"

const (
	defaultModels = 20   // on a page, unless the client asks for another number
	maxModels     = 1000 // on a page
)

// AppendModels appends a page of the list of models. query selects it: limit, after_id and before_id. Values
// that make no sense count as absent.
func AppendModels(dst []byte, models []chat.Model, query url.Values) []byte {
	indexOf := func(id string) int {
		return slices.IndexFunc(models, func(m chat.Model) bool { return m.ID == id })
	}
	limit := defaultModels
	if n, err := strconv.Atoi(query.Get("limit")); err == nil && n > 0 {
		limit = min(n, maxModels)
	}
	page := models
	if i := indexOf(query.Get("after_id")); i >= 0 {
		page = models[i+1:]
	} else if i := indexOf(query.Get("before_id")); i >= 0 {
		page = models[max(0, i-limit):i]
	}
	hasMore := len(page) > limit
	page = page[:min(limit, len(page))]
	dst = append(dst, `{"data":[`...)
	first, last := "", ""
	for i, m := range page {
		if i > 0 {
			dst = append(dst, ',')
		} else {
			first = m.ID
		}
		last = m.ID
		dst = AppendModel(dst, m)
	}
	dst = append(dst, `],"has_more":`...)
	dst = strconv.AppendBool(dst, hasMore)
	dst = append(dst, `,"first_id":`...)
	dst = jsonval.AppendStringOrNull(dst, first)
	dst = append(dst, `,"last_id":`...)
	dst = jsonval.AppendStringOrNull(dst, last)
	return append(dst, '}')
}

// AppendModel appends one model. The platform does not tell how long transcripts and answers may be.
func AppendModel(dst []byte, m chat.Model) []byte {
	name := m.Label
	if name == "" {
		name = m.ID
	}
	dst = append(dst, `{"type":"model","id":`...)
	dst = jsonval.AppendString(dst, m.ID)
	dst = append(dst, `,"display_name":`...)
	dst = jsonval.AppendString(dst, name)
	return append(dst, `,"created_at":"`+modelCreated+`","max_input_tokens":null,"max_tokens":null,"capabilities":null}`...)
}
