package ollama

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"achuan/internal/chat"
	"achuan/internal/jsonval"
)

// Version is the version of Ollama that this server tells: VS Code wants 0.6.4 or later.
const Version = "0.12.0"

// modelModified is the `modified_at` of every model. The platform gives no dates.
const modelModified = "2025-01-01T00:00:00Z"

// contextLength is what clients are told of the length of a transcript in tokens. The platform does not tell it, and
// clients take 4096 without a number.
const contextLength = "131072"

// AppendModels appends the list of models.
func AppendModels(dst []byte, models []chat.Model) []byte {
	dst = append(dst, `{"models":[`...)
	for i, m := range models {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = jsonval.AppendString(append(dst, `{"name":`...), m.ID)
		dst = jsonval.AppendString(append(dst, `,"model":`...), m.ID)
		digest := sha256.Sum256([]byte(m.ID))
		dst = append(dst, `,"modified_at":"`+modelModified+`","size":1,"digest":"`+hex.EncodeToString(digest[:])+`","details":`...)
		dst = append(appendDetails(dst, m), '}')
	}
	return append(dst, "]}"...)
}

func family(m chat.Model) string {
	name, _, _ := strings.Cut(m.ID, "-")
	return name
}

func appendDetails(dst []byte, m chat.Model) []byte {
	dst = jsonval.AppendString(append(dst, `{"parent_model":"","format":"platform","family":`...), family(m))
	dst = jsonval.AppendString(append(dst, `,"families":[`...), family(m))
	return append(dst, `],"parameter_size":"","quantization_level":""}`...)
}

// AppendModel appends what is known of one model.
func AppendModel(dst []byte, m chat.Model) []byte {
	name := m.Label
	if name == "" {
		name = m.ID
	}
	dst = append(dst, `{"modelfile":"","parameters":"","template":"","details":`...)
	dst = appendDetails(dst, m)
	dst = jsonval.AppendString(append(dst, `,"model_info":{"general.architecture":`...), family(m))
	dst = jsonval.AppendString(append(dst, `,"general.basename":`...), name)
	dst = jsonval.AppendString(append(dst, ','), family(m)+".context_length")
	dst = append(dst, `:`+contextLength+`},"capabilities":["completion","tools"`...)
	if m.Files != chat.FilesNone {
		dst = append(dst, `,"vision"`...)
	}
	if m.Thinks || len(m.ReasoningEfforts) > 0 {
		dst = append(dst, `,"thinking"`...)
	}
	return append(dst, `],"modified_at":"`+modelModified+`"}`...)
}

// DecodeShow reads the name of the model in the body of a request to show it.
func DecodeShow(body []byte) (string, error) {
	root, err := jsonval.ParseObject(body)
	if err != nil {
		return "", err
	}
	for _, field := range []string{"model", "name"} {
		if v := root.Member(field); !v.IsAbsent() {
			name, f := v.AsString()
			if f != nil {
				return "", f.In(field).Public()
			}
			return CutTag(name), nil
		}
	}
	return "", jsonval.Missing("a string, the name of a model", nil).In("model").Public()
}
