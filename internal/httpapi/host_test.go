package httpapi

import (
	"strings"
	"testing"
)

// A name that counts as this machine is one that no DNS server resolves.
func FuzzHost(f *testing.F) {
	for _, s := range []string{
		"", "localhost", "localhost:80", "a.localhost.", "[::1]:8000", "[::1", "::1", "127.0.0.1.evil.example", "evil.example#.localhost",
		"[fe80::1%25lo]:1", "evil.example:80:localhost", "localhost:x", "[localhost]", "a b", "http://localhost", "null",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		name := hostname(s)
		if isLoopbackHost(name) && name != "localhost" && !strings.HasSuffix(name, ".localhost") && strings.Trim(name, "0123456789abcdef.:%") != "" && !strings.Contains(name, "%") {
			t.Errorf("isLoopbackHost(%q) of %q = true, want false", name, s)
		}
		if isLocalHost(name) && strings.Contains(name, ".") && strings.Trim(name, "0123456789.") != "" && !strings.Contains(name, ":") {
			t.Errorf("isLocalHost(%q) of %q = true, want false", name, s)
		}
		originHost(s)
	})
}

func TestHostname(t *testing.T) {
	for in, want := range map[string]string{
		"": "", ":80": "", "LocalHost": "localhost", "localhost.:80": "localhost", "[::1]": "::1", "[::1]:80": "::1", "::1": "::1",
		"a.example:80": "a.example", "10.0.0.1": "10.0.0.1",
	} {
		if got := hostname(in); got != want {
			t.Errorf("hostname(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestLocalHost(t *testing.T) {
	for name, want := range map[string]bool{
		"achuan": true, "my-box_2": true, "10.0.0.1": true, "fe80::1%eth0": true,
		"": false, "a.b": false, "a b": false, "10.0.0.1.evil.example": false, "é": false,
	} {
		if got := isLocalHost(name); got != want {
			t.Errorf("isLocalHost(%q) = %v, want %v", name, got, want)
		}
	}
}
