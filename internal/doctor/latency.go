package doctor

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"time"
)

// platformReply is the platform's reply to a request that needs no account.
type platformReply struct {
	host    string
	err     error
	status  int
	took    time.Duration
	steps   string // how long each step of the connection took
	skew    time.Duration
	hasDate bool // the reply had a Date header, and skew is known
}

// maxPlatformReply is how many bytes of the platform's reply are read.
const maxPlatformReply = 32 << 20

// askPlatform asks the platform for its models, which is the first request that achuan serve sends.
func (d *doctor) askPlatform(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	target := strings.TrimSuffix(d.Settings.APIURL, "/chat/completions") + "/chat/tmpl"
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, target, http.NoBody)
	if err != nil {
		d.reply.err = err
		return
	}
	d.reply.host = r.URL.Host
	if d.Settings.JWT != "" {
		r.Header.Set("Authorization", d.Settings.JWT)
	}
	steps := &connectionSteps{began: time.Now()}
	resp, err := d.http.Do(r.WithContext(httptrace.WithClientTrace(ctx, steps.trace())))
	if err != nil {
		d.reply.err = err
		return
	}
	defer resp.Body.Close()
	d.reply.took, d.reply.status, d.reply.steps = time.Since(steps.began), resp.StatusCode, steps.String()
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		d.reply.hasDate = true
		d.reply.skew = clockSkew(d.Now(), date)
	}
	_, d.reply.err = io.Copy(io.Discard, io.LimitReader(resp.Body, maxPlatformReply))
}

// connectionSteps measures the steps of a connection: DNS, TCP and TLS.
type connectionSteps struct {
	began time.Time

	mu        sync.Mutex
	stepBegan time.Time
	done      []string
}

func (s *connectionSteps) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stepBegan = time.Now()
}

func (s *connectionSteps) end(step string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done = append(s.done, fmt.Sprintf("%s %d ms", step, time.Since(s.stepBegan).Milliseconds()))
}

func (s *connectionSteps) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.done, ", ")
}

func (s *connectionSteps) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		DNSStart:     func(httptrace.DNSStartInfo) { s.begin() },
		DNSDone:      func(httptrace.DNSDoneInfo) { s.end("DNS") },
		ConnectStart: func(string, string) { s.begin() },
		ConnectDone: func(_, _ string, err error) {
			if err == nil {
				s.end("connection")
			}
		},
		TLSHandshakeStart: s.begin,
		TLSHandshakeDone:  func(tls.ConnectionState, error) { s.end("TLS") },
	}
}
