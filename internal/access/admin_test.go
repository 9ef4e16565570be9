package access

import (
	"net/http"
	"testing"
)

func TestAdminKey(t *testing.T) {
	for _, c := range []struct {
		name        string
		key         string
		header      string
		value       string
		opens, keys bool
	}{
		{"the key", "boss-key", "Authorization", "Bearer boss-key", true, true},
		{"in the other header", "boss-key", "X-Api-Key", "boss-key", true, true},
		{"another key", "boss-key", "Authorization", "Bearer boss-kez", false, true},
		{"a longer key", "boss-key", "Authorization", "Bearer boss-key2", false, true},
		{"its beginning", "boss-key", "Authorization", "Bearer boss", false, true},
		{"another scheme", "boss-key", "Authorization", "Basic boss-key", false, false},
		{"no key", "boss-key", "Accept", "*/*", false, false},
		{"no key, and none is set", "", "Accept", "*/*", false, false},
		{"an empty key, and none is set", "", "Authorization", "Bearer ", false, false},
		{"a key, and none is set", "", "Authorization", "Bearer boss-key", false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := http.Header{c.header: {c.value}}
			if got := NewAdminKey(c.key).Opens(h); got != c.opens {
				t.Errorf("opens: %v, want %v", got, c.opens)
			}
			if got := HasKey(h); got != c.keys {
				t.Errorf("has a key: %v, want %v", got, c.keys)
			}
			if got := NewAdminKey(c.key).Set(); got != (c.key != "") {
				t.Errorf("set: %v", got)
			}
		})
	}
	var none *AdminKey
	if none.Set() || none.Opens(http.Header{"Authorization": {"Bearer "}}) {
		t.Error("no key opens")
	}
}

func TestKeysHold(t *testing.T) {
	keys, err := ParseKeys([]string{"alice:one", "two"})
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]bool{"one": true, "two": true, "alice": false, "alice:one": false, "": false} {
		if got := keys.Holds(key); got != want {
			t.Errorf("holds %q: %v, want %v", key, got, want)
		}
	}
	if (*Keys)(nil).Holds("") {
		t.Error("no keys hold one")
	}
}
