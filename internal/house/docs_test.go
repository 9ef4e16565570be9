package house

import (
	"regexp"
	"strings"
	"testing"
)

// Every error code that the program knows stands in the error tables of both guides.
func TestErrorTables(t *testing.T) {
	codes := regexp.MustCompile(`(?m)^\tCode\w+ +Code = "(\w+)"`).FindAllStringSubmatch(read(t, "internal/chat/error.go"), -1)
	if len(codes) < 20 {
		t.Fatalf("found the codes %q only", codes)
	}
	for _, name := range []string{"docs/deployment.md", "docs/deployment.zh-CN.md"} {
		var table strings.Builder
		for line := range strings.Lines(read(t, name)) {
			if regexp.MustCompile(`^\| [45]\d\d[ /\d]* \| \w+_\w+ \|`).MatchString(line) {
				table.WriteString(line)
			}
		}
		for _, code := range codes {
			if !strings.Contains(table.String(), "`"+code[1]+"`") {
				t.Errorf("%s: its error table does not name %s", name, code[1])
			}
		}
	}
}
