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

const streamedQuestion = `{"model":"gpt-5.1-high","stream":true,"messages":[{"role":"user","content":"a secret question"}]}`

// openStream asks a question, reads the first line of the answer and returns the rest.
func (p *process) openStream(t *testing.T) *bufio.Reader {
	t.Helper()
	res, err := http.Post(p.url+"/v1/chat/completions", "application/json", strings.NewReader(streamedQuestion))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close() })
	body := bufio.NewReader(res.Body)
	if line, err := body.ReadString('\n'); err != nil || !strings.HasPrefix(line, "data: {") {
		t.Fatalf("first line of the answer = %q, %v, want data", line, err)
	}
	return body
}

// drain sends the first signal and waits until the program has handled it.
func (p *process) drain(t *testing.T) {
	t.Helper()
	if got := statusOf(t, p.url+"/readyz"); got != http.StatusOK {
		t.Errorf("GET /readyz before the signal = %d, want 200", got)
	}
	p.signal(t, syscall.SIGTERM)
	for statusOf(t, p.url+"/readyz") != http.StatusServiceUnavailable {
	}
}

func TestSignalLetsAnswersFinish(t *testing.T) {
	gate := make(chan struct{})
	p := start(t, account(t, simulator.Stream(simulator.Deltas("begun, "), simulator.Wait(gate),
		simulator.Deltas("ended"), simulator.Object(), simulator.Done())), "serve")
	body := p.openStream(t)
	p.drain(t)
	if got := statusOf(t, p.url+"/healthz"); got != http.StatusOK {
		t.Errorf("GET /healthz while draining = %d, want 200", got)
	}
	res, err := http.Post(p.url+"/v1/chat/completions", "application/json", strings.NewReader(streamedQuestion))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	refusal, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusServiceUnavailable || !strings.Contains(string(refusal), `"code":"shutting_down"`) {
		t.Errorf("request while draining = %d %s %v, want 503 shutting_down", res.StatusCode, refusal, err)
	}

	close(gate)
	rest, err := io.ReadAll(body)
	if err != nil || !strings.Contains(string(rest), "ended") || !strings.HasSuffix(string(rest), "data: [DONE]\n\n") {
		t.Errorf("rest of the running answer = %q, %v, want its regular end", rest, err)
	}
	if code := p.exitCode(t); code != exitDone {
		t.Errorf("exit code = %d, want 0", code)
	}
	checkLog(t, p.logText())
}

// checkLog checks that the line of the answered request has all documented attributes and that the log has no content.
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
				t.Errorf("line of the request = %s, want %s in it", line, attribute)
			}
		}
		for _, private := range []string{"secret question", "begun", "ended", "eyJ"} {
			if strings.Contains(log, private) {
				t.Errorf("log has %q, want no content:\n%s", private, log)
			}
		}
		return
	}
	t.Errorf("log = %s\nwant a line of the request in it", log)
}

// An answer that the drain deadline ends has an error event. The exit code is 0, because the program was asked to
// stop.
func TestDrainDeadline(t *testing.T) {
	p := start(t, account(t, simulator.Stream(simulator.Deltas("begun, "), simulator.Hang()), "ACHUAN_DRAIN_TIMEOUT=300ms"), "serve")
	body := p.openStream(t)
	p.signal(t, syscall.SIGTERM)
	rest, err := io.ReadAll(body)
	if err != nil || !strings.Contains(string(rest), `data: {"error":{`) || !strings.Contains(string(rest), `"code":"shutting_down"`) {
		t.Errorf("rest of the running answer = %q, %v, want the error shutting_down", rest, err)
	}
	if strings.Contains(string(rest), "[DONE]") || strings.Contains(string(rest), `"finish_reason":"`) {
		t.Errorf("rest of the aborted answer = %q, want no regular end", rest)
	}
	if code := p.exitCode(t); code != exitDone {
		t.Errorf("exit code = %d, want 0", code)
	}
}

func TestSecondSignalExitsNow(t *testing.T) {
	// The drain deadline is later than the test waits.
	p := start(t, account(t, simulator.Stream(simulator.Deltas("begun, "), simulator.Hang()), "ACHUAN_DRAIN_TIMEOUT=1h"), "serve")
	body := p.openStream(t)
	p.drain(t)
	p.signal(t, syscall.SIGTERM)
	if code := p.exitCode(t); code != exitFailed {
		t.Errorf("exit code = %d, want %d", code, exitFailed)
	}
	if rest, err := io.ReadAll(body); err == nil || strings.Contains(string(rest), "[DONE]") {
		t.Errorf("rest of the running answer = %q, %v, want a cut stream", rest, err)
	}
	if log := p.logText(); !strings.Contains(log, "second signal") {
		t.Errorf("log = %s\nwant the second signal in it", log)
	}
}

// The command that the demo prints works in a shell.
func TestDemoHint(t *testing.T) {
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
				t.Errorf("answer to the demo's command = %s, %v, want a whole answer about Ada", answer, err)
			}
			p.signal(t, syscall.SIGINT)
			if code := p.exitCode(t); code != exitDone {
				t.Errorf("exit code = %d, want 0", code)
			}
		})
	}
}

// hint returns the command in the output of the demo.
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
	t.Fatalf("output has the command %q, want a whole command", command.String())
	return ""
}
