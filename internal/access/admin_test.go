package access

import (
	"net/http"
	"testing"
)

func TestKeysContain(t *testing.T) {
	keys, err := ParseKeys([]string{"alice:one", "two"})
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]bool{"one": true, "two": true, "alice": false, "alice:one": false, "": false} {
		if got := keys.Contains(key); got != want {
			t.Errorf("Contains(%q) = %v, want %v", key, got, want)
		}
	}
	if (*Keys)(nil).Contains("") {
		t.Error(`Contains("") = true of nil, want false`)
	}
}

func TestAdminKey(t *testing.T) {
	for _, c := range []struct {
		name            string
		key             string
		header          string
		value           string
		matches, hasKey bool
	}{
		{"the key", "boss-key", "Authorization", "Bearer boss-key", true, true},
		{"in the other header", "boss-key", "X-Api-Key", "boss-key", true, true},
		{"another key", "boss-key", "Authorization", "Bearer boss-kez", false, true},
		{"a longer key", "boss-key", "Authorization", "Bearer boss-key2", false, true},
		{"the beginning of the key", "boss-key", "Authorization", "Bearer boss", false, true},
		{"another scheme", "boss-key", "Authorization", "Basic boss-key", false, false},
		{"no key", "boss-key", "Accept", "*/*", false, false},
		{"no key sent, no key set", "", "Accept", "*/*", false, false},
		{"an empty key sent, no key set", "", "Authorization", "Bearer ", false, false},
		{"a key sent, no key set", "", "Authorization", "Bearer boss-key", false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := http.Header{c.header: {c.value}}
			if got := NewAdminKey(c.key).Matches(h); got != c.matches {
				t.Errorf("Matches = %v, want %v", got, c.matches)
			}
			if got := HasKey(h); got != c.hasKey {
				t.Errorf("HasKey = %v, want %v", got, c.hasKey)
			}
			if got := NewAdminKey(c.key).IsSet(); got != (c.key != "") {
				t.Errorf("IsSet = %v, want %v", got, c.key != "")
			}
		})
	}
	var none *AdminKey
	isSet, matches := none.IsSet(), none.Matches(http.Header{"Authorization": {"Bearer "}})
	if isSet || matches {
		t.Errorf("of a nil *AdminKey, IsSet = %v and Matches = %v, want false and false", isSet, matches)
	}
}
