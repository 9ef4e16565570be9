package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// The commands of the guides work as they stand there, but for the address.
func TestGuideCommands(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("this machine has no curl")
	}
	open := start(t, nil, "serve", "--demo", "--listen", "127.0.0.1:0")
	keyed := start(t, []string{"ACHUAN_API_KEYS=ada:sk-one,bob:sk-two"}, "serve", "--demo", "--listen", "127.0.0.1:0")
	var running sync.WaitGroup // all at once: answers come at a speed for eyes
	defer running.Wait()
	for _, file := range []string{"README.md", "README.zh-CN.md", "docs/deployment.md", "docs/deployment.zh-CN.md", "docs/tools.md", "docs/tools.zh-CN.md"} {
		commands := curlCommands(t, file)
		if len(commands) == 0 {
			t.Errorf("%s has no curl command", file)
		}
		for _, command := range commands {
			p := open
			if strings.Contains(command, "sk-one") {
				p = keyed
			}
			running.Go(func() { p.try(t, file, command) })
		}
	}
}

// try runs a command in a shell whose curl fails where the server refuses.
func (p *process) try(t *testing.T, file, command string) {
	script := `curl() { command curl --fail-with-body --silent --show-error "$@"; }` + "\n" +
		strings.ReplaceAll(command, "http://127.0.0.1:8000", p.url)
	shell := exec.CommandContext(t.Context(), "sh", "-c", script)
	shell.Env = []string{"PATH=" + os.Getenv("PATH")}
	if said, err := shell.CombinedOutput(); err != nil || len(said) == 0 {
		t.Errorf("%s: %v\n%s\n%s", file, err, command, said)
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
	shell, more := false, false
	for line := range strings.Lines(string(page)) {
		switch {
		case strings.HasPrefix(line, "```"):
			shell = strings.HasPrefix(line, "```sh")
		case more:
			commands[len(commands)-1] += line
		case shell && strings.HasPrefix(line, "curl "):
			commands = append(commands, line)
		default:
			continue
		}
		more = shell && strings.HasSuffix(line, "\\\n")
	}
	return commands
}
