// Package platform is the client of the chat platform for one account. It handles sessions, their
// records, models, and questions with streamed answers. It translates the platform's data into the
// types of package chat, and each failure of the platform into a *chat.Error (see errors.go).
//
// The only state here is connections and the results of the last calls. Other packages decide
// which session gets a question, what is asked again, and what a client sees.
package platform

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"achuan/internal/chat"
	"achuan/internal/telemetry"
)

// Options select the account and the host, and set how long the client waits.
type Options struct {
	CompletionsURL string // ends in /chat/completions; all other paths are relative to its parent
	JWT            string // of the account, with or without "Bearer "
	Cookie         string // sent with each request; "" sends none

	ConnectTimeout    time.Duration // TCP and TLS, each; 0 means 10 s
	FirstEventTimeout time.Duration // from sending a question to the first frame; 0 means 180 s
	IdleTimeout       time.Duration // between frames; 0 means 120 s

	// Files opens the files of questions; nil if no question has files.
	Files chat.FileOpener

	Logger  *slog.Logger // logs each call at debug level, without content; nil logs nothing
	Metrics *telemetry.Metrics
}

const (
	completionsPath = "/chat/completions"
	appVersion      = "2.14.0"         // of the platform's front end, which these requests imitate
	callTimeout     = 30 * time.Second // of every call except a question, because only a question waits for a model
)

// Client makes the calls of one account. It is safe for concurrent use.
type Client struct {
	base              string // URL of the API, without a slash at the end
	host              string // host name of base
	origin, cookie    string // of the header of requests
	login             atomic.Pointer[login]
	transport         *http.Transport
	firstEventTimeout time.Duration
	idleTimeout       time.Duration
	files             chat.FileOpener
	log               *slog.Logger
	health            *health
}

// New returns a client. It does not connect. Its errors name the wrong setting and never contain a
// secret.
func New(o Options) (*Client, error) {
	base, err := parseAPIURL(o.CompletionsURL)
	if err != nil {
		return nil, err
	}
	if !isPrintable(o.Cookie) {
		return nil, errors.New("platform: the cookie contains characters that a header cannot have")
	}
	transport := newTransport(cmp.Or(o.ConnectTimeout, 10*time.Second))
	c := &Client{
		base:              base.String(),
		host:              base.Hostname(),
		origin:            base.Scheme + "://" + base.Host,
		cookie:            o.Cookie,
		transport:         transport,
		firstEventTimeout: cmp.Or(o.FirstEventTimeout, 180*time.Second),
		idleTimeout:       cmp.Or(o.IdleTimeout, 120*time.Second),
		files:             o.Files,
		log:               cmp.Or(o.Logger, slog.New(slog.DiscardHandler)),
		health:            newHealth(o.Metrics),
	}
	if err := c.SetJWT(o.JWT); err != nil {
		return nil, err
	}
	return c, nil
}

// Close closes the idle connections.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// parseAPIURL removes the completions path from a URL. The rest is the base of all paths.
func parseAPIURL(completions string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimSpace(completions))
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("platform: the completions URL is not an http or https URL")
	}
	path, ok := strings.CutSuffix(u.Path, completionsPath)
	if !ok || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return nil, fmt.Errorf(
			"platform: the completions URL must end in %s and contain no login, because the other paths are derived from it", completionsPath,
		)
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host, Path: path}, nil
}

// baseHeader returns the header that the front end sends with each request. The token has no
// "Bearer" in front, because the platform does not accept that.
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

// streamHeader returns a header like h for a request whose reply is a stream.
func streamHeader(h http.Header) http.Header {
	h = h.Clone()
	h.Set("Accept", "text/event-stream")
	h.Set("Accept-Encoding", "identity") // compression delays events
	return h
}

// isPrintable reports whether s has only printable ASCII characters, so that a header can hold it.
func isPrintable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}
