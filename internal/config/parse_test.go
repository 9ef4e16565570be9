package config

import (
	"strings"
	"testing"
)

func TestParseByteSize(t *testing.T) {
	tests := []struct {
		text string
		want ByteSize
		ok   bool
	}{
		{"0", 0, true}, {"17", 17, true}, {"17B", 17, true}, {"1KiB", 1024, true}, {"1KB", 1000, true}, {"2MiB", 2 << 20, true},
		{"2mb", 2e6, true}, {"3 GiB", 3 << 30, true}, {"3GB", 3e9, true}, {"32mib", 32 << 20, true},
		{"", 0, false}, {"MiB", 0, false}, {"1.5MiB", 0, false}, {"-1", 0, false}, {"+1", 0, false}, {"1 2", 0, false}, {"1K", 0, false},
		{"1iB", 0, false}, {"0x10", 0, false}, {"1TiB", 0, false}, {"9223372036854775807", 1<<63 - 1, true},
		{"9223372036854775808", 0, false}, {"8589934592GiB", 0, false}, {"1 MiB MiB", 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			got, err := parseByteSize(tt.text)
			if got != tt.want || (err == nil) != tt.ok {
				t.Errorf("parseByteSize(%q) = %d, %v, want %d, ok %v", tt.text, got, err, tt.want, tt.ok)
			}
		})
	}
}

func TestByteSizeString(t *testing.T) {
	for size, want := range map[ByteSize]string{0: "0B", 1: "1B", 1000: "1000B", 1024: "1KiB", 32 << 20: "32MiB", 1<<30 + 1<<20: "1025MiB", 1 << 31: "2GiB"} {
		if got := size.String(); got != want {
			t.Errorf("ByteSize(%d).String() = %s, want %s", int64(size), got, want)
		}
	}
}

func FuzzParseByteSize(f *testing.F) {
	for _, seed := range []string{"32MiB", "1 kb", "9223372036854775807", "8589934591GiB", "B"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		size, err := parseByteSize(text)
		if err != nil {
			return
		}
		again, err := parseByteSize(size.String())
		if size < 0 || err != nil || again != size {
			t.Errorf("parseByteSize(%q) = %d and parseByteSize(%q) = %d, %v, want the same size", text, size, size, again, err)
		}
	})
}

func TestIsLoopback(t *testing.T) {
	tests := map[string]bool{
		"127.0.0.1:8000": true, "127.9.9.9:1": true, "[::1]:8000": true, "localhost:8000": true, "LocalHost.:0": true,
		"[::ffff:127.0.0.1]:1": true, "[::1%lo]:1": true,
		":8000": false, "0.0.0.0:8000": false, "[::]:8000": false, "192.168.0.1:1": false, "example.test:1": false,
		"localhost.example.test:1": false, "127.0.0.1": false, "": false, "127.0.0.1.example.test:1": false,
	}
	for address, want := range tests {
		t.Run(address, func(t *testing.T) {
			if got := IsLoopback(address); got != want {
				t.Errorf("IsLoopback(%q) = %v, want %v", address, got, want)
			}
		})
	}
}

func TestIsValidListen(t *testing.T) {
	tests := map[string]bool{
		"127.0.0.1:8000": true, ":0": true, "[::1]:1": true, "example.test:65535": true,
		"": false, "8000": false, "127.0.0.1": false, "127.0.0.1:": false, "127.0.0.1:65536": false, "127.0.0.1:-1": false,
		"127.0.0.1:+1": false, "127.0.0.1:http": false, "::1:8000": false, "http://127.0.0.1:8000": false, "a b:1": false,
	}
	for address, want := range tests {
		t.Run(address, func(t *testing.T) {
			if got := isValidListen(address); got != want {
				t.Errorf("isValidListen(%q) = %v, want %v", address, got, want)
			}
		})
	}
}

func TestNormalizeOrigins(t *testing.T) {
	tests := []struct{ given, want string }{ // want "" means not allowed
		{"https://a.example", "https://a.example"},
		{"HTTPS://A.Example:443", "https://a.example"},
		{"http://[::1]:3000", "http://[::1]:3000"},
		{"chrome-extension://abc", "chrome-extension://abc"},
		{"*", "*"},
		{"https://*.example", ""},
		{"https://a.example/", ""},
		{"https://a.example/path", ""},
		{"https://a.example?q", ""},
		{"https://user@a.example", ""},
		{"a.example", ""},
		{"//a.example", ""},
		{"null", ""},
		{"https://", ""},
		{"https://:443", ""},
		{"https://a.example:", ""},
	}
	for _, tt := range tests {
		t.Run(tt.given, func(t *testing.T) {
			origins := []string{tt.given}
			if ok := normalizeOrigins(origins); ok != (tt.want != "") || ok && origins[0] != tt.want {
				t.Errorf("normalizeOrigins(%q) = %v, %q, want %q", tt.given, ok, origins, tt.want)
			}
		})
	}
}

func TestDidYouMean(t *testing.T) {
	tests := []struct{ name, want string }{
		{"ACHUAN_JWTT", "ACHUAN_JWT"},
		{"ACHUAN_JTW", "ACHUAN_JWT"},
		{"achuan-jwt", "ACHUAN_JWT"},
		{"jwt", "ACHUAN_JWT"},
		{"jwt_file", "ACHUAN_JWT_FILE"},
		{"ACHUAN_IDLE_TIMEOUTS", "ACHUAN_IDLE_TIMEOUT"},
		{"ACHUAN_CORS_ORIGIN", "ACHUAN_CORS_ORIGINS"},
		{"prt", "PORT"},
		{"ACHUAN_PORT", "PORT"},
		{"ACHUAN_PART_TIME", ""},
		{"ACHUAN_ROOT", ""},
		{"", ""},
		{"ACHUAN_WEBHOOK_URL", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			want := ""
			if tt.want != "" {
				want = "; did you mean " + tt.want + "?"
			}
			if got := didYouMean(tt.name, strings.ToUpper); got != want {
				t.Errorf("didYouMean(%q) = %q, want %q", tt.name, got, want)
			}
		})
	}
}

func TestEditDistance(t *testing.T) {
	tests := []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"abc", "abc", 0}, {"abc", "abd", 1}, {"abc", "ac", 1}, {"kitten", "sitting", 3}, {"ab", "ba", 1}, {"abcd", "badc", 2},
	}
	for _, tt := range tests {
		t.Run(tt.a+"-"+tt.b, func(t *testing.T) {
			if got := editDistance(tt.a, tt.b); got != tt.want {
				t.Errorf("editDistance(%q, %q) = %d, want %d", tt.a, tt.b, got, tt.want)
			}
		})
	}
}
