// Package doctor runs the production checklist. Each line says whether one thing that production needs is in
// order and, if it is not, what to do. A line reports only its own fault: when something that it depends on has
// failed, that thing has a line of its own and the dependent line is skipped.
//
// The checks only read and ask. They change nothing that anybody reads, and only the check of the models costs
// points. The caller decides how the lines are shown.
package doctor

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"time"

	"achuan/internal/config"
	"achuan/internal/platform"
)

// State is the result of a check.
type State string

// The states.
const (
	OK   State = "ok"
	Fail State = "fail"
	Skip State = "skip" // the check could not run, or the operator did not want it
	Hint State = "hint" // it would fail in production, but this server serves only its own machine
)

// Line is one line of the checklist.
type Line struct {
	Name   string `json:"name"`
	State  State  `json:"state"`
	Found  string `json:"found"`            // it may contain secrets from the settings: redact it before it is shown
	Remedy string `json:"remedy,omitempty"` // what to do; "" when the state is OK
}

// Options say what to check. Settings is required unless SettingsError is set.
type Options struct {
	Settings      *config.Settings
	SettingsError error  // why Settings is nil
	SettingsText  []byte // the settings as a backup stores them

	URL string // base URL of the server, without /v1; "" means the server that these settings start
	Key string // client key; "" means the first key of the settings

	// IsProduction says that the server serves others although it listens on loopback only: it is behind a proxy.
	IsProduction bool

	AskModels bool // ask every model, which costs points
	// Confirm is called before the models are asked. It returns whether to send that many questions.
	Confirm func(questions, models int) bool
	// StartServer starts a server with these settings and an empty store. It is called when no server runs.
	StartServer func(context.Context) *Server

	BackupFile   string        // a backup made by other tools, whose age is checked; "" means the store's last backup
	MaxBackupAge time.Duration // the oldest that the last backup may be; 0 is DefaultMaxBackupAge

	Now        func() time.Time // nil is time.Now
	MaxLatency time.Duration    // the longest that the platform's reply may take; 0 is DefaultMaxLatency
}

// Server is a server that was started for the checks.
type Server struct {
	URL  string
	Err  error // why it did not start
	Stop func()
}

// Defaults of Options.
const (
	DefaultMaxBackupAge = 25 * time.Hour // a daily backup, and one hour to make it
	DefaultMaxLatency   = 3 * time.Second
)

// Bounds of the checks.
const (
	minTokenLife = 72 * time.Hour // as in the alert AchuanTokenExpiresSoon
	maxClockSkew = 30 * time.Second
	maxScrapeAge = 5 * time.Minute
	checkTimeout = 20 * time.Second // for each check except the one of the models
)

// doctor is one run of the checklist.
type doctor struct {
	Options
	http        *http.Client
	platform    *platform.Client // nil when there is no valid JWT
	server      *server          // nil when no server runs
	isOwnServer bool             // the server was started for the checks
	isRemote    bool             // only the server is known: the settings here are not its settings
	reply       platformReply
}

// check is the check behind one line. Every report contains its name.
type check struct {
	name string
	run  checkFunc
}

type checkFunc func(*doctor, context.Context) Line

// byPlace returns a check that runs remote for a remote server, and otherwise local. local needs the settings: without
// them, the line is skipped.
func byPlace(local, remote checkFunc) checkFunc {
	return func(d *doctor, ctx context.Context) Line {
		switch {
		case d.isRemote:
			return remote(d, ctx)
		case d.Settings == nil:
			return noSettings()
		}
		return local(d, ctx)
	}
}

// checks is the checklist, in the order of the report.
var checks = []check{
	{"settings", (*doctor).checkSettings},
	{"jwt", byPlace((*doctor).checkToken, (*doctor).checkRemoteToken)},
	{"platform", byPlace((*doctor).checkPlatform, (*doctor).checkRemotePlatform)},
	{"account", byPlace((*doctor).checkAccount, (*doctor).checkRemoteAccount)},
	{"models", (*doctor).checkModels},
	{"errors", (*doctor).checkErrors},
	{"store", (*doctor).checkStore},
	{"files", (*doctor).checkFiles},
	{"clock", (*doctor).checkClock},
	{"keys", byPlace((*doctor).checkKeys, (*doctor).checkRemoteKeys)},
	{"metrics", (*doctor).checkMetrics},
	{"backup", (*doctor).checkBackup},
}

// Run runs the checklist, calls report with each line as soon as it is known, and returns how many lines failed.
func Run(ctx context.Context, o Options, report func(Line)) (failed int) {
	if o.Now == nil {
		o.Now = time.Now
	}
	o.MaxBackupAge = cmp.Or(o.MaxBackupAge, DefaultMaxBackupAge)
	o.MaxLatency = cmp.Or(o.MaxLatency, DefaultMaxLatency)
	d := &doctor{Options: o, http: newHTTPClient()}
	defer d.http.CloseIdleConnections()
	d.isRemote = o.URL != "" && (o.Settings == nil || o.Settings.JWT == "")
	stop := d.prepare(ctx)
	defer stop()
	for _, c := range checks {
		line := c.run(d, ctx)
		line.Name = c.name
		if line.State == Fail {
			failed++
		}
		report(line)
	}
	return failed
}

// prepare asks the platform once, and finds or starts the server. stop releases what prepare opened.
func (d *doctor) prepare(ctx context.Context) (stop func()) {
	if d.Settings != nil && !d.isRemote {
		d.askPlatform(ctx)
		if d.Settings.JWT != "" {
			d.platform, _ = platform.New(platform.Options{
				CompletionsURL: d.Settings.APIURL, JWT: d.Settings.JWT, Cookie: d.Settings.PlatformCookie,
				ConnectTimeout: d.Settings.ConnectTimeout,
			}) // the line of the JWT reports the error
		}
	}
	stopServer := func() {}
	if !d.findServer(ctx) && d.platform != nil && d.StartServer != nil {
		s := d.StartServer(ctx)
		d.isOwnServer = true
		d.server = &server{d: d, url: s.URL, startError: s.Err}
		if s.Stop != nil {
			stopServer = s.Stop
		}
	}
	return func() {
		stopServer()
		if d.platform != nil {
			d.platform.Close()
		}
	}
}

func ok(format string, args ...any) Line { return Line{State: OK, Found: fmt.Sprintf(format, args...)} }

func skip(format string, args ...any) Line {
	return Line{State: Skip, Found: fmt.Sprintf(format, args...)}
}

func fail(remedy, format string, args ...any) Line {
	return Line{State: Fail, Found: fmt.Sprintf(format, args...), Remedy: remedy}
}

// withRemedy returns the line with a remedy.
func (l Line) withRemedy(remedy string) Line {
	l.Remedy = remedy
	return l
}

// failInProduction returns a failure, or a hint when the server serves only its own machine.
func (d *doctor) failInProduction(remedy, format string, args ...any) Line {
	line := fail(remedy, format, args...)
	if !d.servesOthers() {
		line.State = Hint
	}
	return line
}

// servesOthers reports whether the server serves more than its own machine.
func (d *doctor) servesOthers() bool {
	switch {
	case d.IsProduction:
		return true
	case d.isRemote:
		return !config.IsLoopback(hostOf(d.URL))
	}
	return d.Settings != nil && !config.IsLoopback(d.Settings.Listen)
}
