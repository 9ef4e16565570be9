package gemini

import (
	"achuan/internal/chat"
	"achuan/internal/jsonval"
)

// AppendModels appends the list of models.
func AppendModels(dst []byte, models []chat.Model) []byte {
	dst = append(dst, `{"models":[`...)
	for i, m := range models {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = AppendModel(dst, m)
	}
	return append(dst, "]}"...)
}

// The platform does not tell how long transcripts and answers may be. Clients need a number.
const limits = `"inputTokenLimit":131072,"outputTokenLimit":65536`

// AppendModel appends one model.
func AppendModel(dst []byte, m chat.Model) []byte {
	name := m.Label
	if name == "" {
		name = m.ID
	}
	dst = jsonval.AppendString(append(dst, `{"name":`...), "models/"+m.ID)
	dst = jsonval.AppendString(append(dst, `,"baseModelId":`...), m.ID)
	dst = jsonval.AppendString(append(dst, `,"version":"1","displayName":`...), name)
	dst = jsonval.AppendString(append(dst, `,"description":`...), name)
	return append(dst, `,`+limits+`,"supportedGenerationMethods":["`+verbGenerate+`","`+VerbCount+`"]}`...)
}
