//go:build linux && agents

package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"achuan/internal/simulator"
)

// agentTimeout is the longest time that one command of an agent takes.
const agentTimeout = 2 * time.Minute

// agent is a coding agent, installed by npm in test/clients.
type agent struct {
	name    string
	model   string
	prepare func(t *testing.T, home, root string) (environ []string) // writes its settings
	ask     func(question string) []string                           // the command of a first question
	resume  func(question string) []string                           // of a question that continues the last chat
	// call writes a call of the agent's tool that runs a command, as the model does.
	call func(command string) string
	// callsAfter is how many questions the platform gets at most while all answers fail in their middle: how often
	// the agent repeats, which each has its own rules for.
	callsAfter int
}

func toolCall(name, arguments string) string {
	return fmt.Sprintf(`<tool_call>{"name": %q, "arguments": %s}</tool_call>`, name, arguments)
}

var agents = []agent{
	{
		name: "Claude Code", model: "claude-sonnet-4-5-20250929", callsAfter: 4,
		prepare: func(_ *testing.T, _, root string) []string {
			return []string{
				"ANTHROPIC_BASE_URL=" + root, "ANTHROPIC_API_KEY=none-is-needed", "ANTHROPIC_MODEL=claude-sonnet-4-5-20250929",
				"ANTHROPIC_DEFAULT_HAIKU_MODEL=claude-sonnet-4-5-20250929", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1", "CLAUDE_CODE_MAX_RETRIES=2",
			}
		},
		ask:    func(q string) []string { return []string{"claude", "--allowedTools", "Bash", "-p", q} },
		resume: func(q string) []string { return []string{"claude", "--allowedTools", "Bash", "-c", "-p", q} },
		call: func(command string) string {
			return toolCall("Bash", fmt.Sprintf(`{"description": "Run it", "command": %q}`, command))
		},
	},
	{
		name: "Codex", model: model, callsAfter: 6,
		prepare: func(t *testing.T, home, root string) []string {
			writeSettings(t, filepath.Join(home, ".codex", "config.toml"), strings.Join([]string{
				`model = "` + model + `"`, `model_provider = "achuan"`, "[model_providers.achuan]", `name = "achuan"`,
				`base_url = "` + root + `/v1"`, `env_key = "ACHUAN_KEY"`, `wire_api = "responses"`, "",
			}, "\n"))
			return []string{"ACHUAN_KEY=none-is-needed"}
		},
		ask: func(q string) []string {
			return []string{"codex", "exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", q}
		},
		resume: func(q string) []string {
			return []string{"codex", "exec", "resume", "--last", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", q}
		},
		call: func(command string) string { return toolCall("exec_command", fmt.Sprintf(`{"cmd": %q}`, command)) },
	},
	{
		name: "gemini-cli", model: "gemini-3-pro-preview", callsAfter: 4,
		prepare: func(t *testing.T, home, root string) []string {
			writeSettings(t, filepath.Join(home, ".gemini", "settings.json"), `{"security": {"auth": {"selectedType": "gemini-api-key"}}}`)
			return []string{"GEMINI_API_KEY=none-is-needed", "GOOGLE_GEMINI_BASE_URL=" + root, "GEMINI_TELEMETRY_ENABLED=false"}
		},
		ask: func(q string) []string {
			return []string{"gemini", "-m", "gemini-3-pro-preview", "--skip-trust", "--yolo", "-p", q}
		},
		resume: func(q string) []string {
			return []string{"gemini", "-m", "gemini-3-pro-preview", "--skip-trust", "--yolo", "--resume", "latest", "-p", q}
		},
		call: func(command string) string {
			return toolCall("run_shell_command", fmt.Sprintf(`{"description": "Run it", "command": %q}`, command))
		},
	},
}

func writeSettings(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// agentHome is an agent with a home of its own, in front of a platform.
type agentHome struct {
	agent
	env     *testEnv
	folder  string // in which it works; agents tell the model what is in it
	environ []string
}

// eachAgent runs a test with each agent. answer returns the next answer of the model to a question with the user's text;
// other questions of the agent, such as for a title, get a short one.
func eachAgent(t *testing.T, test func(t *testing.T, h *agentHome), environ ...string) {
	for _, a := range agents {
		t.Run(a.name, func(t *testing.T) {
			env := newTestEnv(t, simulator.Options{}, append(environ, sqliteSetting(t))...)
			h := &agentHome{agent: a, env: env, folder: t.TempDir()}
			home := t.TempDir()
			h.environ = append(h.prepare(t, home, env.start().url), "PATH="+os.Getenv("PATH"), "HOME="+home)
			test(t, h)
		})
	}
}

// answers makes the model give these answers, in their order, in sessions with tools.
func (h *agentHome) answers(replies ...simulator.Reply) {
	var next atomic.Int64
	h.env.sim.OnTurn(func(turn simulator.Turn) *simulator.Reply {
		other := simulator.Say("A title")
		if !strings.Contains(turn.Prompt+turn.Text, "<tools>") {
			return &other
		}
		i := int(next.Add(1)) - 1
		if i >= len(replies) {
			other = simulator.Say(fmt.Sprintf("Answer %d beyond the test.", i))
			return &other
		}
		return &replies[i]
	})
}

// run runs a command of the agent to its end and returns its output.
func (h *agentHome) run(t *testing.T, command []string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), agentTimeout)
	defer cancel()
	return h.start(ctx, t, command)()
}

// start starts a command of the agent. wait waits for its end.
func (h *agentHome) start(ctx context.Context, t *testing.T, command []string) (wait func() (string, error)) {
	t.Helper()
	bin, err := filepath.Abs(filepath.Join("..", "clients", "node_modules", ".bin", command[0]))
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	c := exec.CommandContext(ctx, bin, command[1:]...)
	c.Dir, c.Env, c.Stdout, c.Stderr, c.WaitDelay = h.folder, h.environ, &out, &out, 5*time.Second
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	return func() (string, error) {
		err := c.Wait()
		return out.String(), err
	}
}

// mustRun is run for a command whose output must contain want.
func (h *agentHome) mustRun(t *testing.T, command []string, want string) {
	t.Helper()
	out, err := h.run(t, command)
	if err != nil || !strings.Contains(out, want) {
		t.Fatalf("%q = %v, want %q in its output:\n%s\nturns: %s", command, err, want, out, h.describeTurns())
	}
}

// turns returns the questions of the chat: those of sessions with tools.
func (h *agentHome) turns() (turns []simulator.Turn) {
	for _, turn := range h.env.sim.Turns() {
		if strings.Contains(turn.Prompt+turn.Text, "<tools>") || len(turn.History) > 0 && strings.Contains(turn.History[0].User, "<tools>") {
			turns = append(turns, turn)
		}
	}
	return turns
}

func (h *agentHome) describeTurns() string {
	var b strings.Builder
	for _, turn := range h.turns() {
		text := turn.Text
		fmt.Fprintf(&b, "\nsession %d, after %d exchanges: …%s", turn.SessionID, len(turn.History), text[max(0, len(text)-600):])
	}
	return b.String()
}

// checkOneSession checks that the chat is one session with this number of questions.
func (h *agentHome) checkOneSession(t *testing.T, questions int) {
	t.Helper()
	turns := h.turns()
	for i, turn := range turns {
		if turn.SessionID != turns[0].SessionID || len(turn.History) != i {
			t.Errorf("question %d is in session %d after %d exchanges, want session %d after %d", i, turn.SessionID, len(turn.History), turns[0].SessionID, i)
		}
	}
	if len(turns) != questions {
		t.Errorf("the chat has %d questions, want %d", len(turns), questions)
	}
	if t.Failed() {
		t.Log(h.describeTurns())
	}
}

// An agent runs several calls at once, then another one, whose arguments it may change, and continues the chat in another
// process. Each question is asked once, in one session.
func TestAgentSteps(t *testing.T) {
	eachAgent(t, func(t *testing.T, h *agentHome) {
		h.answers(
			simulator.Say("Two at once.\n"+h.call("echo out-of-one")+"\n"+h.call("echo out-of-two")),
			simulator.Say(h.call("cd "+h.folder+" && echo out-of-three")),
			simulator.Say("All done."), simulator.Say("Still here."),
		)
		h.mustRun(t, h.ask("Run the three commands."), "All done.")
		h.mustRun(t, h.resume("And now?"), "Still here.")
		h.checkOneSession(t, 4)
		turns := h.turns()
		if len(turns) < 4 {
			return
		}
		for i, want := range map[int]string{1: `out-of-one[\s\S]*out-of-two`, 2: "out-of-three", 3: "And now"} {
			if !regexp.MustCompile(want).MatchString(turns[i].Text) {
				t.Errorf("question %d = %s, want %s in it", i, turns[i].Text, want)
			}
		}
	})
}

// An agent that is killed in the middle of an answer leaves a turn that ends by itself. The chat continues with what the
// agent has stored, and nothing of it is mixed up.
func TestAgentAborts(t *testing.T) {
	eachAgent(t, func(t *testing.T, h *agentHome) {
		gate := make(chan struct{})
		h.answers(
			simulator.Say("The first."),
			simulator.Stream(simulator.Deltas("The sec"), simulator.Wait(gate), simulator.Deltas("ond."), simulator.Object(), simulator.Done()),
			simulator.Say("The third."),
		)
		h.mustRun(t, h.ask("First?"), "The first.")
		ctx, kill := context.WithCancel(t.Context())
		wait := h.start(ctx, t, h.resume("Second?"))
		for deadline := time.Now().Add(agentTimeout); len(h.turns()) < 2; time.Sleep(20 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("the second question did not come")
			}
		}
		kill()
		if _, err := wait(); err == nil || errors.Is(err, exec.ErrNotFound) {
			t.Errorf("the killed agent ended with %v", err)
		}
		close(gate)
		h.mustRun(t, h.resume("Third?"), "The third.")
		turns := h.turns()
		last := turns[len(turns)-1]
		if len(turns) != 3 || !strings.Contains(last.Text, "Third?") {
			t.Errorf("turns = %s, want three", h.describeTurns())
		}
		whole := last.Text
		for _, x := range last.History {
			whole += x.User + x.AI
		}
		if strings.Count(whole, "First?") != 1 || !strings.Contains(whole, "The first.") {
			t.Errorf("the third question has %q, want the first exchange once", whole[max(0, len(whole)-2000):])
		}
	})
}

// Answers that always fail in their middle cost no more questions than the agent is known to repeat. The chat after that
// is answered.
func TestAgentFailures(t *testing.T) {
	eachAgent(t, func(t *testing.T, h *agentHome) {
		h.answers(slices.Repeat([]simulator.Reply{simulator.SayThenFail("Half of it ", "系统繁忙")}, 3*h.callsAfter)...)
		out, err := h.run(t, h.ask("What is it?"))
		if n := len(h.turns()); n < 1 || n > h.callsAfter {
			t.Errorf("%d questions for one failing answer (%v), want at most %d:\n%s", n, err, h.callsAfter, out)
		}
		h.answers(simulator.Say("Back again."))
		h.mustRun(t, h.ask("A new chat."), "Back again.")
	})
}
