package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
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

// runCommand runs the program and returns its output and exit code.
func runCommand(t *testing.T, environ []string, args ...string) (output string, code int) {
	t.Helper()
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), executable, args...)
	c.Dir = t.TempDir()
	c.Env = append([]string{asProgram + "=1"}, environ...)
	both, err := c.CombinedOutput()
	if c.ProcessState == nil {
		t.Fatal(err)
	}
	return string(both), c.ProcessState.ExitCode()
}

func TestHealth(t *testing.T) {
	p := start(t, account(t, simulator.Say("a")), "serve")
	address := strings.TrimPrefix(p.url, "http://")
	for name, environ := range map[string][]string{
		"ACHUAN_LISTEN": {"ACHUAN_LISTEN=" + address},
		"PORT":          {"PORT=" + address[strings.LastIndexByte(address, ':')+1:]},
	} {
		if output, code := runCommand(t, environ, "health"); code != exitDone || output != "" {
			t.Errorf("health with %s = exit code %d, %s, want 0 and no output", name, code, output)
		}
	}
}

// ask sends a question with the history of its conversation, and returns the session and the placement.
func ask(ctx context.Context, url, question string, history ...string) (session, placement string, err error) {
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

// A backup does not disturb the running server. A server on the restored store continues the conversations in it.
// While a turn that is not in the backup may still run on the platform, it first replays each conversation into a new
// session.
func TestBackupUnderLoadAndRestore(t *testing.T) {
	folder := t.TempDir()
	database := "ACHUAN_DATABASE_URL=sqlite:" + filepath.Join(folder, "achuan.db")
	environ := account(t, simulator.Say("Noted."), database)
	p := start(t, environ, "serve")
	session, placement, err := ask(t.Context(), p.url, "Remember me.")
	if err != nil || placement != "new" {
		t.Fatalf("placement of the first question = %s, %v, want new", placement, err)
	}
	uploaded := upload(t, p.url, "plan.md", "# Plan")

	load, stop := context.WithCancel(t.Context())
	var answered atomic.Int64
	done := make(chan error, 4)
	for i := range cap(done) {
		go func() {
			for n := 0; load.Err() == nil; n++ {
				if _, _, err := ask(load, p.url, fmt.Sprintf("load %d %d", i, n)); err != nil && load.Err() == nil {
					done <- err
					return
				}
				answered.Add(1)
			}
			done <- nil
		}()
	}
	file := filepath.Join(folder, "backup.tar")
	before := answered.Load()
	output, code := runCommand(t, environ, "backup", file)
	if code != exitDone || !strings.Contains(output, "backed up sqlite:") {
		t.Fatalf("backup = exit code %d, %s, want 0", code, output)
	}
	during := answered.Load() - before
	if output, code := runCommand(t, environ, "restore", "--force", file); code != exitFailed || !strings.Contains(output, "another achuan process uses it") {
		t.Errorf("restore over a store in use = exit code %d, %s, want a refusal", code, output)
	}
	stop()
	for range cap(done) {
		if err := <-done; err != nil {
			t.Errorf("question during the backup = %v, want an answer", err)
		}
	}
	if during == 0 {
		t.Error("no question was answered during the backup, want some")
	}
	p.signal(t, syscall.SIGTERM)
	if code := p.exitCode(t); code != exitDone {
		t.Errorf("exit code after SIGTERM = %d, want 0", code)
	}

	if output, code := runCommand(t, environ, "restore", file); code != exitFailed || !strings.Contains(output, "--force") {
		t.Errorf("restore without --force = exit code %d, %s, want a refusal", code, output)
	}
	if err := os.RemoveAll(filepath.Join(folder, "blobs")); err != nil {
		t.Fatal(err)
	}
	if output, code := runCommand(t, environ, "restore", "--force", file); code != exitDone || !strings.Contains(output, ".replaced") {
		t.Fatalf("restore --force = exit code %d, %s, want 0", code, output)
	}
	p = start(t, environ, "serve")
	again, placement, err := ask(t.Context(), p.url, "Do you?", "Remember me.", "Noted.")
	if err != nil || again == session || placement != "replayed" {
		t.Errorf("question after the restore = session %s, %s, %v, want a session other than %s, replayed", again, placement, err, session)
	}
	next, placement, err := ask(t.Context(), p.url, "Really?", "Remember me.", "Noted.", "Do you?", "Noted.")
	if err != nil || next != again || placement != "continued" {
		t.Errorf("next question = session %s, %s, %v, want %s, continued", next, placement, err, again)
	}
	if content, err := fetch(t, p.url+"/v1/files/"+uploaded+"/content"); err != nil || content != "# Plan" {
		t.Errorf("uploaded file after the restore = %q, %v, want # Plan", content, err)
	}
}

// upload uploads a file and returns its id.
func upload(t *testing.T, url, name, content string) string {
	t.Helper()
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	w, err := form.CreateFormFile("file", name)
	if err == nil {
		_, err = io.WriteString(w, content)
	}
	if err := errors.Join(err, form.WriteField("purpose", "user_data"), form.Close()); err != nil {
		t.Fatal(err)
	}
	resp, err := http.Post(url+"/v1/files", form.FormDataContentType(), &b)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var uploaded struct{ ID string }
	if err := json.NewDecoder(resp.Body).Decode(&uploaded); err != nil || uploaded.ID == "" {
		t.Fatalf("upload = %s %+v, %v, want an id", resp.Status, uploaded, err)
	}
	return uploaded.ID
}

func fetch(t *testing.T, url string) (string, error) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return string(b), err
}

// When a session has got turns after the backup, the server on the restored store does not continue it: it compares
// every session with the platform first.
func TestRestoredStoreIsCompared(t *testing.T) {
	folder := t.TempDir()
	environ := account(t, simulator.Say("Noted."), "ACHUAN_DATABASE_URL=sqlite:"+filepath.Join(folder, "achuan.db"))
	p := start(t, environ, "serve")
	session, _, err := ask(t.Context(), p.url, "One.")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(folder, "backup.tar")
	if output, code := runCommand(t, environ, "backup", file); code != exitDone {
		t.Fatalf("exit code %d, want 0: %s", code, output)
	}
	if again, _, err := ask(t.Context(), p.url, "Two.", "One.", "Noted."); err != nil || again != session {
		t.Fatalf("second question = session %s, %v, want %s", again, err, session)
	}
	p.signal(t, syscall.SIGTERM)
	p.exitCode(t)
	if output, code := runCommand(t, environ, "restore", "--force", file); code != exitDone {
		t.Fatalf("exit code %d, want 0: %s", code, output)
	}
	p = start(t, environ, "serve")
	again, placement, err := ask(t.Context(), p.url, "Another two.", "One.", "Noted.")
	if err != nil || again == session || placement == "continued" {
		t.Errorf("question after the restore = session %s, %s, %v, want a session other than %s", again, placement, err, session)
	}
}
