package config

import (
	"errors"
	"log/slog"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// sources are the files and options of one call of Load.
type sources struct {
	files   map[string]string
	environ []string
	options LoadOptions
}

func (src sources) load(t *testing.T) (*Settings, error) {
	t.Helper()
	o := src.options
	o.Dir, o.Environ, o.Home = t.TempDir(), src.environ, "/home/ada"
	for name, content := range src.files {
		writeFile(t, filepath.Join(o.Dir, name), content)
	}
	return Load(o)
}

func (src sources) mustLoad(t *testing.T) *Settings {
	t.Helper()
	s, err := src.load(t)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func defaults() *Settings {
	return &Settings{
		APIURL:           "https://ai.achuanai.cn/api/chat/completions",
		Listen:           "127.0.0.1:8000",
		MaxBody:          32 << 20,
		BlobRoom:         2 << 30,
		Fetch:            true,
		ImageStore:       true,
		ImageOutput:      []string{"markdown", "images"},
		UserSessions:     UserSessionsContinue,
		DatabaseURL:      "sqlite:/home/ada/.local/share/achuan/achuan.db",
		SessionRetention: 720 * time.Hour,
		VerifyIdle:       10 * time.Minute, SessionTitles: "on",
		SideTasks:         true,
		ToolStreaming:     ToolStreamingValid,
		ConnectTimeout:    10 * time.Second,
		FirstEventTimeout: 180 * time.Second,
		IdleTimeout:       120 * time.Second,
		DrainTimeout:      20 * time.Second,
		LogLevel:          slog.LevelInfo,
		LogFormat:         "text",
		Audit:             AuditNone,
	}
}

func TestLoad(t *testing.T) {
	tests := []struct {
		name string
		src  sources
		want func(s *Settings) // changes the defaults to the expected settings
	}{
		{"no sources", sources{}, func(*Settings) {}},
		{"empty variables are unset", sources{
			environ: []string{"ACHUAN_JWT=", "ACHUAN_LISTEN= ", "PORT=", "ACHUAN_API_KEYS_FILE="},
			files:   map[string]string{".env": "ACHUAN_LOG_LEVEL=\n", "achuan.yaml": "achuan_jwt:\nachuan_api_keys: []\nport: ''\n"},
		}, func(*Settings) {}},
		{"empty files", sources{files: map[string]string{"achuan.yaml": "", ".env": ""}}, func(*Settings) {}},
		{"only comments", sources{files: map[string]string{"achuan.yaml": "# a\n", ".env": "# b\n"}}, func(*Settings) {}},
		{"everything in the environment", sources{environ: []string{
			"ACHUAN_JWT=a.b.c", "ACHUAN_API_URL=http://127.0.0.1:9/api/chat/completions", "ACHUAN_PLATFORM_COOKIE=a=b; c=d",
			"ACHUAN_LISTEN=[::1]:0", "ACHUAN_API_KEYS=one, alice:two,,", "ACHUAN_ALLOW_ANONYMOUS=Yes", "ACHUAN_CORS_ORIGINS=*",
			"ACHUAN_MAX_BODY=10 kb", "ACHUAN_BLOB_ROOM=1GiB", "ACHUAN_FETCH=off", "ACHUAN_IMAGE_OUTPUT=images", "ACHUAN_FETCH_ALLOW=files.example,10.0.0.0/8", "ACHUAN_USER_SESSIONS=OFF", "ACHUAN_TOOL_STREAMING=Eager", "ACHUAN_CONNECT_TIMEOUT=1s", "ACHUAN_FIRST_EVENT_TIMEOUT=2m",
			"ACHUAN_IDLE_TIMEOUT=3m", "ACHUAN_DRAIN_TIMEOUT=500ms", "ACHUAN_LOG_LEVEL=DEBUG", "ACHUAN_LOG_FORMAT=JSON",
			"ACHUAN_ADMIN_KEY=boss", "ACHUAN_AUDIT=Hash", "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318",
			"ACHUAN_DATABASE_URL=postgres://ada:secret@db.example/achuan", "ACHUAN_SESSION_RETENTION=1s", "ACHUAN_NAMED_RETENTION=8760h",
			"ACHUAN_VERIFY_IDLE=1m", "ACHUAN_SIDE_TASKS=off",
		}}, func(s *Settings) {
			*s = Settings{
				JWT: "a.b.c", APIURL: "http://127.0.0.1:9/api/chat/completions", PlatformCookie: "a=b; c=d",
				Listen: "[::1]:0", APIKeys: []string{"one", "alice:two"}, AllowAnonymous: true, CORSOrigins: []string{"*"},
				MaxBody: 10_000, BlobRoom: 1 << 30, FetchAllow: []string{"files.example", "10.0.0.0/8"}, ImageStore: true, ImageOutput: []string{"images"}, UserSessions: UserSessionsOff, ToolStreaming: ToolStreamingEager,
				ConnectTimeout: time.Second, FirstEventTimeout: 2 * time.Minute,
				IdleTimeout: 3 * time.Minute, DrainTimeout: 500 * time.Millisecond, LogLevel: slog.LevelDebug, LogFormat: "json",
				AdminKey: "boss", Audit: AuditHash, TracesURL: "http://127.0.0.1:4318",
				DatabaseURL: "postgres://ada:secret@db.example/achuan", SessionRetention: time.Second, NamedRetention: 8760 * time.Hour, VerifyIdle: time.Minute, SessionTitles: "on",
			}
		}},
		{"the file, with lists", sources{files: map[string]string{"achuan.yaml": strings.Join([]string{
			"achuan_jwt: a.b.c",
			"port: 9000",
			"achuan_api_keys:",
			"  - alice:one",
			"  - 12345",
			"achuan_cors_origins: [https://A.example, 'http://b.example:80', 'https://c.example:8443', app://obsidian.md]",
			"achuan_allow_anonymous: true",
			"achuan_max_body: 4096",
			"achuan_idle_timeout: &t 90s",
			"achuan_connect_timeout: *t",
		}, "\n")}}, func(s *Settings) {
			s.JWT, s.Listen, s.AllowAnonymous, s.MaxBody = "a.b.c", "0.0.0.0:9000", true, 4096
			s.APIKeys = []string{"alice:one", "12345"}
			s.CORSOrigins = []string{"https://a.example", "http://b.example", "https://c.example:8443", "app://obsidian.md"}
			s.IdleTimeout, s.ConnectTimeout = 90*time.Second, 90*time.Second
		}},
		{"the environment beats .env beats the file", sources{
			environ: []string{"ACHUAN_LOG_LEVEL=error"},
			files: map[string]string{
				".env":        "ACHUAN_LOG_LEVEL=warn\nexport ACHUAN_IDLE_TIMEOUT='2s' # why\n",
				"achuan.yaml": "achuan_log_level: debug\nachuan_idle_timeout: 1s\nachuan_connect_timeout: 1s\n",
			},
		}, func(s *Settings) {
			s.LogLevel, s.IdleTimeout, s.ConnectTimeout = slog.LevelError, 2*time.Second, time.Second
		}},
		{"an empty variable does not hide a weaker source", sources{
			environ: []string{"ACHUAN_LOG_LEVEL="}, files: map[string]string{".env": "ACHUAN_LOG_LEVEL=warn\n"},
		}, func(s *Settings) { s.LogLevel = slog.LevelWarn }},
		{"a folder named .env is ignored", sources{files: map[string]string{".env/bin/python": ""}}, func(*Settings) {}},
		{"secrets in files", sources{
			environ: []string{"ACHUAN_JWT_FILE=secrets/jwt", "ACHUAN_API_KEYS_FILE=secrets/keys"},
			files: map[string]string{
				"secrets/jwt": "a.b.c\n", "secrets/keys": "alice:one\r\n\r\ntwo, three\n", "secrets/cookie": "x=y\n",
				"achuan.yaml": "achuan_platform_cookie_file: secrets/cookie",
			},
		}, func(s *Settings) {
			s.JWT, s.APIKeys, s.PlatformCookie = "a.b.c", []string{"alice:one", "two", "three"}, "x=y"
		}},
		{"a named file", sources{
			options: LoadOptions{ConfigFile: "etc/my.yaml"},
			files:   map[string]string{"etc/my.yaml": "achuan_log_level: warn", "achuan.yaml": "achuan_log_level: debug"},
		}, func(s *Settings) { s.LogLevel = slog.LevelWarn }},
		{"PORT", sources{environ: []string{"PORT=65535"}}, func(s *Settings) { s.Listen = "0.0.0.0:65535" }},
		{"ACHUAN_LISTEN has priority over PORT, which is not checked then", sources{
			environ: []string{"PORT=tcp://10.0.0.1:80"}, files: map[string]string{"achuan.yaml": "achuan_listen: localhost:1"},
		}, func(s *Settings) { s.Listen = "localhost:1" }},
		{"--listen has priority over both", sources{
			environ: []string{"PORT=9000", "ACHUAN_LISTEN=localhost:1"}, options: LoadOptions{Listen: ":2"},
		}, func(s *Settings) { s.Listen = ":2" }},
		{"the demo ignores the account", sources{
			environ: []string{"ACHUAN_JWT=a.b.c", "ACHUAN_JWT_FILE=gone", "ACHUAN_API_URL=nonsense", "ACHUAN_PLATFORM_COOKIE_FILE=gone"},
			options: LoadOptions{Demo: true},
		}, func(s *Settings) { s.APIURL, s.Demo, s.DatabaseURL = "", true, "sqlite::memory:" }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := tt.src.mustLoad(t)
			want := defaults()
			tt.want(want)
			if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Settings{}), cmpopts.IgnoreFields(Settings{}, "JWTFile")); diff != "" {
				t.Errorf("Load (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDefaultDatabase(t *testing.T) {
	tests := []struct {
		name, system, home string
		environ            []string
		want               string
	}{
		{"XDG", "linux", "", []string{"HOME=/home/ada", "XDG_DATA_HOME=/data"}, "/data"},
		{"a relative XDG folder is ignored", "linux", "", []string{"HOME=/home/ada", "XDG_DATA_HOME=data"}, "/home/ada/.local/share"},
		{"a Mac", "darwin", "", []string{"HOME=/Users/ada", "XDG_DATA_HOME=/data"}, "/Users/ada/Library/Application Support"},
		{"no home", "linux", "", nil, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := dataFolder(tt.system, parseEnviron(tt.environ)); got != tt.want {
				t.Errorf("dataFolder(%s) = %q, want %q", tt.system, got, tt.want)
			}
		})
	}
	s, err := Load(LoadOptions{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	if s.DatabaseURL != memoryDatabase || len(s.Warnings) != 1 || !strings.Contains(s.Warnings[0], "ACHUAN_DATABASE_URL") {
		t.Errorf("Load without a home = database %q, warnings %q, want memory and one warning", s.DatabaseURL, s.Warnings)
	}
}

func TestWarnings(t *testing.T) {
	tests := []struct {
		name string
		src  sources
		want []string
	}{
		{"none", sources{environ: []string{"PATH=/bin", "ACHUAN_JWT=a.b.c", "ACHUANX=1"}}, nil},
		{"an unknown variable", sources{environ: []string{"ACHUAN_API_KEY=one", "ACHUAN_WHATEVER_ELSE=two"}}, []string{
			"environment: ACHUAN_API_KEY is not a setting and is ignored; did you mean ACHUAN_API_KEYS?",
			"environment: ACHUAN_WHATEVER_ELSE is not a setting and is ignored",
		}},
		{"an unknown variable in .env", sources{files: map[string]string{".env": "ACHUAN_LOGLEVEL=debug\nOTHER=1\n"}}, []string{
			".env: ACHUAN_LOGLEVEL is not a setting and is ignored; did you mean ACHUAN_LOG_LEVEL?",
		}},
		{"ACHUAN_PORT", sources{environ: []string{"ACHUAN_PORT=1"}}, []string{"environment: ACHUAN_PORT is not a setting and is ignored; did you mean PORT?"}},
		{"variables of Kubernetes", sources{environ: []string{
			"ACHUAN_SERVICE_HOST=10.0.0.1", "ACHUAN_SERVICE_PORT=80", "ACHUAN_SERVICE_PORT_HTTP=80",
			"ACHUAN_PORT=tcp://10.0.0.1:80", "ACHUAN_PORT_80_TCP_ADDR=10.0.0.1",
		}}, nil},
		{"RUST_LOG of the old guide", sources{environ: []string{"RUST_LOG=debug"}}, []string{
			"environment: RUST_LOG is not used; ACHUAN_LOG_LEVEL (debug, info, warn, error) sets how much is logged",
		}},
		{"an unsupported protocol for traces", sources{environ: []string{"OTEL_EXPORTER_OTLP_PROTOCOL=grpc"}}, []string{
			"environment: OTEL_EXPORTER_OTLP_PROTOCOL is not used: traces are sent as http/protobuf, which collectors take at port 4318",
		}},
		{"the supported protocol for traces", sources{environ: []string{"OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"}}, nil},
		{"a scheme before the JWT", sources{environ: []string{"ACHUAN_JWT=bearer  a.b.c"}}, []string{
			`environment: ACHUAN_JWT begins with "bearer", which is not part of the token and was cut off`,
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := tt.src.mustLoad(t)
			if diff := cmp.Diff(tt.want, s.Warnings); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
			if strings.ContainsAny(s.JWT, " ") {
				t.Errorf("JWT = %q, want no scheme in it", s.JWT)
			}
		})
	}
}

func TestCheckServe(t *testing.T) {
	jwt := "ACHUAN_JWT=a.b.c"
	tests := []struct {
		name string
		src  sources
		want []string // parts of the message; nil means no error
	}{
		{"an account on loopback", sources{environ: []string{jwt}}, nil},
		{"no account", sources{}, []string{"ACHUAN_JWT", "achuan serve --demo"}},
		{"no account in the demo", sources{options: LoadOptions{Demo: true}}, nil},
		{"an open network without keys", sources{environ: []string{jwt, "PORT=80"}}, []string{"environment, PORT: ", "ACHUAN_API_KEYS", "ACHUAN_ALLOW_ANONYMOUS=true", `"0.0.0.0:80"`}},
		{"empty keys do not count", sources{environ: []string{jwt, "PORT=80", "ACHUAN_API_KEYS= , ,"}}, []string{"ACHUAN_API_KEYS"}},
		{"a network in the demo", sources{options: LoadOptions{Demo: true, Listen: ":80"}}, []string{"--listen: ", "ACHUAN_API_KEYS"}},
		{"a network with keys", sources{environ: []string{jwt, "PORT=80", "ACHUAN_API_KEYS=one"}}, nil},
		{"a network for everyone", sources{environ: []string{jwt, "PORT=80", "ACHUAN_ALLOW_ANONYMOUS=true"}}, nil},
		{"both", sources{environ: []string{"PORT=80"}}, []string{"achuan serve --demo", "ACHUAN_ALLOW_ANONYMOUS"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.src.mustLoad(t).CheckServe()
			if (err != nil) != (tt.want != nil) {
				t.Fatalf("CheckServe = %v, want an error: %v", err, tt.want != nil)
			}
			for _, part := range tt.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("CheckServe = %v, want %q in it", err, part)
				}
			}
			if _, ok := errors.AsType[*Error](err); err != nil && !ok {
				t.Errorf("CheckServe = %T, want an *Error", err)
			}
		})
	}
}

func TestSecrets(t *testing.T) {
	s := sources{environ: []string{
		"ACHUAN_JWT=a.b.c", "ACHUAN_API_KEYS=one,alice: two:three", "ACHUAN_ADMIN_KEY=boss", "ACHUAN_PLATFORM_COOKIE=sid=four; theme=five",
	}}.mustLoad(t)
	want := []string{"a.b.c", "one", "two:three", "boss", "sid=four; theme=five", "four", "five"}
	if diff := cmp.Diff(want, s.Secrets()); diff != "" {
		t.Errorf("Secrets (-want +got):\n%s", diff)
	}
	if got := new(Settings).Secrets(); len(got) != 0 {
		t.Errorf("Secrets() of empty settings = %q, want none", got)
	}
}

// Each setting in the table has a field in Settings, except PORT, which sets ACHUAN_LISTEN.
func TestTableMatchesStruct(t *testing.T) {
	var table, fields []string
	for _, s := range Describe() {
		if s.Name != namePort {
			table = append(table, s.Name)
		}
		if s.Doc == "" || s.Allowed == "" || !strings.HasSuffix(s.Doc, ".") || strings.HasSuffix(s.Allowed, ".") {
			t.Errorf("setting %s = %+v, want a Doc that is a sentence and an Allowed that is a phrase", s.Name, s)
		}
		if s.Secret && s.Default != "" {
			t.Errorf("secret %s has the default %q, want none", s.Name, s.Default)
		}
		if s.Key() != strings.ToLower(s.Name) {
			t.Errorf("Key() of %s = %s, want its lower case", s.Name, s.Key())
		}
	}
	for field := range reflect.TypeFor[Settings]().Fields() {
		if name := field.Tag.Get("env"); name != "" {
			fields = append(fields, name)
		}
	}
	if diff := cmp.Diff(table, fields, cmpopts.SortSlices(strings.Compare)); diff != "" {
		t.Errorf("env tags of Settings (-want table +got tags):\n%s", diff)
	}
}

func TestDescribeReturnsCopy(t *testing.T) {
	Describe()[0].Name = "CHANGED"
	if got := Describe()[0].Name; got != nameJWT {
		t.Errorf("Describe()[0].Name = %s after a change of a copy, want %s", got, nameJWT)
	}
}
