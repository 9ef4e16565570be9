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

// userAgent tells a server that a look at its metrics is no scrape.
const userAgent = "achuan-doctor"

// mostReply is the most that is read of a reply.
const mostReply = 16 << 20

// newClient has no time limit of its own: every request has one.
func newClient() *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone() //nolint:forcetypeassert // net/http says so
	return &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// server is the achuan that is asked.
type server struct {
	d      *doctor
	url    string
	failed error // it could not be started
}

// errNoServer says that nothing can be asked.
var errNoServer = errors.New("no server of these settings runs")

// findServer looks for one that runs: where it is said to, or where these settings
// would have it.
func (d *doctor) findServer(ctx context.Context) bool {
	if d.URL != "" {
		d.server = &server{d: d, url: strings.TrimSuffix(d.URL, "/")}
		return true
	}
	if d.Settings == nil || strings.HasSuffix(d.Settings.Listen, ":0") {
		return false
	}
	s := &server{d: d, url: "http://" + config.Reachable(d.Settings.Listen)}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if _, err := s.ready(ctx); err != nil {
		return false
	}
	d.server = s
	return true
}

// answer is a server's.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// ask asks the server. key may be "".
func (s *server) ask(ctx context.Context, method, path, key string, body []byte) (answer, error) {
	if s == nil {
		return answer{}, errNoServer
	}
	if s.failed != nil {
		return answer{}, s.failed
	}
	if _, bounded := ctx.Deadline(); !bounded {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, checkTime)
		defer cancel()
	}
	r, err := http.NewRequestWithContext(ctx, method, s.url+path, bytes.NewReader(body))
	if err != nil {
		return answer{}, err
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
		return answer{}, fmt.Errorf("no answer from %s: %w", s.url, err)
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(io.LimitReader(resp.Body, mostReply))
	return answer{resp.StatusCode, resp.Header, content}, err
}

// key is the client key to use.
func (s *server) key() string {
	d := s.d
	if d.Key != "" || d.Settings == nil || len(d.Settings.APIKeys) == 0 {
		return d.Key
	}
	entry := d.Settings.APIKeys[0]
	if _, after, named := strings.Cut(entry, ":"); named {
		return strings.TrimSpace(after)
	}
	return entry
}

// readiness is the body of /readyz.
type readiness struct {
	Status         string            `json:"status"`
	Checks         map[string]string `json:"checks"`
	MetricsScraped *time.Time        `json:"metrics_scraped"`
}

func (s *server) ready(ctx context.Context) (readiness, error) {
	var h readiness
	r, err := s.ask(ctx, http.MethodGet, "/readyz", "", nil)
	if err != nil {
		return h, err
	}
	if json.Unmarshal(r.body, &h) != nil || h.Status == "" {
		return h, fmt.Errorf("%s answers, but is no achuan", s.url)
	}
	return h, nil
}

// metric reads one gauge.
func (s *server) metric(ctx context.Context, name string) (float64, error) {
	admin := ""
	if s != nil && s.d.Settings != nil {
		admin = s.d.Settings.AdminKey
	}
	r, err := s.ask(ctx, http.MethodGet, "/metrics", admin, nil)
	if err != nil {
		return 0, err
	}
	if r.status != http.StatusOK {
		return 0, fmt.Errorf("/metrics says %d", r.status)
	}
	for line := range strings.Lines(string(r.body)) {
		if value, is := strings.CutPrefix(strings.TrimSpace(line), name+" "); is {
			return strconv.ParseFloat(value, 64)
		}
	}
	return 0, fmt.Errorf("there is no %s", name)
}

// hostPort is the address in a URL, as IsLoopback reads it.
func hostPort(base string) string {
	u, err := url.Parse(base)
	if err != nil {
		return ""
	}
	return net.JoinHostPort(u.Hostname(), "0")
}
