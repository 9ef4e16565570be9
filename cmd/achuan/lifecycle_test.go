package main

import (
	"bufio"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"achuan/internal/simulator"
)

const streamed = `{"model":"gpt-5.1-high","stream":true,"messages":[{"role":"user","content":"a secret question"}]}`

// openStream asks and reads the answer's first line.
func (p *process) openStream(t *testing.T) *bufio.Reader {
	t.Helper()
	res, err := http.Post(p.url+"/v1/chat/completions", "application/json", strings.NewReader(streamed))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close() })
	body := bufio.NewReader(res.Body)
	if line, err := body.ReadString('\n'); err != nil || !strings.HasPrefix(line, "data: {") {
		t.Fatalf("the answer's first line: %q, %v", line, err)
	}
	return body
}

func statusAt(t *testing.T, url string) int {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	return res.StatusCode
}

// drain sends the first signal and waits until it shows: the program gets to it
// in its own time.
func (p *process) drain(t *testing.T) {
	t.Helper()
	if got := statusAt(t, p.url+"/readyz"); got != http.StatusOK {
		t.Errorf("readyz before the signal: %d", got)
	}
	p.signal(t, syscall.SIGTERM)
	for statusAt(t, p.url+"/readyz") != http.StatusServiceUnavailable {
	}
}

func TestSignalLetsAnswersEnd(t *testing.T) {
	gate := make(chan struct{})
	p := start(t, account(t, simulator.Stream(simulator.Deltas("begun, "), simulator.Wait(gate),
		simulator.Deltas("ended"), simulator.Object(), simulator.Done())), "serve")
	body := p.openStream(t)
	p.drain(t)
	if got := statusAt(t, p.url+"/healthz"); got != http.StatusOK {
		t.Errorf("healthz while draining: %d", got)
	}
	res, err := http.Post(p.url+"/v1/chat/completions", "application/json", strings.NewReader(streamed))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	refusal, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusServiceUnavailable || !strings.Contains(string(refusal), `"code":"shutting_down"`) {
		t.Errorf("a request while draining: %d %s %v", res.StatusCode, refusal, err)
	}

	close(gate)
	rest, err := io.ReadAll(body)
	if err != nil || !strings.Contains(string(rest), "ended") || !strings.HasSuffix(string(rest), "data: [DONE]\n\n") {
		t.Errorf("the answer under way: %v %q", err, rest)
	}
	if code := p.exitCode(t); code != exitDone {
		t.Errorf("exit code %d", code)
	}
	checkLog(t, p.said())
}

// checkLog looks for the line of the request that was answered: all that is
// promised of it, and nothing that was said.
func checkLog(t *testing.T, log string) {
	t.Helper()
	for line := range strings.Lines(log) {
		if !strings.Contains(line, "msg=request") || !strings.Contains(line, "status=200") || !strings.Contains(line, "POST") {
			continue
		}
		for _, attribute := range []string{
			"method=POST", "route=/v1/chat/completions", "model=gpt-5.1-high", "session=", "placement=new", "first_event=",
			"duration=", "prompt_tokens=", "completion_tokens=", "request_id=",
		} {
			if !strings.Contains(line, " "+attribute) {
				t.Errorf("no %s in %s", attribute, line)
			}
		}
		for _, private := range []string{"secret question", "begun", "ended", "eyJ"} {
			if strings.Contains(log, private) {
				t.Errorf("%q is in the log:\n%s", private, log)
			}
		}
		return
	}
	t.Errorf("no line of the request in the log:\n%s", log)
}

// What the deadline ends says so to its client. It was asked to stop and it has
// stopped: that is no failure of the program's.
func TestDrainDeadline(t *testing.T) {
	p := start(t, account(t, simulator.Stream(simulator.Deltas("begun, "), simulator.Hang()), "ACHUAN_DRAIN_TIMEOUT=300ms"), "serve")
	body := p.openStream(t)
	p.signal(t, syscall.SIGTERM)
	rest, err := io.ReadAll(body)
	if err != nil || !strings.Contains(string(rest), `data: {"error":{`) || !strings.Contains(string(rest), `"code":"shutting_down"`) {
		t.Errorf("the answer under way: %v %q", err, rest)
	}
	if strings.Contains(string(rest), "[DONE]") || strings.Contains(string(rest), `"finish_reason":"`) {
		t.Errorf("half an answer looks whole: %q", rest)
	}
	if code := p.exitCode(t); code != exitDone {
		t.Errorf("exit code %d", code)
	}
}

func TestSecondSignalEndsAtOnce(t *testing.T) {
	// The deadline is further away than the test waits.
	p := start(t, account(t, simulator.Stream(simulator.Deltas("begun, "), simulator.Hang()), "ACHUAN_DRAIN_TIMEOUT=1h"), "serve")
	body := p.openStream(t)
	p.drain(t)
	p.signal(t, syscall.SIGTERM)
	if code := p.exitCode(t); code != exitFailed {
		t.Errorf("exit code %d, want %d", code, exitFailed)
	}
	if rest, err := io.ReadAll(body); err == nil || strings.Contains(string(rest), "[DONE]") {
		t.Errorf("the answer under way: %v %q; want a stream that was cut", err, rest)
	}
	if log := p.said(); !strings.Contains(log, "second signal") {
		t.Errorf("the log does not tell why:\n%s", log)
	}
}

// The lines that the demo prints can be pasted into a shell as they stand.
func TestDemoLine(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("this machine has no curl")
	}
	for name, environ := range map[string][]string{
		"without keys": nil,
		"with keys":    {"ACHUAN_API_KEYS=ada:sk-of-the-demo"},
	} {
		t.Run(name, func(t *testing.T) {
			p := start(t, environ, "serve", "--demo", "--listen", "127.0.0.1:0")
			shell := exec.CommandContext(t.Context(), "sh", "-c", p.hint(t))
			shell.Env = []string{"PATH=" + os.Getenv("PATH"), "ACHUAN_KEY=sk-of-the-demo"}
			answer, err := shell.Output()
			if err != nil || !strings.Contains(string(answer), "Ada") || !strings.HasSuffix(string(answer), "data: [DONE]\n\n") {
				t.Errorf("%v: %s", err, answer)
			}
			p.signal(t, syscall.SIGINT)
			if code := p.exitCode(t); code != exitDone {
				t.Errorf("exit code %d", code)
			}
		})
	}
}

// hint returns the command among what was printed.
func (p *process) hint(t *testing.T) string {
	t.Helper()
	var command strings.Builder
	for line := range p.stdout {
		if command.Len() > 0 && line == "" {
			return command.String()
		}
		if command.Len() > 0 || strings.HasPrefix(line, "  curl ") {
			command.WriteString(line + "\n")
		}
	}
	t.Fatalf("no whole command was printed, only %q", command.String())
	return ""
}
