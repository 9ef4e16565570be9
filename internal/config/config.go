// Package config defines the settings: their names, defaults, meanings and allowed values. It loads them from their
// sources and prints them.
//
// Load merges the sources (defaults, achuan.yaml, .env, the environment, flags; a later source wins) into typed
// Settings and reports all problems at once. No other package reads settings from the environment. This package does
// not implement the settings: other packages get single values, not Settings.
package config

import (
	"log/slog"
	"net/url"
	"strings"
	"time"
)

// Settings are the program's validated settings. Strings and list entries have no white space around them, and no list
// entry is empty.
type Settings struct {
	JWT            string `env:"ACHUAN_JWT"` // "" when not set, and in the demo
	JWTFile        string // the file that JWT was read from; "" for none
	APIURL         string `env:"ACHUAN_API_URL"`
	PlatformCookie string `env:"ACHUAN_PLATFORM_COOKIE"`

	Listen         string   `env:"ACHUAN_LISTEN"`    // host:port, from --listen, ACHUAN_LISTEN or PORT
	APIKeys        []string `env:"ACHUAN_API_KEYS"`  // each `key` or `name:key`
	AdminKey       string   `env:"ACHUAN_ADMIN_KEY"` // "" for none
	AllowAnonymous bool     `env:"ACHUAN_ALLOW_ANONYMOUS"`
	CORSOrigins    []string `env:"ACHUAN_CORS_ORIGINS"` // as browsers send them, or "*" alone
	MaxBody        ByteSize `env:"ACHUAN_MAX_BODY"`

	BlobURL    string   `env:"ACHUAN_BLOB_URL"` // s3://…; "" for the place beside the sessions
	BlobRoom   ByteSize `env:"ACHUAN_BLOB_ROOM"`
	Fetch      bool     `env:"ACHUAN_FETCH"`
	FetchAllow []string `env:"ACHUAN_FETCH_ALLOW"` // host names, addresses and networks

	ImageStore  bool     `env:"ACHUAN_IMAGE_STORE"`
	ImageOutput []string `env:"ACHUAN_IMAGE_OUTPUT"` // of ImageMarkdown and ImageList, at least one

	Models []string `env:"ACHUAN_MODELS"` // entries of ModelRules

	UserSessions  UserSessions  `env:"ACHUAN_USER_SESSIONS"`
	ToolStreaming ToolStreaming `env:"ACHUAN_TOOL_STREAMING"`

	DatabaseURL      string        `env:"ACHUAN_DATABASE_URL"` // sqlite:PATH, sqlite::memory: or postgres://…
	SessionRetention time.Duration `env:"ACHUAN_SESSION_RETENTION"`
	NamedRetention   time.Duration `env:"ACHUAN_NAMED_RETENTION"` // 0 keeps them for ever
	VerifyIdle       time.Duration `env:"ACHUAN_VERIFY_IDLE"`
	MaxText          int           `env:"ACHUAN_MAX_TEXT"`       // characters; 0 is learned from the platform
	SessionTitles    string        `env:"ACHUAN_SESSION_TITLES"` // on, off, or on with this prefix
	SideTasks        bool          `env:"ACHUAN_SIDE_TASKS"`     // titles, tags and the like get throw-away sessions

	ConnectTimeout    time.Duration `env:"ACHUAN_CONNECT_TIMEOUT"`
	FirstEventTimeout time.Duration `env:"ACHUAN_FIRST_EVENT_TIMEOUT"`
	IdleTimeout       time.Duration `env:"ACHUAN_IDLE_TIMEOUT"`
	DrainTimeout      time.Duration `env:"ACHUAN_DRAIN_TIMEOUT"`

	LogLevel  slog.Level `env:"ACHUAN_LOG_LEVEL"`
	LogFormat string     `env:"ACHUAN_LOG_FORMAT"` // "text" or "json"
	Audit     Audit      `env:"ACHUAN_AUDIT"`

	// TracesURL is the OpenTelemetry collector's base URL; "" when tracing is off.
	TracesURL string `env:"OTEL_EXPORTER_OTLP_ENDPOINT"`

	Demo     bool     // --demo: the simulator replaces the platform
	Warnings []string // strange but allowed settings, for the log; without secrets

	raw rawValues // the values before parsing, with their sources, for Dump and for messages
}

// The values of ImageOutput.
const (
	ImageMarkdown = "markdown" // pictures are Markdown in the text of an answer
	ImageList     = "images"   // pictures are in a list beside the text
)

// UserSessions is the meaning of OpenAI's `user` field.
type UserSessions string

// The values of UserSessions.
const (
	UserSessionsContinue UserSessions = "continue" // `user` names a session
	UserSessionsOff      UserSessions = "off"      // `user` is only a label
)

// Audit is what the log records of a request's body.
type Audit string

// The values of Audit.
const (
	AuditNone Audit = "none"
	AuditHash Audit = "hash" // the SHA-256 of each request's body
)

// ToolStreaming is when a stream sends the arguments of a tool call.
type ToolStreaming string

// The values of ToolStreaming.
const (
	ToolStreamingValid ToolStreaming = "valid" // when the whole call is known to be valid
	ToolStreamingEager ToolStreaming = "eager" // while the model writes them
)

// The values of ACHUAN_SESSION_TITLES that are no prefix.
const (
	TitlesOn  = "on"
	TitlesOff = "off"
)

// LoadOptions say where to load settings from.
type LoadOptions struct {
	Dir        string   // folder of achuan.yaml, .env and relative paths; "" is the working directory
	ConfigFile string   // a file to read instead of achuan.yaml; it must exist
	Environ    []string // NAME=value, as os.Environ returns them
	Home       string   // the user's home folder when the environment names none; "" when unknown
	Listen     string   // --listen; "" when not given
	Demo       bool     // --demo: ignore the account and its URL
}

// Load reads all sources and returns the settings in force. Its error joins all problems, each an *Error. No problem
// shows a secret.
func Load(o LoadOptions) (*Settings, error) {
	l := loadSources(o)
	s := &Settings{Demo: o.Demo, raw: l.values}
	l.parse(s)
	l.validate(s)
	l.reportNotAllowed()
	s.Warnings = l.warnings
	if file, ok := l.values[nameJWT+fileSuffix]; ok {
		s.JWTFile = l.path(file.text)
	}
	if err := l.problems.join(); err != nil {
		return nil, err
	}
	return s, nil
}

// CheckServe reports why achuan serve must not start with these settings: there is no account, or other machines could
// use the server without a key although ACHUAN_ALLOW_ANONYMOUS is not set. The error joins *Error values.
func (s *Settings) CheckServe() error {
	var p problems
	if s.JWT == "" && !s.Demo {
		p.add("", nameJWT, "not set. Set it to the account's JWT (or set %s_FILE to a file that holds it), "+
			"or try achuan without an account: achuan serve --demo", nameJWT)
	}
	if len(s.APIKeys) == 0 && !s.AllowAnonymous && !IsLoopback(s.Listen) {
		p.add(s.raw[nameListen].source, nameListen, "%q can be reached from other machines, and no client keys are set. "+
			"Set %s to the keys that clients must send, or %s=true to serve everyone who can reach it",
			s.Listen, nameAPIKeys, nameAllowAnonymous)
	}
	return p.join()
}

// ClientKey returns the key in an entry of APIKeys, which is `key` or `name:key`.
func ClientKey(entry string) string {
	if _, key, hasName := strings.Cut(entry, ":"); hasName {
		return strings.TrimSpace(key)
	}
	return entry
}

// Secrets returns all secret texts in the settings, for redaction.
func (s *Settings) Secrets() []string {
	var secrets []string
	if s.JWT != "" {
		secrets = append(secrets, s.JWT)
	}
	for _, entry := range s.APIKeys {
		secrets = append(secrets, ClientKey(entry))
	}
	if s.AdminKey != "" {
		secrets = append(secrets, s.AdminKey)
	}
	for _, secretURL := range []string{s.DatabaseURL, s.BlobURL} {
		if u, err := url.Parse(secretURL); err == nil && u.User != nil {
			secrets = append(secrets, secretURL)
			if password, ok := u.User.Password(); ok && password != "" {
				secrets = append(secrets, password)
			}
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
