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

// rawValue is a setting's value before it is parsed, with its source.
type rawValue struct {
	text   string
	source string // default, file:line, .env, environment, a flag
}

// rawValues are raw values by the name of the setting.
type rawValues map[string]rawValue

// The sources other than files with line numbers.
const (
	sourceDefault     = "default"
	sourceDotenv      = ".env"
	sourceEnvironment = "environment"
	sourceListenFlag  = "--listen"
	sourceDemoFlag    = "--demo"
)

// maxFile is the largest size of a settings or secrets file in bytes.
const maxFile = 1 << 20

// loader merges the sources for Load and collects the problems.
type loader struct {
	dir        string
	values     rawValues
	problems   problems
	warnings   []string
	hasProblem map[string]bool // settings that already have a problem
	notAllowed map[string]bool // settings whose value is not allowed
}

// loadSources reads and merges the sources, from the one with the lowest priority to the one with the highest.
func loadSources(o LoadOptions) *loader {
	l := &loader{dir: o.Dir, values: rawValues{}, hasProblem: map[string]bool{}, notAllowed: map[string]bool{}}
	l.readConfigFile(o.ConfigFile)
	variables := l.readDotenv()
	maps.Copy(variables, parseEnviron(o.Environ))
	l.applyVariables(variables)
	if o.Listen != "" {
		l.values[nameListen] = rawValue{o.Listen, sourceListenFlag}
	}
	if o.Demo {
		l.dropAccount()
	}
	l.readSecretFiles()
	l.normalizeLists()
	l.applyPort()
	l.setDefaultDatabase(parseEnviron(o.Environ), o.Home)
	for _, s := range settings {
		if _, ok := l.values[s.Name]; !ok && s.Default != "" {
			l.values[s.Name] = rawValue{s.Default, sourceDefault}
		}
	}
	return l
}

// parseEnviron parses NAME=value pairs. It treats an empty variable as unset.
func parseEnviron(environ []string) rawValues {
	all := rawValues{}
	for _, pair := range environ {
		if name, value, _ := strings.Cut(pair, "="); strings.TrimSpace(value) != "" {
			all[name] = rawValue{strings.TrimSpace(value), sourceEnvironment}
		}
	}
	return all
}

// kubernetesVariable matches the variables that Kubernetes sets for a service named achuan. They look like settings,
// but they are not.
var kubernetesVariable = regexp.MustCompile(`^ACHUAN_(SERVICE_|PORT$|PORT_[0-9])`)

// applyVariables applies the variables that are settings, and warns about variables that look like settings. These are
// not errors, because other programs use the same environment.
func (l *loader) applyVariables(variables rawValues) {
	_, inKubernetes := variables["ACHUAN_SERVICE_HOST"]
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		v := variables[name]
		switch _, ok := settingOf(name); {
		case ok:
			l.values[name] = v
		case inKubernetes && kubernetesVariable.MatchString(name):
		case strings.HasPrefix(name, "ACHUAN_"):
			l.warn("%s: %s is not a setting and is ignored%s", v.source, name, didYouMean(name, strings.ToUpper))
		case name == "OTEL_EXPORTER_OTLP_PROTOCOL" && v.text != "http/protobuf":
			l.warn("%s: OTEL_EXPORTER_OTLP_PROTOCOL is not used: traces are sent as http/protobuf, which collectors take at port 4318", v.source)
		case name == "RUST_LOG":
			l.warn("%s: RUST_LOG is not used; ACHUAN_LOG_LEVEL (debug, info, warn, error) sets how much is logged", v.source)
		}
	}
}

func (l *loader) warn(format string, args ...any) {
	l.warnings = append(l.warnings, fmt.Sprintf(format, args...))
}

// dropAccount removes the settings of the account, so that the demo does not use it.
func (l *loader) dropAccount() {
	for _, s := range settings {
		if s.isAccount {
			delete(l.values, s.Name)
			delete(l.values, s.Name+fileSuffix)
		}
	}
	l.values[nameAPIURL] = rawValue{"", sourceDemoFlag}
	l.values[nameDatabase] = rawValue{memoryDatabase, sourceDemoFlag}
}

// readSecretFiles sets each secret NAME to the content of the file in NAME_FILE.
func (l *loader) readSecretFiles() {
	for _, s := range settings {
		file, ok := l.values[s.Name+fileSuffix]
		if !s.Secret || !ok {
			continue
		}
		if plain, isSet := l.values[s.Name]; isSet {
			l.problems.add(file.source, s.Name+fileSuffix, "both this and %s (%s) are set; set one of them", s.Name, plain.source)
			l.hasProblem[s.Name] = true
			continue
		}
		text, err := l.readFile(file.text)
		text = strings.TrimSpace(text)
		switch {
		case err != nil:
			l.problems.add(file.source, s.Name+fileSuffix, "cannot read the file: %v", err)
			l.hasProblem[s.Name] = true
		case text == "":
			l.problems.add(file.source, s.Name+fileSuffix, "the file %q is empty", file.text)
			l.hasProblem[s.Name] = true
		default:
			if s.isList {
				text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' }), ",")
			}
			l.values[s.Name] = rawValue{text, file.source + ", " + s.Name + fileSuffix}
		}
	}
}

// normalizeLists removes blanks and empty entries from lists. It unsets a list without other entries.
func (l *loader) normalizeLists() {
	for _, s := range settings {
		v, ok := l.values[s.Name]
		if !s.isList || !ok {
			continue
		}
		var kept []string
		for entry := range strings.SplitSeq(v.text, ",") {
			if entry = strings.TrimSpace(entry); entry != "" {
				kept = append(kept, entry)
			}
		}
		if len(kept) == 0 {
			delete(l.values, s.Name)
			continue
		}
		l.values[s.Name] = rawValue{strings.Join(kept, ","), v.source}
	}
}

// path resolves a file name relative to the folder of the settings.
func (l *loader) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(l.dir, name)
}

// readFile returns the content of a file. A file larger than maxFile is an error.
func (l *loader) readFile(name string) (string, error) {
	f, err := os.Open(l.path(name))
	if err != nil {
		return "", withGivenName(name, err)
	}
	content, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err = cmp.Or(err, f.Close()); err != nil {
		return "", withGivenName(name, err)
	}
	if len(content) > maxFile {
		return "", fmt.Errorf("%s: larger than %v", name, ByteSize(maxFile))
	}
	return string(content), nil
}

// withGivenName returns a file error with the name that the operator used, in place of the resolved path.
func withGivenName(name string, err error) error {
	if e, ok := errors.AsType[*os.PathError](err); ok {
		return fmt.Errorf("%s: %w", name, e.Err)
	}
	return err
}
