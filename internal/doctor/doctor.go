// Package doctor is the production checklist, executed: each line says whether
// something that production needs is so, and if not, what to do. Lines do not stand
// for each other: what a line depends on has a line of its own, and where that one
// has failed, it is skipped.
//
// It looks and asks. It changes nothing that anybody reads, and only Models costs anything. How its
// findings are shown is decided elsewhere.
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

// State is what became of a check.
type State string

// The states.
const (
	OK   State = "ok"
	Fail State = "fail"
	Skip State = "skip" // it could not be looked at, or nobody wanted it
	Hint State = "hint" // production needs it, and this server is for its machine alone
)

// Line is one line of the checklist.
type Line struct {
	Name   string `json:"name"`
	State  State  `json:"state"`
	Found  string `json:"found"`            // may hold secrets of the settings: redact it
	Remedy string `json:"remedy,omitempty"` // what to do, unless it is ok
}

// Options say what to look at. Settings is required unless SettingsError says why
// there are none.
type Options struct {
	Settings      *config.Settings
	SettingsError error
	SettingsText  []byte // the settings as a backup keeps them

	URL string // the server's, without /v1; "": the one that these settings start
	Key string // a client key; "": the first of the settings

	// Production says that the server serves others, although it listens to its machine
	// alone: behind a proxy.
	Production bool

	Models  bool                          // ask every model, which costs points
	Confirm func(questions, of int) bool  // asked before: so many questions of so many models
	Start   func(context.Context) *Server // a server of these settings with a store of its own, where none runs

	BackupFile string        // a backup made by other tools, whose age counts; "": the store's last
	BackupAge  time.Duration // how old the last backup may be; 0 is DefaultBackupAge

	Now  func() time.Time // nil is time.Now
	Slow time.Duration    // how long the platform's reply may take; 0 is DefaultSlow
}

// Server is one that was started for the checks.
type Server struct {
	URL  string
	Err  error // why it did not start
	Stop func()
}

// Bounds of what is well.
const (
	DefaultBackupAge = 25 * time.Hour // backed up daily, and an hour to do it
	DefaultSlow      = 3 * time.Second
	leastLife        = 72 * time.Hour // of the JWT; as the alert AchuanTokenExpiresSoon
	mostSkew         = 30 * time.Second
	mostSinceScrape  = 5 * time.Minute
)

// checkTime bounds every check but that of the models.
const checkTime = 20 * time.Second

// doctor is one run of the checklist.
type doctor struct {
	Options
	http     *http.Client
	platform *platform.Client
	server   *server // nil: there is none
	own      bool    // the server was started for the checks
	remote   bool    // the server is all that is known: the settings here are not its own
	reply    reply   // of the platform, to whoever asks
}

// check is one line's. The name stands in every report, whatever it found.
type check struct {
	name string
	run  func(*doctor, context.Context) Line
}

// checks is the checklist, in its order.
var checks = []check{
	{"settings", (*doctor).checkSettings},
	{"jwt", (*doctor).checkToken},
	{"platform", (*doctor).checkPlatform},
	{"account", (*doctor).checkAccount},
	{"models", (*doctor).checkModels},
	{"errors", (*doctor).checkErrors},
	{"store", (*doctor).checkStore},
	{"clock", (*doctor).checkClock},
	{"keys", (*doctor).checkKeys},
	{"metrics", (*doctor).checkMetrics},
	{"backup", (*doctor).checkBackup},
}

// Run goes through the checklist, tells each line when it is known, and returns how
// many have failed.
func Run(ctx context.Context, o Options, tell func(Line)) (failed int) {
	if o.Now == nil {
		o.Now = time.Now
	}
	o.BackupAge = cmp.Or(o.BackupAge, DefaultBackupAge)
	o.Slow = cmp.Or(o.Slow, DefaultSlow)
	d := &doctor{Options: o, http: newClient()}
	defer d.http.CloseIdleConnections()
	d.remote = o.URL != "" && (o.Settings == nil || o.Settings.JWT == "")
	stop := d.prepare(ctx)
	defer stop()
	for _, c := range checks {
		line := c.run(d, ctx)
		line.Name = c.name
		if line.State == Fail {
			failed++
		}
		tell(line)
	}
	return failed
}

// prepare finds, or starts, what the checks ask.
func (d *doctor) prepare(ctx context.Context) (stop func()) {
	stop = func() {}
	if d.Settings != nil && !d.remote {
		d.askPlatform(ctx)
		if d.Settings.JWT != "" {
			d.platform, _ = platform.New(platform.Options{
				CompletionsURL: d.Settings.APIURL, JWT: d.Settings.JWT, Cookie: d.Settings.PlatformCookie,
				ConnectTimeout: d.Settings.ConnectTimeout,
			}) // an account that no client can be made for fails in its own line
		}
	}
	if d.findServer(ctx) || d.platform == nil || d.Start == nil {
		return d.closing(stop)
	}
	s := d.Start(ctx)
	d.own = true
	d.server = &server{d: d, url: s.URL, failed: s.Err}
	if s.Stop != nil {
		stop = s.Stop
	}
	return d.closing(stop)
}

func (d *doctor) closing(stop func()) func() {
	return func() {
		stop()
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

// need is fail where the server serves others, and a hint otherwise.
func (d *doctor) need(remedy, format string, args ...any) Line {
	line := fail(remedy, format, args...)
	if !d.isProduction() {
		line.State = Hint
	}
	return line
}

// isProduction reports whether the server serves others than its own machine.
func (d *doctor) isProduction() bool {
	switch {
	case d.Production:
		return true
	case d.remote:
		return !config.IsLoopback(hostPort(d.URL))
	}
	return d.Settings != nil && !config.IsLoopback(d.Settings.Listen)
}

// but adds what to do about a line that was skipped.
func (l Line) but(remedy string) Line {
	l.Remedy = remedy
	return l
}
