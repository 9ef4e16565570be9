package config

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// Dump writes every setting with its value, its source and its meaning. Of a secret it writes only that it is set.
func (s *Settings) Dump(w io.Writer) error {
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, "# Settings in force. The last of these sources that sets a value wins: default, achuan.yaml,\n"+
		"# .env, environment, flag. In achuan.yaml the names are in small letters.\n")
	for _, setting := range settings {
		v := s.raw[setting.Name]
		fmt.Fprintf(out, "\n%s = %s", setting.Name, s.displayText(setting, v))
		if v.source != "" {
			fmt.Fprintf(out, "  (%s)", v.source)
		}
		fmt.Fprintf(out, "\n    %s\n    Want %s.\n", setting.Doc, setting.Allowed)
		if setting.Secret {
			fmt.Fprintf(out, "    Or set %s%s to a file that holds it.\n", setting.Name, fileSuffix)
		}
	}
	return out.Flush()
}

// displayText returns what Dump shows for a value.
func (s *Settings) displayText(setting Setting, v rawValue) string {
	switch {
	case v.source == sourceDemoFlag && setting.Name == nameAPIURL:
		return "the built-in simulator"
	case setting.Name == nameDatabase && strings.HasPrefix(v.text, "sqlite:"):
		return v.text // a path is not secret
	case v.text == "":
		return "not set"
	case setting.Secret:
		return "set (redacted)"
	}
	return v.text
}
