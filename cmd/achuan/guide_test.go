package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// The curl commands in the guides work without changes, except the address.
func TestGuideCommands(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("this machine has no curl")
	}
	withoutKeys := start(t, nil, "serve", "--demo", "--listen", "127.0.0.1:0")
	withKeys := start(t, []string{"ACHUAN_API_KEYS=ada:sk-one,bob:sk-two"}, "serve", "--demo", "--listen", "127.0.0.1:0")
	var running sync.WaitGroup // in parallel, because the demo answers at reading speed
	defer running.Wait()
	for _, file := range []string{"README.md", "README.zh-CN.md", "docs/deployment.md", "docs/deployment.zh-CN.md", "docs/tools.md", "docs/tools.zh-CN.md"} {
		commands := curlCommands(t, file)
		if len(commands) == 0 {
			t.Errorf("%s has no curl command, want some", file)
		}
		for _, command := range commands {
			p := withoutKeys
			if strings.Contains(command, "sk-one") {
				p = withKeys
			}
			running.Go(func() { p.runInShell(t, file, command) })
		}
	}
}

// runInShell runs a command in a shell whose curl fails when the server refuses the request.
func (p *process) runInShell(t *testing.T, file, command string) {
	script := `curl() { command curl --fail-with-body --silent --show-error "$@"; }` + "\n" +
		strings.ReplaceAll(command, "http://127.0.0.1:8000", p.url)
	shell := exec.CommandContext(t.Context(), "sh", "-c", script)
	shell.Env = []string{"PATH=" + os.Getenv("PATH")}
	if output, err := shell.CombinedOutput(); err != nil || len(output) == 0 {
		t.Errorf("command in %s = %v, want output and no error:\n%s\n%s", file, err, command, output)
	}
}

// curlCommands returns the curl commands in a page's shell blocks.
func curlCommands(t *testing.T, file string) []string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("..", "..", file))
	if err != nil {
		t.Fatal(err)
	}
	var commands []string
	inShell, continues := false, false
	for line := range strings.Lines(string(page)) {
		switch {
		case strings.HasPrefix(line, "```"):
			inShell = strings.HasPrefix(line, "```sh")
		case continues:
			commands[len(commands)-1] += line
		case inShell && strings.HasPrefix(line, "curl "):
			commands = append(commands, line)
		default:
			continue
		}
		continues = inShell && strings.HasSuffix(line, "\\\n")
	}
	return commands
}
