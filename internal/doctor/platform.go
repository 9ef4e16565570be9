package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync"
	"time"

	"achuan/internal/chat"
)

// reply is the platform's, to a question that needs no account.
type reply struct {
	host    string
	err     error
	status  int
	took    time.Duration
	steps   string // what the time went into
	skew    time.Duration
	dated   bool // the reply said what time it is
	secured bool
}

// askPlatform asks for the models, which is what achuan asks for first.
func (d *doctor) askPlatform(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	target := strings.TrimSuffix(d.Settings.APIURL, "/chat/completions") + "/chat/tmpl"
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, target, http.NoBody)
	if err != nil {
		d.reply.err = err
		return
	}
	d.reply.host = r.URL.Host
	d.reply.secured = r.URL.Scheme == "https"
	if d.Settings.JWT != "" {
		r.Header.Set("Authorization", d.Settings.JWT)
	}
	steps := &steps{began: time.Now()}
	resp, err := d.http.Do(r.WithContext(httptrace.WithClientTrace(ctx, steps.trace())))
	if err != nil {
		d.reply.err = err
		return
	}
	defer resp.Body.Close()
	d.reply.took, d.reply.status, d.reply.steps = time.Since(steps.began), resp.StatusCode, steps.String()
	if at, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		d.reply.dated = true
		d.reply.skew = skew(d.Now(), at)
	}
	_, d.reply.err = io.Copy(io.Discard, io.LimitReader(resp.Body, 32<<20))
}

// skew is how far this clock is ahead of one that says the whole second it is in.
func skew(here, there time.Time) time.Duration {
	ahead := here.Sub(there)
	if ahead > 0 && ahead <= time.Second {
		return 0
	}
	return ahead
}

// steps are the times that a connection took.
type steps struct {
	began time.Time
	mu    sync.Mutex
	told  []string
	at    time.Time
}

func (s *steps) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at = time.Now()
}

func (s *steps) end(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.told = append(s.told, fmt.Sprintf("%s %d ms", what, time.Since(s.at).Milliseconds()))
}

func (s *steps) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.told, ", ")
}

func (s *steps) trace() *httptrace.ClientTrace {
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

// checkPlatform: DNS, TLS and latency.
func (d *doctor) checkPlatform(ctx context.Context) Line {
	if d.remote {
		return d.remotePlatform(ctx)
	}
	if d.Settings == nil {
		return noSettings()
	}
	r := d.reply
	switch {
	case r.err != nil:
		return unreachable(r.host, r.err)
	case r.status >= http.StatusInternalServerError:
		return fail("the platform, or a proxy before it, is down: wait, or ask its operator", "%s says HTTP %d", r.host, r.status)
	case r.took > d.Slow:
		return fail("look for a nearer network or proxy (HTTPS_PROXY), or ask the platform's operator", "%s took %.1f s (%s)", r.host, r.took.Seconds(), r.steps)
	}
	return ok("%s replied in %d ms (%s)", r.host, r.took.Milliseconds(), r.steps)
}

// unreachable says which step failed.
func unreachable(host string, err error) Line {
	if wrapped, is := errors.AsType[*url.Error](err); is {
		err = wrapped.Err
	}
	if dns, is := errors.AsType[*net.DNSError](err); is {
		return fail("check ACHUAN_API_URL and this machine's name server (/etc/resolv.conf)", "DNS: %s: %s", dns.Name, dns.Err)
	}
	_, record := errors.AsType[tls.RecordHeaderError](err)
	_, certificate := errors.AsType[*tls.CertificateVerificationError](err)
	_, authority := errors.AsType[x509.UnknownAuthorityError](err)
	if record || certificate || authority || strings.HasPrefix(err.Error(), "tls:") {
		return fail("check that ACHUAN_API_URL names the right host and scheme, that this machine has CA certificates (package ca-certificates) and that no proxy opens TLS on the way",
			"TLS: %s: %v", host, err)
	}
	return fail("check ACHUAN_API_URL, the network, and a firewall or HTTPS_PROXY on the way: curl -v the same URL from here", "%s: %v", host, err)
}

// remotePlatform is what the server says of it.
func (d *doctor) remotePlatform(ctx context.Context) Line {
	h, err := d.server.ready(ctx)
	if err != nil {
		return fail("check --url, and that achuan serves there", "%v", err)
	}
	switch state := h.Checks["platform"]; state {
	case "up":
		return ok("the server reaches it")
	case "unknown", "":
		return skip("the server has not asked it anything yet")
	default:
		return fail("run achuan doctor where the server runs, with its settings", "the server's last call to it ended with %s", state)
	}
}

// checkAccount: the platform takes the JWT.
func (d *doctor) checkAccount(ctx context.Context) Line {
	switch {
	case d.remote:
		return d.remoteAccount(ctx)
	case d.Settings == nil:
		return noSettings()
	case d.platform == nil:
		return skip("there is no JWT to try")
	case d.reply.err != nil:
		return skip("the platform is not reached")
	}
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	err := d.platform.TryLogin(ctx)
	if err == nil {
		return ok("the platform accepts the JWT")
	}
	e := chat.AsError(err)
	if e.Code == chat.CodeBackendAuth {
		return fail(newToken, "%s refuses the JWT", d.reply.host)
	}
	return fail("try again; if it lasts, ask the platform's operator", "%s did not say: %s", d.reply.host, e.Code)
}

func (d *doctor) remoteAccount(ctx context.Context) Line {
	h, err := d.server.ready(ctx)
	if err != nil {
		return skip("%v", err)
	}
	switch state := h.Checks["account"]; state {
	case "ok":
		return ok("the platform accepts the server's JWT")
	case "refused":
		return fail(newToken, "the platform refuses the server's JWT")
	case "no_points":
		return fail("add points to the account, or wait for its daily ones", "the account has no points left")
	default:
		return skip("the server has not used it yet")
	}
}

// checkClock: JWTs, leases of several replicas, and what the log says go by it.
func (d *doctor) checkClock(ctx context.Context) Line {
	const remedy = "set the clock by the network: timedatectl set-ntp true, or what the machine's host offers"
	from, by, known := "the platform's", d.reply.skew, d.reply.dated
	if !known && d.remote {
		from = "the server's"
		if r, err := d.server.ask(ctx, http.MethodGet, "/healthz", "", nil); err == nil {
			if at, err := http.ParseTime(r.header.Get("Date")); err == nil {
				by, known = skew(d.Now(), at), true
			}
		}
	}
	switch {
	case !known:
		return skip("nobody said what time it is")
	case by.Abs() > mostSkew:
		return fail(remedy, "this clock differs from %s by %s", from, by.Round(time.Second))
	}
	return ok("as %s, within a second or %d", from, max(1, int(by.Abs().Seconds()+0.5)))
}
