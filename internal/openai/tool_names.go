package openai

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// Clients name tools as their frameworks do: with dots, colons or slashes, and up to 128
// characters. The model is told a name that every model can write. That name depends on
// the client's name only, so that a call in a transcript has the same name whatever tools
// come with it.
const (
	maxToolName      = 128 // size of a client's name
	maxModelToolName = 64  // size of the name that the model is told
)

const nameLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"

// isName reports whether s is ^[A-Za-z0-9_-]{1,64}$: the form of the names that the model
// is told, and of the names of formats.
func isName(s string) bool {
	return s != "" && len(s) <= maxModelToolName && strings.Trim(s, nameLetters) == ""
}

// isToolName reports whether s is ^[A-Za-z0-9_.:/-]{1,128}$: the form of the names that
// clients may give to tools.
func isToolName(s string) bool {
	return s != "" && len(s) <= maxToolName && strings.Trim(s, nameLetters+".:/") == ""
}

// modelName returns the name that the model is told for a client's tool name. It is the
// same name if isName holds. Otherwise other characters become _, and the name is cut to
// 64 characters and ends with a hash of the original. Text that is not a tool name stays
// as it is.
func modelName(name string) string {
	if isName(name) || !isToolName(name) {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	tail := "_" + hex.EncodeToString(sum[:4])
	plain := strings.NewReplacer(".", "_", ":", "_", "/", "_").Replace(name)
	return plain[:min(len(plain), maxModelToolName-len(tail))] + tail
}

// modelName returns the name that the model is told, and records the name of the client.
// It also records the names of calls in the transcript, because a session may have tools
// that the request lacks.
func (d *decoder) modelName(own string) string {
	name := modelName(own)
	if name != own {
		if d.req.ToolNames == nil {
			d.req.ToolNames = map[string]string{}
		}
		d.req.ToolNames[name] = own
	}
	return name
}

// clientName returns the client's name of the tool that the model calls name.
func (r *ChatRequest) clientName(name string) string {
	if own, ok := r.ToolNames[name]; ok {
		return own
	}
	return name
}
