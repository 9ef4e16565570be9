// Package config holds the settings: their names, defaults and meaning, where
// they come from, what they may be, and how they are shown.
//
// Load merges the sources (defaults, achuan.yaml, .env, the environment, flags;
// a later one wins) into typed Settings, and tells all problems at once. Nothing
// else in the program reads the environment. What a setting does is not here:
// packages are handed values, not Settings.
package config

import (
	"log/slog"
	"net/url"
	"strings"
	"time"
)

// Settings are the program's settings, checked. Strings and entries of lists
// have no white space around them; no entry is empty.
type Settings struct {
	JWT            string `env:"ACHUAN_JWT"` // "" when not set, and in the demo
	APIURL         string `env:"ACHUAN_API_URL"`
	PlatformCookie string `env:"ACHUAN_PLATFORM_COOKIE"`

	Listen         string   `env:"ACHUAN_LISTEN"`    // host:port, from --listen, ACHUAN_LISTEN or PORT
	APIKeys        []string `env:"ACHUAN_API_KEYS"`  // each `key` or `name:key`
	AdminKey       string   `env:"ACHUAN_ADMIN_KEY"` // "" for none
	AllowAnonymous bool     `env:"ACHUAN_ALLOW_ANONYMOUS"`
	CORSOrigins    []string `env:"ACHUAN_CORS_ORIGINS"` // as browsers send them, or "*" alone
	MaxBody        ByteSize `env:"ACHUAN_MAX_BODY"`

	UserSessions  UserSessions  `env:"ACHUAN_USER_SESSIONS"`
	ToolStreaming ToolStreaming `env:"ACHUAN_TOOL_STREAMING"`

	DatabaseURL      string        `env:"ACHUAN_DATABASE_URL"` // sqlite:PATH, sqlite::memory: or postgres://…
	SessionRetention time.Duration `env:"ACHUAN_SESSION_RETENTION"`
	NamedRetention   time.Duration `env:"ACHUAN_NAMED_RETENTION"` // 0: for ever
	VerifyIdle       time.Duration `env:"ACHUAN_VERIFY_IDLE"`
	SideTasks        bool          `env:"ACHUAN_SIDE_TASKS"` // titles, tags and the like get throw-away sessions

	ConnectTimeout    time.Duration `env:"ACHUAN_CONNECT_TIMEOUT"`
	FirstEventTimeout time.Duration `env:"ACHUAN_FIRST_EVENT_TIMEOUT"`
	IdleTimeout       time.Duration `env:"ACHUAN_IDLE_TIMEOUT"`
	DrainTimeout      time.Duration `env:"ACHUAN_DRAIN_TIMEOUT"`

	LogLevel  slog.Level `env:"ACHUAN_LOG_LEVEL"`
	LogFormat string     `env:"ACHUAN_LOG_FORMAT"` // "text" or "json"
	Audit     Audit      `env:"ACHUAN_AUDIT"`

	// TracesURL is the OpenTelemetry collector's base URL; "" when nothing is traced.
	TracesURL string `env:"OTEL_EXPORTER_OTLP_ENDPOINT"`

	Demo     bool     // --demo: the simulator stands in for the platform
	Warnings []string // what is odd but no error, for the log; without secrets

	given values // what was given and where, for Dump and for messages
}

// UserSessions says what OpenAI's `user` field means.
type UserSessions string

// The values of UserSessions.
const (
	UserSessionsContinue UserSessions = "continue" // `user` names a session
	UserSessionsOff      UserSessions = "off"      // `user` is a mere label
)

// Audit says what the log keeps of what was asked.
type Audit string

// The values of Audit.
const (
	AuditNone Audit = "none"
	AuditHash Audit = "hash" // the SHA-256 of each request's body
)

// ToolStreaming says when a tool call's arguments are passed on in a stream.
type ToolStreaming string

// The values of ToolStreaming.
const (
	ToolStreamingValid ToolStreaming = "valid" // once the whole call is known to be right
	ToolStreamingEager ToolStreaming = "eager" // while the model writes them
)

// LoadOptions say where settings come from.
type LoadOptions struct {
	Dir        string   // where achuan.yaml, .env and relative paths are; "" is the working directory
	ConfigFile string   // a file that must be there, in place of achuan.yaml
	Environ    []string // NAME=value, as os.Environ gives it
	Home       string   // the user's home folder, for when the environment names none; "" is none
	Listen     string   // --listen; "" when not given
	Demo       bool     // --demo: the account and its URL are not looked at
}

// Load reads all sources and returns the settings in force. An error joins all
// problems, each an *Error; none of them shows a secret.
func Load(o LoadOptions) (*Settings, error) {
	c := collect(o)
	s := &Settings{Demo: o.Demo, given: c.values}
	c.parse(s)
	c.validate(s)
	c.tellRefused()
	s.Warnings = c.warnings
	if err := c.problems.join(); err != nil {
		return nil, err
	}
	return s, nil
}

// CheckServe tells what stands in the way of serving with these settings: no
// account, or an open door that nobody said should be open. The error joins
// *Error values.
func (s *Settings) CheckServe() error {
	var p problems
	if s.JWT == "" && !s.Demo {
		p.add("", nameJWT, "not set. Set it to the account's JWT (or set %s_FILE to a file that holds it), "+
			"or try achuan without an account: achuan serve --demo", nameJWT)
	}
	if len(s.APIKeys) == 0 && !s.AllowAnonymous && !IsLoopback(s.Listen) {
		p.add(s.given[nameListen].from, nameListen, "%q can be reached from other machines, and no client keys are set. "+
			"Set %s to the keys that clients must send, or %s=true to serve everyone who can reach it", s.Listen, nameAPIKeys, nameAllowAnonymous)
	}
	return p.join()
}

// Secrets returns every secret text in the settings, for redaction.
func (s *Settings) Secrets() []string {
	var secrets []string
	if s.JWT != "" {
		secrets = append(secrets, s.JWT)
	}
	for _, entry := range s.APIKeys {
		key := entry
		if _, after, named := strings.Cut(entry, ":"); named {
			key = strings.TrimSpace(after)
		}
		secrets = append(secrets, key)
	}
	if s.AdminKey != "" {
		secrets = append(secrets, s.AdminKey)
	}
	if u, err := url.Parse(s.DatabaseURL); err == nil && u.User != nil {
		secrets = append(secrets, s.DatabaseURL)
		if password, ok := u.User.Password(); ok && password != "" {
			secrets = append(secrets, password)
		}
	}
	if s.PlatformCookie != "" {
		secrets = append(secrets, s.PlatformCookie)
		for pair := range strings.SplitSeq(s.PlatformCookie, ";") {
			if _, value, ok := strings.Cut(pair, "="); ok {
				secrets = append(secrets, strings.TrimSpace(value))
			}
		}
	}
	return secrets
}
