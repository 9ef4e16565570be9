// Package platform is the client of the chat platform for one account: sessions,
// their records, models, and questions with their streamed answers. What the
// platform sends becomes chat's types here, and each way in which it fails becomes
// a *chat.Error (errors.go is the table of them).
//
// It keeps no state but connections and what its last calls came to. Which session a question goes to, whether
// anything is asked again, and what a client gets to see is decided elsewhere.
package platform

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"achuan/internal/telemetry"
)

// Options say which account of which host the client speaks for, and how long it
// waits.
type Options struct {
	CompletionsURL string // ends in /chat/completions; all other paths stand beside it
	JWT            string // the account's, with or without "Bearer "
	Cookie         string // sent with each request unless empty

	ConnectTimeout    time.Duration // TCP and TLS, each; 0 means 10 s
	FirstEventTimeout time.Duration // from sending a question to the first frame; 0 means 180 s
	IdleTimeout       time.Duration // between frames; 0 means 120 s

	Logger  *slog.Logger // each call at debug level, without content; nil for none
	Metrics *telemetry.Metrics
}

const (
	completionsPath = "/chat/completions"
	appVersion      = "2.14.0"         // of the platform's front end whose requests ours look like
	callTimeout     = 30 * time.Second // of every call but a question: none of them waits for a model
)

// Client speaks for one account. It is safe for concurrent use.
type Client struct {
	base              string      // URL of the API, without a slash at the end
	host              string      // its host alone
	header            http.Header // of each request
	http              *http.Client
	transport         *http.Transport
	firstEventTimeout time.Duration
	idleTimeout       time.Duration
	log               *slog.Logger
	redact            *telemetry.Redactor
	health            *health
}

// New returns a client. It does not connect. Its errors name the setting at fault
// and never hold a secret.
func New(o Options) (*Client, error) {
	base, err := parseAPIURL(o.CompletionsURL)
	if err != nil {
		return nil, err
	}
	token := bareToken(o.JWT)
	if token == "" || !isPrintable(token) || strings.Contains(token, " ") {
		return nil, errors.New("platform: the JWT is empty or holds characters that no JWT has")
	}
	if !isPrintable(o.Cookie) {
		return nil, errors.New("platform: the cookie holds characters that no header may have")
	}
	origin := base.Scheme + "://" + base.Host
	transport := newTransport(cmp.Or(o.ConnectTimeout, 10*time.Second))
	return &Client{
		base:              base.String(),
		host:              base.Hostname(),
		header:            baseHeader(origin, token, o.Cookie),
		http:              &http.Client{Transport: transport, CheckRedirect: keepRedirect},
		transport:         transport,
		firstEventTimeout: cmp.Or(o.FirstEventTimeout, 180*time.Second),
		idleTimeout:       cmp.Or(o.IdleTimeout, 120*time.Second),
		log:               cmp.Or(o.Logger, slog.New(slog.DiscardHandler)),
		redact:            telemetry.NewRedactor(token, o.Cookie),
		health:            newHealth(o.Metrics),
	}, nil
}

// Close closes the connections that are not in use.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// parseAPIURL cuts the completions path off, which leaves what all paths start with.
func parseAPIURL(completions string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimSpace(completions))
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("platform: the completions URL is no http or https URL")
	}
	path, ok := strings.CutSuffix(u.Path, completionsPath)
	if !ok || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return nil, fmt.Errorf("platform: the completions URL must end in %s and hold no login: the other paths are derived from it", completionsPath)
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host, Path: path}, nil
}

// baseHeader is what the front end sends with each request. The token stands
// alone: the platform does not take "Bearer".
func baseHeader(origin, token, cookie string) http.Header {
	h := http.Header{
		"Authorization": {token},
		"Content-Type":  {"application/json"},
		"Accept":        {"application/json"},
		"X-App-Version": {appVersion},
		"Origin":        {origin},
		"Referer":       {origin + "/chat?_userMenuKey=chat"},
		"User-Agent":    {"achuan"},
	}
	if cookie != "" {
		h.Set("Cookie", cookie)
	}
	return h
}

// isPrintable reports whether s can stand in a header as it is.
func isPrintable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}
