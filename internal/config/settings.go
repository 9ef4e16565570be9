package config

import (
	"slices"
	"strings"
)

// Setting describes one setting.
type Setting struct {
	Name    string // name of the environment variable
	Default string // "" for none
	Secret  bool   // it is never shown, and NAME_FILE can name a file with the value
	Allowed string // the allowed values with units, as a phrase after "want"
	Doc     string // the meaning, in one or two sentences

	isAccount bool // part of the account, which the demo does not use
	isList    bool // a list: separated by commas, or a list in the file
}

// Key returns the setting's name in achuan.yaml.
func (s Setting) Key() string { return strings.ToLower(s.Name) }

// Describe returns all settings in the order of the documentation.
func Describe() []Setting { return slices.Clone(settings) }

// Names of settings that the code uses.
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
	nameBlobURL        = "ACHUAN_BLOB_URL"
	nameBlobRoom       = "ACHUAN_BLOB_ROOM"
	nameFetch          = "ACHUAN_FETCH"
	nameFetchAllow     = "ACHUAN_FETCH_ALLOW"
	nameImageStore     = "ACHUAN_IMAGE_STORE"
	nameImageOutput    = "ACHUAN_IMAGE_OUTPUT"
	nameModels         = "ACHUAN_MODELS"
	nameUserSessions   = "ACHUAN_USER_SESSIONS"
	nameToolStreaming  = "ACHUAN_TOOL_STREAMING"
	nameLogFormat      = "ACHUAN_LOG_FORMAT"
	nameAudit          = "ACHUAN_AUDIT"
	nameTraces         = "OTEL_EXPORTER_OTLP_ENDPOINT"
	nameDatabase       = "ACHUAN_DATABASE_URL"
	nameRetention      = "ACHUAN_SESSION_RETENTION"
	nameNamedRetention = "ACHUAN_NAMED_RETENTION"
	nameVerifyIdle     = "ACHUAN_VERIFY_IDLE"
	nameMaxText        = "ACHUAN_MAX_TEXT"
	nameSideTasks      = "ACHUAN_SIDE_TASKS"
	nameSessionTitles  = "ACHUAN_SESSION_TITLES"

	fileSuffix = "_FILE" // suffix of the variable with the name of a secret's file
)

const allowedDuration = "a duration above 0 with its unit, such as 500ms, 90s or 2m"

// settings is the table of all settings. Their typed fields are in Settings.
var settings = []Setting{
	{
		Name: nameJWT, Secret: true, isAccount: true,
		Allowed: "the token alone, on one line",
		Doc: "The account's JWT, as the platform's web page sends it in its Authorization header. achuan " +
			"serve requires it, except with --demo.",
	},
	{
		Name: nameAPIURL, isAccount: true,
		Default: "https://ai.achuanai.cn/api/chat/completions",
		Allowed: "an http or https URL that ends in /chat/completions, without user, query and fragment",
		Doc:     "The platform's completions URL; its other paths are derived from it.",
	},
	{
		Name: nameCookie, Secret: true, isAccount: true,
		Allowed: "a Cookie header's value, such as server_name_session=…, on one line",
		Doc: "A cookie to send to the platform, for a host behind a firewall panel that asks for one. Most " +
			"need none.",
	},
	{
		Name: nameListen, Default: "127.0.0.1:8000",
		Allowed: "host:port with a port of 0 to 65535, such as 127.0.0.1:8000 or :8000 (0: any free port)",
		Doc: "The address to serve on. --listen has priority. Every address except loopback requires " +
			"ACHUAN_API_KEYS or ACHUAN_ALLOW_ANONYMOUS.",
	},
	{
		Name:    namePort,
		Allowed: "a port of 1 to 65535",
		Doc: "The port to serve on, on all addresses, as hosting platforms set it. Used when neither " +
			"--listen nor ACHUAN_LISTEN is set.",
	},
	{
		Name: nameAPIKeys, Secret: true, isList: true,
		Allowed: "keys, each `key` or `name:key`, separated by commas (in a file also by line breaks)",
		Doc: "The keys that clients must send. Each key is one caller with its own sessions; its name is for " +
			"logs.",
	},
	{
		Name: nameAdminKey, Secret: true,
		Allowed: "a key of visible ASCII characters that is none of ACHUAN_API_KEYS",
		Doc: "The operator's key. It gives access to /metrics, also from other machines; when it is set, " +
			"nothing else does. It is not a client key.",
	},
	{
		Name: nameAllowAnonymous, Default: "false",
		Allowed: "true or false",
		Doc:     "Serve other machines although no client keys are set.",
	},
	{
		Name: nameCORSOrigins, isList: true,
		Allowed: "origins of the form scheme://host or scheme://host:port, separated by commas, or * alone",
		Doc:     "The browser pages that may call this server. When it is not set, no page may.",
	},
	{
		Name: nameMaxBody, Default: "32MiB",
		Allowed: "a whole number of B, KiB, MiB, GiB, KB, MB or GB (bytes without a unit), from 1 to 1GiB",
		Doc:     "The largest request body that is accepted.",
	},
	{
		Name: nameBlobRoom, Default: "2GiB",
		Allowed: "a whole number of B, KiB, MiB, GiB, KB, MB or GB (bytes without a unit), from 64MiB to 1024GiB",
		Doc:     "The room for the pictures and documents of requests. Those that were used least recently are deleted for new ones.",
	},
	{
		Name: nameBlobURL, Secret: true, isAccount: true,
		Allowed: "s3://ID:KEY@HOST/BUCKET/PREFIX?region=REGION; with &tls=off it is plain http, and without a key it " +
			"is that of AWS's usual variables or of the machine's role",
		Doc: "A bucket for the pictures and documents. Without it they are in a folder beside the SQLite database, " +
			"or in the PostgreSQL database.",
	},
	{
		Name: nameFetch, Default: "on",
		Allowed: "true or false",
		Doc:     "Whether links to pictures in requests are fetched, from public addresses only.",
	},
	{
		Name: nameFetchAllow, isList: true,
		Allowed: "names of hosts, addresses or networks such as 10.0.0.0/8, separated by commas",
		Doc:     "Hosts and networks whose pictures may be fetched although their addresses are not public.",
	},
	{
		Name: nameImageOutput, Default: "markdown,images", isList: true,
		Allowed: "markdown, images or both, separated by commas",
		Doc:     "How clients get the pictures of an answer: as Markdown in its text (markdown), as `images` beside it (images).",
	},
	{
		Name: nameImageStore, Default: "on",
		Allowed: "true or false",
		Doc:     "Whether this server keeps a copy of each picture of an answer, and gives clients a link to it.",
	},
	{
		Name: nameModels, isList: true,
		Allowed: "a list of NAME=MODEL, NAME or -NAME; in the file also models: with NAME: MODEL, true or false",
		Doc: "How clients see the models. NAME=MODEL is another name for a model, in which * stands for any " +
			"characters; -NAME hides a model. Listed names come first, in this order.",
	},
	{
		Name: nameUserSessions, Default: string(UserSessionsContinue),
		Allowed: "continue or off",
		Doc:     "Whether a request's `user` field names a session to continue (continue) or is only a label (off).",
	},
	{
		Name: nameSideTasks, Default: "on",
		Allowed: "on or off",
		Doc: "Whether requests of chat apps for titles, tags and the like get throw-away sessions. Only " +
			"clear cases do.",
	},
	{
		Name: nameSessionTitles, Default: TitlesOn, Allowed: "on, off, or a prefix of at most 20 characters",
		Doc: "Whether a session that achuan makes gets the first words of its first question as its title on " +
			"the platform's website. A prefix stands in front of them.",
	},
	{
		Name: nameDatabase, Secret: true, isAccount: true,
		Allowed: "sqlite:PATH, sqlite::memory: (all is forgotten at the end) or " +
			"postgres://USER:PASSWORD@HOST/DATABASE",
		Doc: "Where sessions are stored. The default is SQLite in the user's data folder. Several replicas " +
			"need PostgreSQL.",
	},
	{
		Name: nameRetention, Default: "720h",
		Allowed: "a duration of at least 1s with its unit, such as 720h",
		Doc: "Sessions that achuan made and no client addressed by id or name are deleted on the platform " +
			"after this time without use.",
	},
	{
		Name: nameNamedRetention, Default: "0",
		Allowed: "0 (for ever) or a duration of at least 1s with its unit, such as 8760h",
		Doc: "The same for sessions that achuan made and clients address by id or name. They hold the only " +
			"copy of their history.",
	},
	{
		Name: nameVerifyIdle, Default: "10m", Allowed: allowedDuration,
		Doc: "A session that was idle for longer is compared with the platform before it is continued.",
	},
	{
		Name: nameMaxText, Default: "0", Allowed: "0 (learned from what the platform refuses) or at least 1000",
		Doc: "The longest text, in characters, that the platform takes as one question. A longer one is sent as " +
			"a text file if the model reads documents; otherwise it is refused with context_length_exceeded.",
	},
	{
		Name: nameToolStreaming, Default: string(ToolStreamingValid),
		Allowed: "valid or eager",
		Doc: "Whether a tool call is streamed when it is known to be valid (valid) or while the model writes " +
			"it (eager). An eager call cannot be repaired.",
	},
	{
		Name: "ACHUAN_CONNECT_TIMEOUT", Default: "10s", Allowed: allowedDuration,
		Doc: "The longest wait for a connection to the platform, TLS included.",
	},
	{
		Name: "ACHUAN_FIRST_EVENT_TIMEOUT", Default: "180s", Allowed: allowedDuration,
		Doc: "The longest wait for the first piece of an answer. Image models are slow.",
	},
	{
		Name: "ACHUAN_IDLE_TIMEOUT", Default: "120s", Allowed: allowedDuration,
		Doc: "The longest silence of the platform within an answer. There is no limit on the whole answer.",
	},
	{
		Name: "ACHUAN_DRAIN_TIMEOUT", Default: "20s", Allowed: allowedDuration,
		Doc: "How long running answers may continue after SIGTERM or SIGINT. Give the process 10s more than this.",
	},
	{
		Name: "ACHUAN_LOG_LEVEL", Default: "info",
		Allowed: "debug, info, warn or error",
		Doc:     "The lowest level of log lines to write. Log lines contain neither content nor secrets at any level.",
	},
	{
		Name: nameLogFormat, Default: "text",
		Allowed: "text or json",
		Doc:     "The format of log lines.",
	},
	{
		Name: nameAudit, Default: string(AuditNone),
		Allowed: "hash or none",
		Doc: "Whether each request's log line has the SHA-256 of its body (hash). With it, whoever kept the " +
			"body can prove what was asked.",
	},
	{
		Name:    nameTraces,
		Allowed: "an http or https URL without user, query and fragment, such as http://127.0.0.1:4318",
		Doc: "The OpenTelemetry collector that gets traces over HTTP. Without it, nothing is traced. " +
			"OTEL_SERVICE_NAME and the other OTEL_ variables work as usual.",
	},
}

// lookup returns the setting with that name.
func lookup(name string) (Setting, bool) {
	i := slices.IndexFunc(settings, func(s Setting) bool { return s.Name == name })
	if i < 0 {
		return Setting{}, false
	}
	return settings[i], true
}

// settingOf returns the setting that a variable sets, directly or through a file.
func settingOf(variable string) (Setting, bool) {
	if s, ok := lookup(variable); ok {
		return s, true
	}
	s, ok := lookup(strings.TrimSuffix(variable, fileSuffix))
	return s, ok && s.Secret && strings.HasSuffix(variable, fileSuffix)
}

// variableNames returns the names of all variables, also of those for files.
func variableNames() []string {
	var names []string
	for _, s := range settings {
		names = append(names, s.Name)
		if s.Secret {
			names = append(names, s.Name+fileSuffix)
		}
	}
	return names
}
