package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"achuan/internal/simulator"
)

// command runs the program to its end.
func command(t *testing.T, environ []string, args ...string) (said string, code int) {
	t.Helper()
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), executable, args...)
	c.Dir = t.TempDir()
	c.Env = append([]string{asProgram + "=1"}, environ...)
	out, err := c.CombinedOutput()
	if c.ProcessState == nil {
		t.Fatal(err)
	}
	return string(out), c.ProcessState.ExitCode()
}

func TestHealth(t *testing.T) {
	p := start(t, account(t, simulator.Say("a")), "serve")
	address := strings.TrimPrefix(p.url, "http://")
	for name, environ := range map[string][]string{
		"as it listens": {"ACHUAN_LISTEN=" + address},
		"by PORT":       {"PORT=" + address[strings.LastIndexByte(address, ':')+1:]},
	} {
		if said, code := command(t, environ, "health"); code != exitDone || said != "" {
			t.Errorf("%s: exit code %d, %s", name, code, said)
		}
	}
}

// talk asks one question in one conversation and returns the session and placement.
func talk(ctx context.Context, url, question string, history ...string) (session, placement string, err error) {
	type message struct {
		Role    string `json:"role"`
		Content string `json:"content"`
	}
	var messages []message
	for i, text := range append(history, question) {
		messages = append(messages, message{[]string{"user", "assistant"}[i%2], text})
	}
	body, err := json.Marshal(map[string]any{"model": "gpt-5.1-high", "messages": messages})
	if err != nil {
		return "", "", err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/v1/chat/completions", strings.NewReader(string(body)))
	if err != nil {
		return "", "", err
	}
	r.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", "", err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return "", "", fmt.Errorf("status %s", res.Status)
	}
	return res.Header.Get("X-Session-Id"), res.Header.Get("X-Achuan-Placement"), nil
}

// A backup is made beside a server that answers, which does not notice. A server on the
// restored store continues the conversations that are in it: for as long as a turn may
// run that the copy does not know of, it replays each into a new session first.
func TestBackupUnderLoadAndRestore(t *testing.T) {
	folder := t.TempDir()
	database := "ACHUAN_DATABASE_URL=sqlite:" + filepath.Join(folder, "achuan.db")
	environ := account(t, simulator.Say("Noted."), database)
	p := start(t, environ, "serve")
	session, placement, err := talk(t.Context(), p.url, "Remember me.")
	if err != nil || placement != "new" {
		t.Fatalf("%s %v", placement, err)
	}

	load, stop := context.WithCancel(t.Context())
	var asked atomic.Int64
	done := make(chan error, 4)
	for i := range cap(done) {
		go func() {
			for n := 0; load.Err() == nil; n++ {
				if _, _, err := talk(load, p.url, fmt.Sprintf("load %d %d", i, n)); err != nil && load.Err() == nil {
					done <- err
					return
				}
				asked.Add(1)
			}
			done <- nil
		}()
	}
	file := filepath.Join(folder, "backup.tar")
	before := asked.Load()
	said, code := command(t, environ, "backup", file)
	if code != exitDone || !strings.Contains(said, "backed up sqlite:") {
		t.Fatalf("exit code %d: %s", code, said)
	}
	during := asked.Load() - before
	if said, code := command(t, environ, "restore", "--force", file); code != exitFailed || !strings.Contains(said, "another achuan process uses it") {
		t.Errorf("a store in use was replaced: exit code %d, %s", code, said)
	}
	stop()
	for range cap(done) {
		if err := <-done; err != nil {
			t.Errorf("while a backup was made: %v", err)
		}
	}
	if during == 0 {
		t.Error("nothing was answered while the backup was made")
	}
	p.signal(t, syscall.SIGTERM)
	if code := p.exitCode(t); code != exitDone {
		t.Errorf("exit code %d", code)
	}

	if said, code := command(t, environ, "restore", file); code != exitFailed || !strings.Contains(said, "--force") {
		t.Errorf("a store was replaced unasked: exit code %d, %s", code, said)
	}
	if said, code := command(t, environ, "restore", "--force", file); code != exitDone || !strings.Contains(said, ".replaced") {
		t.Fatalf("exit code %d: %s", code, said)
	}
	p = start(t, environ, "serve")
	again, placement, err := talk(t.Context(), p.url, "Do you?", "Remember me.", "Noted.")
	if err != nil || again == session || placement != "replayed" {
		t.Errorf("after the restore: session %s, %s, %v, want another than %s, replayed", again, placement, err, session)
	}
	next, placement, err := talk(t.Context(), p.url, "Really?", "Remember me.", "Noted.", "Do you?", "Noted.")
	if err != nil || next != again || placement != "continued" {
		t.Errorf("the turn after it: session %s, %s, %v, want %s, continued", next, placement, err, again)
	}
}

// A conversation that went on after the backup was made is not gone on with from
// where the backup has it: the restored store believes nothing it has not compared.
func TestRestoredStoreComparesFirst(t *testing.T) {
	folder := t.TempDir()
	environ := account(t, simulator.Say("Noted."), "ACHUAN_DATABASE_URL=sqlite:"+filepath.Join(folder, "achuan.db"))
	p := start(t, environ, "serve")
	session, _, err := talk(t.Context(), p.url, "One.")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(folder, "backup.tar")
	if said, code := command(t, environ, "backup", file); code != exitDone {
		t.Fatal(said)
	}
	if again, _, err := talk(t.Context(), p.url, "Two.", "One.", "Noted."); err != nil || again != session {
		t.Fatalf("session %s, %v", again, err)
	}
	p.signal(t, syscall.SIGTERM)
	p.exitCode(t)
	if said, code := command(t, environ, "restore", "--force", file); code != exitDone {
		t.Fatal(said)
	}
	p = start(t, environ, "serve")
	again, placement, err := talk(t.Context(), p.url, "Another two.", "One.", "Noted.")
	if err != nil || again == session || placement == "continued" {
		t.Errorf("it went on in session %s, which holds more than was said: %s, %v", again, placement, err)
	}
}
