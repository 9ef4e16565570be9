package config

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// defaultFile is the settings file that Load reads if it exists and no other file is named.
const defaultFile = "achuan.yaml"

// readConfigFile applies the settings in achuan.yaml, or in another file that is named and must exist.
func (l *loader) readConfigFile(named string) {
	name := cmp.Or(named, defaultFile)
	text, err := l.readFile(name)
	switch {
	case named == "" && errors.Is(err, fs.ErrNotExist):
	case err != nil:
		l.problems.add("", "", "cannot read the settings file %v", err)
	default:
		f := yamlFile{loader: l, name: name}
		f.apply(text)
	}
}

// yamlFile reads settings out of one YAML file.
type yamlFile struct {
	*loader
	name string
}

// position returns file:line of a node.
func (f *yamlFile) position(n *yaml.Node) string { return fmt.Sprintf("%s:%d", f.name, n.Line) }

// apply applies the settings of a file, which is one mapping of names to values or lists.
func (f *yamlFile) apply(text string) {
	documents, err := yaml.NewLoader(strings.NewReader(text))
	if err != nil {
		f.problems.add(f.name, "", "cannot be read")
		return
	}
	var document, second yaml.Node
	if err := documents.Load(&document); err != nil {
		f.reportSyntaxError(err)
		return
	}
	switch err := documents.Load(&second); {
	case err == nil:
		f.problems.add(f.position(&second), "", "a second document begins here; the file must be one")
		return
	case !errors.Is(err, io.EOF):
		f.reportSyntaxError(err)
		return
	}
	if len(document.Content) != 1 || isNull(document.Content[0]) {
		return // only comments
	}
	root := document.Content[0]
	if root.Kind != yaml.MappingNode {
		f.problems.add(f.position(root), "", "want settings of the form name: value")
		return
	}
	lines := map[string]int{}
	for pair := range slices.Chunk(root.Content, 2) {
		f.applyPair(pair[0], pair[1], lines)
	}
}

// applyPair applies one setting. lines has the line of each setting so far.
func (f *yamlFile) applyPair(key, value *yaml.Node, lines map[string]int) {
	if key.Kind != yaml.ScalarNode {
		f.problems.add(f.position(key), "", "want the name of a setting")
		return
	}
	name := strings.ToUpper(key.Value)
	if key.Value == modelsKey {
		name = nameModels
	}
	setting, isKnown := settingOf(name)
	if !isKnown || key.Value != strings.ToLower(name) && key.Value != modelsKey {
		f.problems.add(f.position(key), "", "unknown setting %s%s", quoteValue(key.Value), didYouMean(key.Value, strings.ToLower))
		return
	}
	if first, isTwice := lines[name]; isTwice {
		f.problems.add(f.position(key), name, "set twice, first in line %d", first)
		return
	}
	lines[name] = key.Line
	text, problem := f.valueText(value, setting.isList && name == setting.Name)
	if key.Value == modelsKey {
		text, problem = modelsText(value)
	}
	switch {
	case problem != "":
		f.problems.add(f.position(value), name, "%s", problem)
		f.hasProblem[setting.Name] = true
	case text != "":
		f.values[name] = rawValue{text, f.position(value)}
	}
}

// valueText returns a value in the form of an environment variable, "" for null.
func (f *yamlFile) valueText(n *yaml.Node, isList bool) (text, problem string) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	switch {
	case isNull(n):
		return "", ""
	case n.Kind == yaml.ScalarNode:
		return strings.TrimSpace(n.Value), ""
	case n.Kind != yaml.SequenceNode:
		return "", "want a value, not a mapping"
	case !isList:
		return "", "want one value, not a list"
	}
	var items []string
	for _, item := range n.Content {
		if item.Kind == yaml.AliasNode {
			item = item.Alias
		}
		if item.Kind != yaml.ScalarNode {
			return "", "want a list of plain values; one with a colon and a blank in it needs quotes"
		}
		if strings.Contains(item.Value, ",") {
			return "", "an entry of the list holds a comma; give each value an entry of its own"
		}
		items = append(items, item.Value)
	}
	return strings.Join(items, ","), ""
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

// reportSyntaxError reports where the file is not valid YAML. The parser's messages are constant, except that they
// quote the names of aliases, which could be a secret that begins with a star.
func (f *yamlFile) reportSyntaxError(err error) {
	if errors.Is(err, io.EOF) {
		return // an empty file
	}
	position, reason := f.name, ""
	if e, ok := errors.AsType[*yaml.LoadError](err); ok {
		if e.Mark.Line > 0 {
			position = fmt.Sprintf("%s:%d", f.name, e.Mark.Line)
		}
		reason = ": " + e.Message
		if begun := e.ContextMark.Line; begun > 0 && begun < e.Mark.Line {
			reason += fmt.Sprintf(" (in what begins in line %d)", begun)
		}
		if e.Stage == yaml.ComposerStage {
			reason = ": an alias to nothing; put a value that starts with * in quotes"
		}
	}
	f.problems.add(position, "", "not valid YAML%s", reason)
}
