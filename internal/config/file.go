package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// defaultFile is read when no other is named, if it is there.
const defaultFile = "achuan.yaml"

// readConfigFile takes the settings of achuan.yaml or of the file named in its
// place, which must be there.
func (c *collection) readConfigFile(named string) {
	name := named
	if name == "" {
		name = defaultFile
	}
	text, err := c.readFile(name)
	switch {
	case named == "" && errors.Is(err, fs.ErrNotExist):
	case err != nil:
		c.problems.add("", "", "cannot read the settings file %v", err)
	default:
		f := file{collection: c, name: name}
		f.take(text)
	}
}

// file reads settings out of one YAML file.
type file struct {
	*collection
	name string
}

func (f *file) at(n *yaml.Node) string { return fmt.Sprintf("%s:%d", f.name, n.Line) }

// take takes the settings of a file: one mapping of names to values or lists.
func (f *file) take(text string) {
	loader, err := yaml.NewLoader(strings.NewReader(text))
	if err != nil {
		f.problems.add(f.name, "", "cannot be read")
		return
	}
	var document, second yaml.Node
	if err := loader.Load(&document); err != nil {
		f.refuseSyntax(err)
		return
	}
	switch err := loader.Load(&second); {
	case err == nil:
		f.problems.add(f.at(&second), "", "a second document begins here; the file must be one")
		return
	case !errors.Is(err, io.EOF):
		f.refuseSyntax(err)
		return
	}
	if len(document.Content) != 1 || isNull(document.Content[0]) {
		return // nothing but comments
	}
	root := document.Content[0]
	if root.Kind != yaml.MappingNode {
		f.problems.add(f.at(root), "", "want settings of the form name: value")
		return
	}
	lines := map[string]int{}
	for pair := range slices.Chunk(root.Content, 2) {
		f.takePair(pair[0], pair[1], lines)
	}
}

// takePair takes one setting; lines holds where each was set.
func (f *file) takePair(key, value *yaml.Node, lines map[string]int) {
	if key.Kind != yaml.ScalarNode {
		f.problems.add(f.at(key), "", "want the name of a setting")
		return
	}
	name := strings.ToUpper(key.Value)
	setting, ok := known(name)
	if !ok || key.Value != strings.ToLower(name) {
		f.problems.add(f.at(key), "", "unknown setting %s%s", shown(key.Value), didYouMean(key.Value, strings.ToLower))
		return
	}
	if first, twice := lines[name]; twice {
		f.problems.add(f.at(key), name, "set twice, first in line %d", first)
		return
	}
	lines[name] = key.Line
	text, problem := f.text(value, setting.list && name == setting.Name)
	switch {
	case problem != "":
		f.problems.add(f.at(value), name, "%s", problem)
		f.unusable[setting.Name] = true
	case text != "":
		f.values[name] = given{text, f.at(value)}
	}
}

// text returns a value as an environment variable would hold it, "" for null.
func (f *file) text(n *yaml.Node, list bool) (text, problem string) {
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
	case !list:
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

// refuseSyntax tells where YAML ends. The parser's words are constant but for
// aliases, whose names it quotes: they could be a secret that starts with a star.
func (f *file) refuseSyntax(err error) {
	if errors.Is(err, io.EOF) {
		return // an empty file
	}
	where, why := f.name, ""
	if e, ok := errors.AsType[*yaml.LoadError](err); ok {
		if e.Mark.Line > 0 {
			where = fmt.Sprintf("%s:%d", f.name, e.Mark.Line)
		}
		why = ": " + e.Message
		if begun := e.ContextMark.Line; begun > 0 && begun < e.Mark.Line {
			why += fmt.Sprintf(" (in what begins in line %d)", begun)
		}
		if e.Stage == yaml.ComposerStage {
			why = ": an alias to nothing; put a value that starts with * in quotes"
		}
	}
	f.problems.add(where, "", "not valid YAML%s", why)
}
