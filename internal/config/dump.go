package config

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// Dump writes every setting with the value in force, where that came from, and
// what it means. Secrets are not shown, only that they are set.
func (s *Settings) Dump(w io.Writer) error {
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, "# Settings in force. The last of these that gives a value wins: default, achuan.yaml,\n"+
		"# .env, environment, flag. In achuan.yaml the names are in small letters.\n")
	for _, setting := range settings {
		v := s.given[setting.Name]
		fmt.Fprintf(out, "\n%s = %s", setting.Name, s.display(setting, v))
		if v.from != "" {
			fmt.Fprintf(out, "  (%s)", v.from)
		}
		fmt.Fprintf(out, "\n    %s\n    Want %s.\n", setting.Doc, setting.Allowed)
		if setting.Secret {
			fmt.Fprintf(out, "    Or set %s%s to a file that holds it.\n", setting.Name, fileSuffix)
		}
	}
	return out.Flush()
}

// display returns what Dump shows for a value.
func (s *Settings) display(setting Setting, v given) string {
	switch {
	case v.from == fromDemoFlag && setting.Name == nameAPIURL:
		return "the built-in simulator"
	case setting.Name == nameDatabase && strings.HasPrefix(v.text, "sqlite:"):
		return v.text // a path is no secret
	case v.text == "":
		return "not set"
	case setting.Secret:
		return "set (redacted)"
	}
	return v.text
}
