package dialect

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

// IsName reports whether s is ^[A-Za-z0-9_-]{1,64}$: the form of the names that the model
// is told, and of the names of formats.
func IsName(s string) bool {
	return s != "" && len(s) <= maxModelToolName && strings.Trim(s, nameLetters) == ""
}

// IsToolName reports whether s is ^[A-Za-z0-9_.:/-]{1,128}$: the form of the names that
// clients may give to tools.
func IsToolName(s string) bool {
	return s != "" && len(s) <= maxToolName && strings.Trim(s, nameLetters+".:/") == ""
}

// ModelName returns the name that the model is told for a client's tool name. It is the
// same name if IsName holds. Otherwise other characters become _, and the name is cut to
// 64 characters and ends with a hash of the original. Text that is not a tool name stays
// as it is.
func ModelName(name string) string {
	if IsName(name) || !IsToolName(name) {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	tail := "_" + hex.EncodeToString(sum[:4])
	plain := strings.NewReplacer(".", "_", ":", "_", "/", "_").Replace(name)
	return plain[:min(len(plain), maxModelToolName-len(tail))] + tail
}
