package httpapi

import (
	"net/http"
	"testing"

	"achuan/internal/chat"
)

func open(o *Options) {
	o.AllowAnonymous, o.Listen = true, "0.0.0.0:8000"
}

func page(o *Options) {
	o.CORSOrigins = []string{"https://chat.example.com", "chrome-extension://abcdef/"}
}

func anyPage(o *Options) { o.CORSOrigins = []string{"*"} }

func listen(address string) func(*Options) {
	return func(o *Options) { o.Listen = address }
}

func TestHost(t *testing.T) {
	for _, c := range []struct {
		name  string
		set   []func(*Options)
		allow []string
		deny  []string
	}{
		{"on loopback", nil,
			[]string{
				"localhost", "localhost:8000", "LOCALHOST:1", "localhost.", "a.localhost", "a.b.localhost:80", "127.0.0.1", "127.0.0.1:8000",
				"127.1.2.3:9", "host.docker.internal:8000", "box.local", "a.b.internal.", "[::1]", "[::1]:8000", "[::ffff:127.0.0.1]:8000", "[0:0:0:0:0:0:0:1]",
			},
			[]string{
				"evil.example", "evil.example:8000", "localhost.evil.example", "127.0.0.1.evil.example", "notlocalhost", "10.0.0.1", "192.168.1.2:8000",
				"0.0.0.0:8000", "[::]:8000", "[fe80::1]:8000", "achuan", "internal", "local", "evil.internal.example", "evillocal", "", ":8000", "chat.example.com", "8.8.8.8",
			}},
		{"on loopback with a page", []func(*Options){page}, []string{"localhost"}, []string{"chat.example.com", "evil.example"}},
		{"on a name of loopback", []func(*Options){listen("box.test:8000")}, []string{"box.test", "box.test:8000", "BOX.test.", "localhost"},
			[]string{"evil.example", "a.box.test", "test"}},
		{"on port alone", []func(*Options){listen(":8000")}, []string{"localhost"}, []string{"", ":8000", "evil.example"}},
		{"open to a network", []func(*Options){open, page},
			[]string{"localhost", "10.0.0.1", "192.168.1.2:8000", "[fe80::1]:8000", "[2001:db8::1]", "achuan", "achuan:8000", "my_box", "achuan.svc.cluster.local", "chat.example.com", "chat.example.com:8000"},
			[]string{"evil.example", "example.com", "a.chat.example.com", "", ":8000", "a b", "爽"}},
		{"with keys", []func(*Options){withKeys}, []string{"evil.example", "anything.test:1", "10.0.0.1"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, _, _ := newTestServer(hello, c.set...)
			for _, host := range c.allow {
				if status := listModelsAs(s, host, ""); status != http.StatusOK {
					t.Errorf("status for Host %q = %d, want 200", host, status)
				}
			}
			for _, host := range c.deny {
				if status := listModelsAs(s, host, ""); status != http.StatusForbidden {
					t.Errorf("status for Host %q = %d, want 403", host, status)
				}
			}
		})
	}
}

func TestOrigin(t *testing.T) {
	for _, c := range []struct {
		name    string
		set     []func(*Options)
		host    string
		origins []string
		want    int
	}{
		{"same name", nil, "localhost:8000", []string{"http://localhost:8000", "http://localhost:3000", "https://LOCALHOST"}, 200},
		{"same address", nil, "[::1]:8000", []string{"http://[::1]:8000"}, 200},
		{"cross-site", nil, "localhost:8000", []string{
			"http://evil.example", "https://localhost.evil.example", "http://127.0.0.1:8000", "null", "NULL", "file://", "localhost", "x", "http://", "chrome-extension://abcdef",
			"http://localhost@evil.example", "http://evil.example\\@localhost", "%",
		}, 403},
		{"configured", []func(*Options){page}, "localhost:8000", []string{"https://chat.example.com", "HTTPS://Chat.Example.com", "chrome-extension://abcdef"}, 200},
		{"nearly configured", []func(*Options){page}, "localhost:8000", []string{
			"http://chat.example.com", "https://chat.example.com:8443", "https://chat.example.com.evil.example", "https://example.com", "null",
		}, 403},
		{"every page configured", []func(*Options){anyPage}, "localhost:8000", []string{"http://evil.example", "null"}, 403},
		{"null configured", []func(*Options){func(o *Options) { o.CORSOrigins = []string{"null"} }}, "localhost:8000", []string{"null"}, 403},
		{"every page configured, same name", []func(*Options){anyPage}, "localhost:8000", []string{"http://localhost:3000"}, 200},
		{"every page configured, with keys", []func(*Options){anyPage, withKeys}, "localhost:8000", []string{"http://evil.example", "null"}, 200},
		{"with keys", []func(*Options){withKeys}, "localhost:8000", []string{"http://evil.example", "null"}, 200},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, _, _ := newTestServer(hello, c.set...)
			for _, origin := range c.origins {
				if got := listModelsAs(s, c.host, origin); got != c.want {
					t.Errorf("status for Origin %q at Host %q = %d, want %d", origin, c.host, got, c.want)
				}
			}
		})
	}
}

// listModelsAs returns the status of a request for the models.
func listModelsAs(s *Server, host, origin string) int {
	r := request("GET", "/v1/models", "", "Authorization: "+aliceKey)
	r.Host = host
	if origin != "" {
		r.Header.Set("Origin", origin)
	}
	rec, _ := serve(s, r)
	return rec.Code
}

func TestRefusalNamesTheRemedy(t *testing.T) {
	s, f, _ := newTestServer(hello)
	for _, header := range []string{"Host: evil.example", "Origin: http://evil.example"} {
		rec, _ := serve(s, request("POST", "/v1/chat/completions", question, header))
		if rec.Code != http.StatusForbidden {
			t.Errorf("status for %s = %d, want 403", header, rec.Code)
		}
		checkContains(t, "the body", rec.Body.String(), append(errorBody(chat.CodeOriginNotAllowed), "ACHUAN_API_KEYS", "evil.example")...)
	}
	if len(f.requests) > 0 {
		t.Errorf("requests at the gateway = %d, want 0", len(f.requests))
	}
}
