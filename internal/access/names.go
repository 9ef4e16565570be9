package access

import "achuan/internal/chat"

// maxShownID is how many characters NameOf returns of an id whose key is no longer set.
const maxShownID = 12

// NameOf returns a readable name for the caller with that id: the name of its key in the settings, or the beginning of
// the id when the key is no longer set.
func (k *Keys) NameOf(id string) string {
	if id == chat.AnonymousID {
		return chat.Anonymous.Name
	}
	if k != nil {
		for _, key := range k.keys {
			if key.caller.ID == id {
				return key.caller.Name
			}
		}
	}
	return id[:min(len(id), maxShownID)]
}
