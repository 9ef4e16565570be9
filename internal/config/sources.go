package config

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// given is a setting's value before it is parsed, and where it came from.
type given struct {
	text string
	from string // default, file:line, .env, environment, a flag
}

// values are by the setting's name.
type values map[string]given

// The sources that are not files with lines.
const (
	fromDefault     = "default"
	fromDotenv      = ".env"
	fromEnvironment = "environment"
	fromListenFlag  = "--listen"
	fromDemoFlag    = "--demo"
)

// maxFile is the most bytes that a settings or secrets file may have.
const maxFile = 1 << 20

// collection is what Load works on: all sources merged, problems on the way.
type collection struct {
	dir      string
	values   values
	problems problems
	warnings []string
	unusable map[string]bool // settings that a problem was told of already
	refused  map[string]bool // settings with a value that is not allowed
}

// collect reads the sources and merges them, from the weakest to the strongest.
func collect(o LoadOptions) *collection {
	c := &collection{dir: o.Dir, values: values{}, unusable: map[string]bool{}, refused: map[string]bool{}}
	c.readConfigFile(o.ConfigFile)
	variables := c.readDotenv()
	maps.Copy(variables, environment(o.Environ))
	c.takeVariables(variables)
	if o.Listen != "" {
		c.values[nameListen] = given{o.Listen, fromListenFlag}
	}
	if o.Demo {
		c.forgetAccount()
	}
	c.readSecretFiles()
	c.tidyLists()
	c.resolveListen()
	c.resolveDatabase(environment(o.Environ), o.Home)
	for _, s := range settings {
		if _, ok := c.values[s.Name]; !ok && s.Default != "" {
			c.values[s.Name] = given{s.Default, fromDefault}
		}
	}
	return c
}

// environment turns NAME=value pairs into values. An empty variable is unset.
func environment(environ []string) values {
	all := values{}
	for _, pair := range environ {
		if name, value, _ := strings.Cut(pair, "="); strings.TrimSpace(value) != "" {
			all[name] = given{strings.TrimSpace(value), fromEnvironment}
		}
	}
	return all
}

// orchestrated matches the variables that Kubernetes makes for a service named
// achuan. They look like settings and are none.
var orchestrated = regexp.MustCompile(`^ACHUAN_(SERVICE_|PORT$|PORT_[0-9])`)

// takeVariables takes the settings among the variables and warns of those that
// look like one. They are no errors: an environment is shared.
func (c *collection) takeVariables(variables values) {
	_, kubernetes := variables["ACHUAN_SERVICE_HOST"]
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		v := variables[name]
		switch _, ok := known(name); {
		case ok:
			c.values[name] = v
		case kubernetes && orchestrated.MatchString(name):
		case strings.HasPrefix(name, "ACHUAN_"):
			c.warn("%s: %s is not a setting and is ignored%s", v.from, name, didYouMean(name, strings.ToUpper))
		case name == "OTEL_EXPORTER_OTLP_PROTOCOL" && v.text != "http/protobuf":
			c.warn("%s: OTEL_EXPORTER_OTLP_PROTOCOL is not used: traces are sent as http/protobuf, which collectors take at port 4318", v.from)
		case name == "RUST_LOG":
			c.warn("%s: RUST_LOG is not used; ACHUAN_LOG_LEVEL (debug, info, warn, error) sets how much is logged", v.from)
		}
	}
}

func (c *collection) warn(format string, args ...any) {
	c.warnings = append(c.warnings, fmt.Sprintf(format, args...))
}

// forgetAccount makes the demo independent of whatever account is configured.
func (c *collection) forgetAccount() {
	for _, s := range settings {
		if s.account {
			delete(c.values, s.Name)
			delete(c.values, s.Name+fileSuffix)
		}
	}
	c.values[nameAPIURL] = given{"", fromDemoFlag}
	c.values[nameDatabase] = given{memoryDatabase, fromDemoFlag}
}

// readSecretFiles puts the content of NAME_FILE in the place of NAME.
func (c *collection) readSecretFiles() {
	for _, s := range settings {
		file, ok := c.values[s.Name+fileSuffix]
		if !s.Secret || !ok {
			continue
		}
		if plain, both := c.values[s.Name]; both {
			c.problems.add(file.from, s.Name+fileSuffix, "both this and %s (%s) are set; set one of them", s.Name, plain.from)
			c.unusable[s.Name] = true
			continue
		}
		text, err := c.readFile(file.text)
		text = strings.TrimSpace(text)
		switch {
		case err != nil:
			c.problems.add(file.from, s.Name+fileSuffix, "cannot read the file: %v", err)
			c.unusable[s.Name] = true
		case text == "":
			c.problems.add(file.from, s.Name+fileSuffix, "the file %q is empty", file.text)
			c.unusable[s.Name] = true
		default:
			if s.list {
				text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' }), ",")
			}
			c.values[s.Name] = given{text, file.from + ", " + s.Name + fileSuffix}
		}
	}
}

// tidyLists leaves blanks and empty entries out of lists; a list of nothing
// else is not set.
func (c *collection) tidyLists() {
	for _, s := range settings {
		v, ok := c.values[s.Name]
		if !s.list || !ok {
			continue
		}
		var kept []string
		for entry := range strings.SplitSeq(v.text, ",") {
			if entry = strings.TrimSpace(entry); entry != "" {
				kept = append(kept, entry)
			}
		}
		if len(kept) == 0 {
			delete(c.values, s.Name)
			continue
		}
		c.values[s.Name] = given{strings.Join(kept, ","), v.from}
	}
}

// path resolves a file's name against the directory that settings come from.
func (c *collection) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(c.dir, name)
}

// readFile returns the content of a file of at most maxFile bytes.
func (c *collection) readFile(name string) (string, error) {
	f, err := os.Open(c.path(name))
	if err != nil {
		return "", nameless(name, err)
	}
	content, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err = cmp.Or(err, f.Close()); err != nil {
		return "", nameless(name, err)
	}
	if len(content) > maxFile {
		return "", fmt.Errorf("%s: larger than %v", name, ByteSize(maxFile))
	}
	return string(content), nil
}

// nameless gives a file error the name that the operator used.
func nameless(name string, err error) error {
	if e, ok := errors.AsType[*os.PathError](err); ok {
		return fmt.Errorf("%s: %w", name, e.Err)
	}
	return err
}
