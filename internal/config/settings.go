package config

import (
	"slices"
	"strings"
)

// Setting describes one setting.
type Setting struct {
	Name    string // of the environment variable
	Default string // "" when there is none
	Secret  bool   // never shown; Name_FILE may name a file that holds it
	Allowed string // what it may be, with units, in words that follow "want"
	Doc     string // what it means, in a sentence or two

	account bool // part of the account: of no use in the demo
	list    bool // several values: commas, or a list in the file
}

// Key returns the setting's name in achuan.yaml.
func (s Setting) Key() string { return strings.ToLower(s.Name) }

// Describe returns all settings, in the order in which they are documented.
func Describe() []Setting { return slices.Clone(settings) }

// Names that the code asks for.
const (
	nameJWT            = "ACHUAN_JWT"
	nameAPIURL         = "ACHUAN_API_URL"
	nameCookie         = "ACHUAN_PLATFORM_COOKIE"
	nameListen         = "ACHUAN_LISTEN"
	namePort           = "PORT"
	nameAPIKeys        = "ACHUAN_API_KEYS"
	nameAdminKey       = "ACHUAN_ADMIN_KEY"
	nameAllowAnonymous = "ACHUAN_ALLOW_ANONYMOUS"
	nameCORSOrigins    = "ACHUAN_CORS_ORIGINS"
	nameMaxBody        = "ACHUAN_MAX_BODY"
	nameUserSessions   = "ACHUAN_USER_SESSIONS"
	nameToolStreaming  = "ACHUAN_TOOL_STREAMING"
	nameLogFormat      = "ACHUAN_LOG_FORMAT"
	nameAudit          = "ACHUAN_AUDIT"
	nameTraces         = "OTEL_EXPORTER_OTLP_ENDPOINT"
	nameDatabase       = "ACHUAN_DATABASE_URL"
	nameRetention      = "ACHUAN_SESSION_RETENTION"
	nameNamedRetention = "ACHUAN_NAMED_RETENTION"
	nameVerifyIdle     = "ACHUAN_VERIFY_IDLE"
	nameSideTasks      = "ACHUAN_SIDE_TASKS"

	fileSuffix = "_FILE" // of the variable that names a secret's file
)

const aDuration = "a duration above 0 with its unit, such as 500ms, 90s or 2m"

// settings is the one table of settings. The typed fields are in Settings.
var settings = []Setting{
	{
		Name: nameJWT, Secret: true, account: true,
		Allowed: "the token alone, on one line",
		Doc:     "The account's JWT, as the platform's web page sends it in its Authorization header. serve needs it, unless with --demo.",
	},
	{
		Name: nameAPIURL, account: true,
		Default: "https://ai.achuanai.cn/api/chat/completions",
		Allowed: "an http or https URL that ends in /chat/completions, without user, query and fragment",
		Doc:     "The platform's completions URL; its other paths are derived from it.",
	},
	{
		Name: nameCookie, Secret: true, account: true,
		Allowed: "a Cookie header's value, such as server_name_session=…, on one line",
		Doc:     "A cookie to send to the platform, for a host behind a firewall panel that asks for one. Most need none.",
	},
	{
		Name: nameListen, Default: "127.0.0.1:8000",
		Allowed: "host:port with a port of 0 to 65535, such as 127.0.0.1:8000 or :8000 (0: any free port)",
		Doc:     "The address to serve on. --listen goes before it. Any address but loopback needs ACHUAN_API_KEYS or ACHUAN_ALLOW_ANONYMOUS.",
	},
	{
		Name:    namePort,
		Allowed: "a port of 1 to 65535",
		Doc:     "The port to serve on, on all addresses, as hosting platforms set it. Used when neither --listen nor ACHUAN_LISTEN is set.",
	},
	{
		Name: nameAPIKeys, Secret: true, list: true,
		Allowed: "keys, each `key` or `name:key`, separated by commas (in a file also by line breaks)",
		Doc:     "The keys that clients must send. A key is one caller with sessions of its own; its name is for logs.",
	},
	{
		Name: nameAdminKey, Secret: true,
		Allowed: "a key of visible ASCII characters that is none of ACHUAN_API_KEYS",
		Doc:     "The key of whoever runs the server. It opens /metrics, to other machines too; once it is set, nothing else does. It is no client key.",
	},
	{
		Name: nameAllowAnonymous, Default: "false",
		Allowed: "true or false",
		Doc:     "Serve other machines although no client keys are set.",
	},
	{
		Name: nameCORSOrigins, list: true,
		Allowed: "origins of the form scheme://host or scheme://host:port, separated by commas, or * alone",
		Doc:     "The browser pages that may call this server. None is allowed when it is not set.",
	},
	{
		Name: nameMaxBody, Default: "32MiB",
		Allowed: "a whole number of B, KiB, MiB, GiB, KB, MB or GB (bytes without a unit), from 1 to 1GiB",
		Doc:     "The largest request body that is accepted.",
	},
	{
		Name: nameUserSessions, Default: string(UserSessionsContinue),
		Allowed: "continue or off",
		Doc:     "Whether a request's `user` field names a session to go on with (continue) or is a mere label (off).",
	},
	{
		Name: nameSideTasks, Default: "on",
		Allowed: "on or off",
		Doc:     "Whether requests of chat apps for titles, tags and the like, where they are certainly that, get throw-away sessions.",
	},
	{
		Name: nameDatabase, Secret: true, account: true,
		Allowed: "sqlite:PATH, sqlite::memory: (all is forgotten at the end) or postgres://USER:PASSWORD@HOST/DATABASE",
		Doc:     "Where sessions are remembered. By default SQLite in the user's data folder; PostgreSQL when several replicas share the work.",
	},
	{
		Name: nameRetention, Default: "720h",
		Allowed: "a duration of at least 1s with its unit, such as 720h",
		Doc:     "Sessions that achuan made, that no one addressed by id or name, are deleted on the platform when nobody used them for so long.",
	},
	{
		Name: nameNamedRetention, Default: "0",
		Allowed: "0 (for ever) or a duration of at least 1s with its unit, such as 8760h",
		Doc:     "The same for sessions by id or name that achuan made. They hold the only copy of their history.",
	},
	{
		Name: nameVerifyIdle, Default: "10m", Allowed: aDuration,
		Doc: "A session that was idle for longer is compared with the platform before it is gone on with.",
	},
	{
		Name: nameToolStreaming, Default: string(ToolStreamingValid),
		Allowed: "valid or eager",
		Doc:     "Whether a tool call is streamed once it is known to be right (valid) or while the model writes it (eager), when it can no longer be repaired.",
	},
	{
		Name: "ACHUAN_CONNECT_TIMEOUT", Default: "10s", Allowed: aDuration,
		Doc: "The longest wait for a connection to the platform, TLS included.",
	},
	{
		Name: "ACHUAN_FIRST_EVENT_TIMEOUT", Default: "180s", Allowed: aDuration,
		Doc: "The longest wait for the first piece of an answer. Image models take their time.",
	},
	{
		Name: "ACHUAN_IDLE_TIMEOUT", Default: "120s", Allowed: aDuration,
		Doc: "The longest silence of the platform within an answer. There is no limit on the whole of it.",
	},
	{
		Name: "ACHUAN_DRAIN_TIMEOUT", Default: "20s", Allowed: aDuration,
		Doc: "How long answers under way may go on after SIGTERM or SIGINT. Grant the process 10s more than this.",
	},
	{
		Name: "ACHUAN_LOG_LEVEL", Default: "info",
		Allowed: "debug, info, warn or error",
		Doc:     "The least important log lines to write. Log lines hold neither content nor secrets at any level.",
	},
	{
		Name: nameLogFormat, Default: "text",
		Allowed: "text or json",
		Doc:     "The form of log lines.",
	},
	{
		Name: nameAudit, Default: string(AuditNone),
		Allowed: "hash or none",
		Doc:     "Whether each request's log line holds the SHA-256 of its body (hash), which proves what was asked to who has kept it.",
	},
	{
		Name:    nameTraces,
		Allowed: "an http or https URL without user, query and fragment, such as http://127.0.0.1:4318",
		Doc:     "The OpenTelemetry collector to send traces to, over HTTP. Nothing is traced without it. OTEL_SERVICE_NAME and the other OTEL_ variables work as usual.",
	},
}

// lookup returns the setting with the name.
func lookup(name string) (Setting, bool) {
	i := slices.IndexFunc(settings, func(s Setting) bool { return s.Name == name })
	if i < 0 {
		return Setting{}, false
	}
	return settings[i], true
}

// known returns the setting that a variable sets, by itself or through a file.
func known(variable string) (Setting, bool) {
	if s, ok := lookup(variable); ok {
		return s, true
	}
	s, ok := lookup(strings.TrimSuffix(variable, fileSuffix))
	return s, ok && s.Secret && strings.HasSuffix(variable, fileSuffix)
}

// variables returns the names of all variables, those for files included.
func variables() []string {
	var names []string
	for _, s := range settings {
		names = append(names, s.Name)
		if s.Secret {
			names = append(names, s.Name+fileSuffix)
		}
	}
	return names
}
