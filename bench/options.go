package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// options are the settings of a run.
type options struct {
	isSimulator  bool
	listen       string // address of the simulator
	contextCount int    // of a new session on the platform
	rounds       int
	slice        time.Duration
	only         []string // groups of rows; nil is all
	idle         [2]int   // numbers of open streams
	streams      int      // streams that achuan must have answered at the end
	others       []other
	postgres     string // URL of a database; "" is none
	json         bool
	unchecked    bool
	timeout      time.Duration
}

// other is a program that bench did not start.
type other struct {
	name, url, key, model string
	pids                  []int
}

// has reports whether the rows of a group are wanted.
func (o *options) has(group string) bool { return o.only == nil || slices.Contains(o.only, group) }

// parseOptions reads the flags of a command line. It writes help to w.
func parseOptions(args []string, w io.Writer) (*options, error) {
	o := &options{idle: [2]int{1000, 5000}}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(w)
	flags.BoolVar(&o.isSimulator, "simulator", false, "run as the simulator (bench starts itself with this flag)")
	flags.StringVar(&o.listen, "listen", "127.0.0.1:0", "`address` of the simulator, for -other")
	flags.IntVar(&o.contextCount, "context", 10,
		"contextCount of a new session on the platform; below 65, achuan sends a request of its own to raise it")
	flags.IntVar(&o.rounds, "rounds", 5, "slices of each load and server")
	flags.DurationVar(&o.slice, "slice", time.Second, "time of a slice")
	flags.IntVar(&o.streams, "streams", 10_000,
		"number of achuan's streams to check; all loads together read about this many")
	flags.StringVar(&o.postgres, "postgres", "",
		"`URL` of a PostgreSQL database in which bench may make achuan's tables; adds achuan+postgres")
	flags.BoolVar(&o.json, "json", false, "print JSON instead of a table")
	flags.BoolVar(&o.unchecked, "unchecked", false,
		"print the figures also when the generator or the simulator was the bottleneck (the exit status is still 1)")
	flags.DurationVar(&o.timeout, "timeout", 15*time.Minute, "end a run that takes longer")
	flags.Func("only", "`groups` of rows to measure, separated by commas: "+strings.Join(groups, ", "), o.parseOnly)
	flags.Func("idle", "two numbers of open streams, `FEWER,MORE`, for the memory of one (default 1000,5000)", o.parseIdle)
	flags.Func("other", "another server: `NAME=URL,pid=N[,pid=N…][,key=KEY][,model=MODEL]`, with a URL that ends in /v1; "+
		"may be repeated", func(s string) error {
		p, err := parseOther(s)
		o.others = append(o.others, p)
		return err
	})
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if flags.NArg() > 0 {
		return nil, fmt.Errorf("%q is no flag", flags.Arg(0))
	}
	if o.rounds < 1 || o.slice <= 0 || o.streams < 0 {
		return nil, errors.New("-rounds and -slice must be positive, and -streams must not be negative")
	}
	if o.others != nil && strings.HasSuffix(o.listen, ":0") {
		return nil, errors.New("-other needs -listen, the address of its upstream")
	}
	if o.postgres == "" && slices.Equal(o.only, []string{groupPostgres}) {
		return nil, errors.New("-only postgres needs -postgres")
	}
	return o, nil
}

func (o *options) parseOnly(s string) error {
	for name := range strings.SplitSeq(s, ",") {
		if !slices.Contains(groups, name) {
			return fmt.Errorf("no group %q, want some of %s", name, strings.Join(groups, ", "))
		}
		o.only = append(o.only, name)
	}
	return nil
}

func (o *options) parseIdle(s string) error {
	fewer, more, _ := strings.Cut(s, ",")
	var errs [2]error
	o.idle[0], errs[0] = strconv.Atoi(fewer)
	o.idle[1], errs[1] = strconv.Atoi(more)
	if errors.Join(errs[:]...) != nil || o.idle[0] < 1 || o.idle[1] <= o.idle[0] {
		return errors.New("want two numbers, the second larger, such as 1000,5000")
	}
	return nil
}

func parseOther(s string) (other, error) {
	name, rest, _ := strings.Cut(s, "=")
	fields := strings.Split(rest, ",")
	o := other{name: name, url: fields[0], model: model}
	u, err := url.Parse(o.url)
	if err != nil || name == "" || u.Host == "" || !strings.HasSuffix(u.Path, "/v1") {
		return o, errors.New("want NAME=URL with a URL that ends in /v1")
	}
	for _, field := range fields[1:] {
		switch key, value, _ := strings.Cut(field, "="); key {
		case "pid":
			pid, err := strconv.Atoi(value)
			if err != nil {
				return o, fmt.Errorf("pid %q is no number", value)
			}
			o.pids = append(o.pids, pid)
		case "key":
			o.key = value
		case "model":
			o.model = value
		default:
			return o, fmt.Errorf("unknown field %q, want pid, key or model", key)
		}
	}
	if o.pids == nil {
		return o, errors.New("want the pid of the server")
	}
	return o, nil
}
