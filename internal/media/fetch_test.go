package media

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"achuan/internal/chat"
	"achuan/internal/pipenet"
)

func TestIsPublic(t *testing.T) {
	for _, a := range []string{"1.1.1.1", "8.8.8.8", "93.184.216.34", "223.5.5.5", "2606:4700::1111", "2400:3200::1"} {
		if !isPublic(netip.MustParseAddr(a)) {
			t.Errorf("isPublic(%s) = false, want true", a)
		}
	}
	for _, a := range []string{
		"127.0.0.1", "127.255.0.1", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",
		"169.254.169.254", "169.254.0.1", "100.64.0.1", "100.100.100.200", "192.0.0.8", "192.0.0.192", "192.0.2.1", "198.18.0.1",
		"198.51.100.1", "203.0.113.1", "192.88.99.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
		"::", "::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::1",
		"2002:7f00:1::", "2002:808:808::1", "2001::1", "2001:db8::1", "100::1", "fe80::1", "fe80::1%eth0", "fec0::1", "fc00::1",
		"fd00:ec2::254", "ff02::1", "ff0e::1",
	} {
		if isPublic(netip.MustParseAddr(a)) {
			t.Errorf("isPublic(%s) = true, want false", a)
		}
	}
}

// openLink downloads a link.
func openLink(t *testing.T, f *Fetcher, link string) (string, error) {
	t.Helper()
	content, _, err := f.Open(t.Context(), link)
	if err != nil {
		return "", err
	}
	defer func() { _ = content.Close() }()
	text, err := io.ReadAll(content)
	return string(text), err
}

// Links to addresses that are not public are refused, in each way of writing them.
func TestFetcherRefusesLinks(t *testing.T) {
	inside := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "secret") }))
	defer inside.Close()
	_, port, _ := strings.Cut(strings.TrimPrefix(inside.URL, "http://"), ":")
	f := NewFetcher(FetcherOptions{})
	for _, host := range []string{
		"127.0.0.1", "localhost", "localhost.", "[::1]", "0.0.0.0", "[::]", "[::ffff:127.0.0.1]", "[::127.0.0.1]", "127.1", "0x7f.1",
		"0x7f000001", "2130706433", "017700000001", "0177.0.0.1", "10.0.0.1", "169.254.169.254", "[fe80::1]", "[64:ff9b::7f00:1]",
		"[2002:7f00:1::]", "100.100.100.200",
	} {
		if text, err := openLink(t, f, "http://"+host+":"+port+"/"); err == nil {
			t.Errorf("Open(%s) = %q, want an error", host, text)
		}
	}
	for _, link := range []string{
		"", "x", "/etc/passwd", "file:///etc/passwd", "ftp://example.test/a.png", "gopher://example.test", "http://", "http:a.png",
		"http://user:password@93.184.216.34/", "http://user@93.184.216.34/", "http://%zz/", "javascript:alert(1)",
	} {
		if _, err := openLink(t, f, link); !errors.Is(err, errBadLink) {
			t.Errorf("Open(%q) = %v, want %v", link, err, errBadLink)
		}
	}
}

// The address is checked when it is dialled: neither a redirect nor a name that changes its address helps.
func TestFetcherChecksRedirects(t *testing.T) {
	secret := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "secret") }))
	defer secret.Close()
	var target string
	outside := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/redirect" {
			http.Redirect(w, r, target, http.StatusFound)
			return
		}
		_, _ = fmt.Fprintf(w, "cookie %q referer %q authorization %q", r.Header.Get("Cookie"), r.Header.Get("Referer"), r.Header.Get("Authorization"))
	}))
	defer outside.Close()
	name, port, _ := strings.Cut(strings.TrimPrefix(outside.URL, "http://"), ":")
	_, secretPort, _ := strings.Cut(strings.TrimPrefix(secret.URL, "http://"), ":")
	// localhost stands for a public host: its address itself is not allowed.
	f := NewFetcher(FetcherOptions{Allow: []string{"localhost"}})
	base := "http://localhost:" + port
	for _, to := range []string{
		"http://" + name + ":" + secretPort + "/", "http://[::1]:" + secretPort, "http://0.0.0.0:" + secretPort,
		"http://[::ffff:127.0.0.1]:" + secretPort, "file:///etc/passwd", "http://user@localhost:" + port + "/",
	} {
		target = to
		if text, err := openLink(t, f, base+"/redirect"); err == nil {
			t.Errorf("Open of a redirect to %s = %q, want an error", to, text)
		}
	}
	target = base + "/picture"
	if text, err := openLink(t, f, base+"/redirect"); err != nil || text != `cookie "" referer "" authorization ""` {
		t.Errorf("Open of a redirect = %q, %v, want a request without cookies and referrer", text, err)
	}
	target = base + "/redirect"
	if _, err := openLink(t, f, base+"/redirect"); !errors.Is(err, errTooManyRedirects) {
		t.Errorf("Open of endless redirects = %v, want %v", err, errTooManyRedirects)
	}
}

func TestFetcherAllows(t *testing.T) {
	for _, c := range []struct {
		allow, dialed string
		want          bool
	}{
		{"10.0.0.0/8", "10.1.2.3:80", true},
		{"10.0.0.0/8", "11.1.2.3:80", true}, // public
		{"10.0.0.0/8", "192.168.0.1:80", false},
		{"192.168.0.7", "192.168.0.7:443", true},
		{"192.168.0.7", "192.168.0.8:443", false},
		{"192.168.0.7", "[::ffff:192.168.0.7]:443", true},
		{"fd00::/8", "[fd00::1]:443", true},
		{"files.example", "10.0.0.1:80", false},
	} {
		if got := NewFetcher(FetcherOptions{Allow: []string{c.allow}}).mayDial(c.dialed); got != c.want {
			t.Errorf("mayDial(%s) with %s allowed = %t, want %t", c.dialed, c.allow, got, c.want)
		}
	}
}

// Downloads end at their limits: endless ones, bombs, lies about the length, and slow ones.
func TestDownloadLimits(t *testing.T) {
	pattern := strings.Repeat("x", 64<<10)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/endless":
			for {
				if _, err := io.WriteString(w, pattern); err != nil {
					return
				}
			}
		case "/bomb":
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			for range 40 << 20 / len(pattern) {
				if _, err := io.WriteString(z, pattern); err != nil {
					return
				}
			}
			_ = z.Close()
		case "/short":
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, "short")
		case "/missing":
			http.NotFound(w, r)
		}
	}))
	defer server.Close()
	l := newLibraryOf(NewMemory(100<<20), NewFetcher(FetcherOptions{Allow: []string{"127.0.0.1"}}), nil)
	for _, path := range []string{"/endless", "/bomb", "/short", "/missing", "/empty"} {
		_, err := resolve(t, l, &chat.FileSource{URL: server.URL + path, Path: "messages[0].content[1]"})
		requireInvalid(t, err)
	}
}

func TestSlowDownload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := pipenet.Listen()
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, "begin")
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done() // the client gives up
		})}
		go func() { _ = server.Serve(network) }()
		defer func() { _ = server.Close() }()
		f := NewFetcher(FetcherOptions{})
		f.client.Transport.(*http.Transport).DialContext = func(context.Context, string, string) (net.Conn, error) {
			return network.Dial(), nil
		}
		_, err := openLink(t, f, "http://files.example/a.png")
		if err == nil || !strings.Contains(err.Error(), "longer than 10s") {
			t.Errorf("Open of a slow download = %v, want that it takes longer than 10s", err)
		}
	})
}

// A link that leads nowhere any more is the file that it led to when the same caller sent it before.
func TestResolveLinks(t *testing.T) {
	isGone := false
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if isGone {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(samples["png"])
	}))
	defer server.Close()
	l := newLibraryOf(NewMemory(1<<20), NewFetcher(FetcherOptions{Allow: []string{"127.0.0.1"}}), nil)
	resolveAs := func(caller string) ([]chat.File, error) {
		r := &chat.Request{Caller: chat.Caller{ID: caller}}
		for i := range 10 {
			source := &chat.FileSource{URL: fmt.Sprint(server.URL, "/", i, ".png"), Path: "messages[0].content[1]"}
			r.Messages = append(r.Messages, chat.Message{Files: []chat.File{{Offset: i, Source: source}}})
		}
		err := l.Resolve(t.Context(), r)
		var files []chat.File
		for _, m := range r.Messages {
			files = append(files, m.Files...)
		}
		return files, err
	}
	first, err := resolveAs("ada")
	if err != nil {
		t.Fatal(err)
	}
	isGone = true
	again, err := resolveAs("ada")
	if diff := cmp.Diff(first, again); err != nil || diff != "" {
		t.Errorf("Resolve of links that are gone = %v (-want +got):\n%s", err, diff)
	}
	for i, f := range again {
		if f.Name != fmt.Sprint(i, ".png") || f.Offset != i {
			t.Errorf("file %d = %+v, want its name and place", i, f)
		}
	}
	_, err = resolveAs("bob")
	requireInvalid(t, err)
}

// All links of a request are downloaded within ten seconds together.
func TestResolveSlowLinks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := NewFetcher(FetcherOptions{})
		f.client.Transport.(*http.Transport).DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			select { // the transport dials on for a request that has ended
			case <-ctx.Done():
			case <-time.After(fetchTimeout):
			}
			return nil, errors.New("nobody answers")
		}
		r := &chat.Request{}
		for range 20 {
			source := &chat.FileSource{URL: "http://files.example/a.png", Path: "messages[0].content[1]"}
			r.Messages = append(r.Messages, chat.Message{Files: []chat.File{{Source: source}}})
		}
		start := time.Now()
		err := newLibraryOf(NewMemory(1<<20), f, nil).Resolve(t.Context(), r)
		if took := time.Since(start); took != fetchTimeout {
			t.Errorf("Resolve of 20 slow links took %v, want %v", took, fetchTimeout)
		}
		requireInvalid(t, err)
		time.Sleep(fetchTimeout) // until the last dial has ended
	})
}

func TestLinkMemoryIsBounded(t *testing.T) {
	var m linkMemory
	for i := range maxLinks + 5 {
		m.remember(linkKey{"ada", fmt.Sprint(i)}, chat.File{Size: int64(i)})
	}
	if _, ok := m.recall(linkKey{"ada", "4"}); ok || len(m.files) != maxLinks || len(m.order) != maxLinks {
		t.Errorf("links = %d in order %d, want the newest %d", len(m.files), len(m.order), maxLinks)
	}
	m.remember(linkKey{"ada", strings.Repeat("x", maxKnownLinkSize+1)}, chat.File{})
	if len(m.files) != maxLinks {
		t.Errorf("links = %d after a long one, want %d", len(m.files), maxLinks)
	}
	if f, ok := m.recall(linkKey{"ada", "5"}); !ok || f.Size != 5 {
		t.Errorf("recall(5) = %+v, %t, want its file", f, ok)
	}
}
