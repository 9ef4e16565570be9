package access

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"achuan/internal/chat"
)

func idOf(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])
}

func callers(k *Keys) []chat.Caller {
	var all []chat.Caller
	for _, key := range k.keys {
		all = append(all, key.caller)
	}
	return all
}

func TestParseKeys(t *testing.T) {
	unnamed := func(key string) chat.Caller { return chat.Caller{ID: idOf(key), Name: "key-" + idOf(key)[:6]} }
	tests := []struct {
		name    string
		entries []string
		want    []chat.Caller
	}{
		{"none", nil, nil},
		{"empty entries", []string{"", "  ", "\t"}, nil},
		{"key alone", []string{"sk-one"}, []chat.Caller{unnamed("sk-one")}},
		{"named", []string{"alice:sk-one"}, []chat.Caller{{ID: idOf("sk-one"), Name: "alice"}}},
		{"cut at the first colon", []string{"alice:sk:one:two"}, []chat.Caller{{ID: idOf("sk:one:two"), Name: "alice"}}},
		{"blanks", []string{" alice : sk-one ", " sk-two\n"}, []chat.Caller{{ID: idOf("sk-one"), Name: "alice"}, unnamed("sk-two")}},
		{"a name may hold blanks and any script", []string{"王 芳:sk-one"}, []chat.Caller{{ID: idOf("sk-one"), Name: "王 芳"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			k, err := ParseKeys(tt.entries)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, callers(k)); diff != "" {
				t.Errorf("ParseKeys callers (-want +got):\n%s", diff)
			}
			if k.Len() != len(tt.want) {
				t.Errorf("Len() = %d, want %d", k.Len(), len(tt.want))
			}
		})
	}
}

func TestParseKeysRefuses(t *testing.T) {
	tests := []struct {
		name    string
		entries []string
		want    string
	}{
		{"same key", []string{"alice:sk-one", "", "bob:sk-one"}, "entry 2 (bob) has the same key as entry 1 (alice); one key is one caller"},
		{"same key without names", []string{"sk-one", "sk-one"}, "entry 2 has the same key as entry 1; one key is one caller"},
		{"same name", []string{"alice:sk-one", "alice:sk-two"}, "entry 2 (alice) has the same name as entry 1 (alice)"},
		{"no key", []string{"sk-one", "bob: "}, "entry 2 (bob) has no key after the colon"},
		{"no name", []string{":sk-one"}, "entry 1 has no name before the colon; write `name:key`, or the key alone"},
		{"blank in key", []string{"alice:sk one"}, "entry 1 (alice) has white space or a control character in its key"},
		{"control character in key", []string{"sk\x00one"}, "entry 1 has white space or a control character in its key"},
		{"control character in name", []string{"al\x1bice:sk-one"}, "entry 1 has a control character in its name"},
		{"all errors are reported", []string{"a:", "b:"}, "entry 1 (a) has no key after the colon\nentry 2 (b) has no key after the colon"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			k, err := ParseKeys(tt.entries)
			if err == nil {
				t.Fatalf("ParseKeys = %v, want an error", callers(k))
			}
			if diff := cmp.Diff(tt.want, err.Error()); diff != "" {
				t.Errorf("ParseKeys error (-want +got):\n%s", diff)
			}
			if strings.Contains(err.Error(), "sk-") {
				t.Errorf("ParseKeys error = %v, want no key in it", err)
			}
		})
	}
}

func TestNamesDoNotDependOnOrder(t *testing.T) {
	entries := []string{"sk-one", "alice:sk-two", "sk-three"}
	a, err := ParseKeys(entries)
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(entries)
	b, err := ParseKeys(entries)
	if err != nil {
		t.Fatal(err)
	}
	reversed := callers(b)
	slices.Reverse(reversed)
	if diff := cmp.Diff(callers(a), reversed); diff != "" {
		t.Errorf("ParseKeys callers of reversed entries (-want +got):\n%s", diff)
	}
}

func TestGeneratedNamesAreUnique(t *testing.T) {
	short := "key-" + idOf("sk-one")[:6]
	k, err := ParseKeys([]string{"sk-one", short + ":sk-two"})
	if err != nil {
		t.Fatal(err)
	}
	want := []chat.Caller{{ID: idOf("sk-one"), Name: "key-" + idOf("sk-one")[:7]}, {ID: idOf("sk-two"), Name: short}}
	if diff := cmp.Diff(want, callers(k)); diff != "" {
		t.Errorf("ParseKeys callers (-want +got):\n%s", diff)
	}
}

func TestAuthenticate(t *testing.T) {
	keys, err := ParseKeys([]string{"alice:sk-one", "bob:sk-two", "carol:sk-三"})
	if err != nil {
		t.Fatal(err)
	}
	const missing, invalid = chat.CodeMissingAPIKey, chat.CodeInvalidAPIKey
	type headers map[string]string
	tests := []struct {
		name    string
		headers headers
		caller  string
		code    chat.Code
	}{
		{"bearer", headers{"Authorization": "Bearer sk-one"}, "alice", ""},
		{"second key", headers{"Authorization": "Bearer sk-two"}, "bob", ""},
		{"last key, not ASCII", headers{"Authorization": "Bearer sk-三"}, "carol", ""},
		{"scheme in small letters", headers{"Authorization": "bearer sk-one"}, "alice", ""},
		{"scheme in capitals", headers{"Authorization": "BEARER sk-one"}, "alice", ""},
		{"blanks around the key", headers{"Authorization": "Bearer   sk-one "}, "alice", ""},
		{"x-api-key", headers{"x-api-key": "sk-two"}, "bob", ""},
		{"api-key", headers{"api-key": " sk-two"}, "bob", ""},
		{"authorization first", headers{"Authorization": "Bearer sk-one", "x-api-key": "sk-two", "api-key": "sk-三"}, "alice", ""},
		{"x-api-key before api-key", headers{"x-api-key": "sk-two", "api-key": "sk-one"}, "bob", ""},
		{"a wrong first key and a right second key", headers{"Authorization": "Bearer no", "x-api-key": "sk-two"}, "", invalid},
		{"another scheme does not count as a key", headers{"Authorization": "Basic c2stb25lOg==", "x-api-key": "sk-two"}, "bob", ""},
		{"an empty bearer does not count as a key", headers{"Authorization": "Bearer ", "api-key": "sk-two"}, "bob", ""},
		{"nothing", headers{}, "", missing},
		{"empty headers", headers{"Authorization": "", "x-api-key": " ", "api-key": ""}, "", missing},
		{"another scheme alone", headers{"Authorization": "Basic c2stb25lOg=="}, "", missing},
		{"no scheme", headers{"Authorization": "sk-one"}, "", missing},
		{"wrong key", headers{"Authorization": "Bearer sk-none"}, "", invalid},
		{"beginning of a key", headers{"Authorization": "Bearer sk-on"}, "", invalid},
		{"key and more", headers{"Authorization": "Bearer sk-one2"}, "", invalid},
		{"name and key", headers{"Authorization": "Bearer alice:sk-one"}, "", invalid},
		{"other case", headers{"Authorization": "Bearer SK-ONE"}, "", invalid},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := http.Header{}
			for name, value := range tt.headers {
				h.Set(name, value)
			}
			caller, err := keys.Authenticate(h)
			if caller.Name != tt.caller {
				t.Errorf("Authenticate = caller %q, want %q", caller.Name, tt.caller)
			}
			checkError(t, err, tt.code)
		})
	}
}

func checkError(t *testing.T, err error, code chat.Code) {
	t.Helper()
	if code == "" {
		if err != nil {
			t.Errorf("Authenticate error = %v, want nil", err)
		}
		return
	}
	e, ok := errors.AsType[*chat.Error](err)
	if !ok || e.Kind != chat.KindAuthentication || e.Code != code {
		t.Fatalf("Authenticate error = %v, want an authentication error %s", err, code)
	}
	if !strings.Contains(e.Message, "Authorization: Bearer") {
		t.Errorf("Authenticate message = %q, want how to send a key", e.Message)
	}
	if strings.Contains(e.Error(), "sk-") {
		t.Errorf("Authenticate error = %v, want no key in it", e)
	}
}

func TestCallerID(t *testing.T) {
	keys, err := ParseKeys([]string{"alice:sk-one"})
	if err != nil {
		t.Fatal(err)
	}
	caller, err := keys.Authenticate(http.Header{"Api-Key": {"sk-one"}})
	if err != nil {
		t.Fatal(err)
	}
	if want := (chat.Caller{ID: idOf("sk-one"), Name: "alice"}); caller != want {
		t.Errorf("Authenticate = %v, want %v", caller, want)
	}
}

func TestCallersAreAnonymousWithoutKeys(t *testing.T) {
	for name, keys := range map[string]*Keys{"nil": nil, "zero": {}} {
		t.Run(name, func(t *testing.T) {
			caller, err := keys.Authenticate(http.Header{"Authorization": {"Bearer whatever"}})
			if err != nil || caller != chat.Anonymous || keys.Len() != 0 {
				t.Errorf("Authenticate = %v, %v and Len = %d, want the anonymous caller and 0", caller, err, keys.Len())
			}
		})
	}
}

func FuzzParseKeys(f *testing.F) {
	f.Add("alice:sk-one", "sk-two")
	f.Add(":", "a:b:c")
	f.Add("key-", "key-:x")
	f.Fuzz(func(t *testing.T, a, b string) {
		keys, err := ParseKeys([]string{a, b})
		if err != nil {
			return
		}
		names := map[string]bool{}
		for _, c := range callers(keys) {
			if c.Name == "" || names[c.Name] || len(c.ID) != 64 {
				t.Errorf("ParseKeys(%q, %q) has the caller %+v, want a unique name and an id of 64 digits", a, b, c)
			}
			names[c.Name] = true
		}
	})
}

func BenchmarkAuthenticate(b *testing.B) {
	entries := make([]string, 100)
	for i := range entries {
		entries[i] = strings.Repeat("k", i+1)
	}
	keys, err := ParseKeys(entries)
	if err != nil {
		b.Fatal(err)
	}
	h := http.Header{"Authorization": {"Bearer " + entries[50]}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := keys.Authenticate(h); err != nil {
			b.Fatal(err)
		}
	}
}
