package doctor

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"achuan/internal/config"
)

// userAgent tells the server that a read of its metrics is not a scrape.
const userAgent = "achuan-doctor"

// maxReply is how many bytes of a server's reply are read.
const maxReply = 16 << 20

// findTimeout is how long findServer waits for a server on this machine.
const findTimeout = 2 * time.Second

// newHTTPClient returns a client that follows no redirects. It has no timeout of its own: every request has one.
func newHTTPClient() *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone() //nolint:forcetypeassert // net/http documents the type
	noRedirect := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &http.Client{Transport: t, CheckRedirect: noRedirect}
}

// server is the achuan server that the checks send requests to.
type server struct {
	d          *doctor
	url        string
	startError error // why it could not be started
}

// errNoServer is the error of every request when there is no server.
var errNoServer = errors.New("no server of these settings runs")

// findServer looks for a running server: at Options.URL, or at the address in the settings.
func (d *doctor) findServer(ctx context.Context) bool {
	if d.URL != "" {
		d.server = &server{d: d, url: strings.TrimSuffix(d.URL, "/")}
		return true
	}
	if d.Settings == nil || strings.HasSuffix(d.Settings.Listen, ":0") {
		return false
	}
	s := &server{d: d, url: "http://" + config.DialAddress(d.Settings.Listen)}
	ctx, cancel := context.WithTimeout(ctx, findTimeout)
	defer cancel()
	if _, err := s.getReadiness(ctx); err != nil {
		return false
	}
	d.server = s
	return true
}

// serverReply is a server's reply to one request.
type serverReply struct {
	status int
	header http.Header
	body   []byte
}

// send sends a request to the server and reads the reply. key is the client key, "" for none.
func (s *server) send(ctx context.Context, method, path, key string, body []byte) (serverReply, error) {
	if s == nil {
		return serverReply{}, errNoServer
	}
	if s.startError != nil {
		return serverReply{}, s.startError
	}
	if _, hasDeadline := ctx.Deadline(); !hasDeadline {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, checkTimeout)
		defer cancel()
	}
	r, err := http.NewRequestWithContext(ctx, method, s.url+path, bytes.NewReader(body))
	if err != nil {
		return serverReply{}, err
	}
	r.Header.Set("User-Agent", userAgent)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	resp, err := s.d.http.Do(r)
	if err != nil {
		return serverReply{}, fmt.Errorf("no answer from %s: %w", s.url, err)
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(io.LimitReader(resp.Body, maxReply))
	return serverReply{resp.StatusCode, resp.Header, content}, err
}

// clientKey returns the client key to send, "" for none.
func (s *server) clientKey() string {
	d := s.d
	if d.Key != "" || d.Settings == nil || len(d.Settings.APIKeys) == 0 {
		return d.Key
	}
	return config.ClientKey(d.Settings.APIKeys[0])
}

// readiness is the body of /readyz.
type readiness struct {
	Status         string            `json:"status"`
	Checks         map[string]string `json:"checks"`
	MetricsScraped *time.Time        `json:"metrics_scraped"`
}

// getReadiness reads /readyz. A reply without a status is an error: the server is not achuan.
func (s *server) getReadiness(ctx context.Context) (readiness, error) {
	var h readiness
	r, err := s.send(ctx, http.MethodGet, "/readyz", "", nil)
	if err != nil {
		return h, err
	}
	if json.Unmarshal(r.body, &h) != nil || h.Status == "" {
		return h, fmt.Errorf("%s answers, but it is not achuan", s.url)
	}
	return h, nil
}

// readMetric returns the value of a metric without labels.
func (s *server) readMetric(ctx context.Context, name string) (float64, error) {
	adminKey := ""
	if s != nil && s.d.Settings != nil {
		adminKey = s.d.Settings.AdminKey
	}
	r, err := s.send(ctx, http.MethodGet, "/metrics", adminKey, nil)
	if err != nil {
		return 0, err
	}
	if r.status != http.StatusOK {
		return 0, fmt.Errorf("/metrics returns HTTP %d", r.status)
	}
	for line := range strings.Lines(string(r.body)) {
		if value, is := strings.CutPrefix(strings.TrimSpace(line), name+" "); is {
			return strconv.ParseFloat(value, 64)
		}
	}
	return 0, fmt.Errorf("there is no metric %s", name)
}

// hostOf returns the host in a URL, with a port so that config.IsLoopback can read it.
func hostOf(base string) string {
	u, err := url.Parse(base)
	if err != nil {
		return ""
	}
	return net.JoinHostPort(u.Hostname(), "0")
}
