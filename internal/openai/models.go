package openai

import (
	"strconv"

	"achuan/internal/chat"
	"achuan/internal/jsonval"
)

// modelCreated is the `created` of every model, 2025-01-01T00:00:00Z. The platform gives
// no dates, and a list that changes with each request could not be cached.
const modelCreated = 1735689600

// AppendModels appends a list of models, the reply to `GET /v1/models`.
func AppendModels(dst []byte, models []chat.Model) []byte {
	dst = append(dst, `{"object":"list","data":[`...)
	for i, m := range models {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = AppendModel(dst, m)
	}
	return append(dst, "]}"...)
}

// AppendModel appends one model, the reply to `GET /v1/models/{id}`.
func AppendModel(dst []byte, m chat.Model) []byte {
	dst = append(dst, `{"id":`...)
	dst = jsonval.AppendString(dst, m.ID)
	dst = append(dst, `,"object":"model","created":`...)
	dst = strconv.AppendInt(dst, modelCreated, 10)
	return append(dst, `,"owned_by":"achuan"}`...)
}
