package access

import "achuan/internal/chat"

// shownID is how much is shown of a caller's id whose key is no longer set.
const shownID = 12

// NameOf returns the name of the caller with that id, for people: the key's name in
// the settings, or the beginning of the id when no key is its any more.
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
	return id[:min(len(id), shownID)]
}
