//go:build linux

package e2e

import (
	"fmt"
	"net/http"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"achuan/internal/simulator"
)

const adminKey = "sk-of-the-administrator"

// sessionJSON is a session of the sessions API.
type sessionJSON struct {
	ID    int64
	Model string
	Owner string
	Name  *string
	State string
	Turns int
}

type sessionList struct {
	Data  []sessionJSON
	Total int
}

func (l sessionList) ids() (ids []int64) {
	for _, s := range l.Data {
		ids = append(ids, s.ID)
	}
	slices.Sort(ids)
	return ids
}

func sessionPath(id int64) string { return "/v1/sessions/" + strconv.FormatInt(id, 10) }

// Each client sees its own sessions, and the administrator sees all. For a client, the sessions of others do not exist.
func TestSessionsAPI(t *testing.T) {
	t.Parallel()
	env := newTestEnv(t, simulator.Options{}, sqliteSetting(t), clientKeys(2), "ACHUAN_ADMIN_KEY="+adminKey)
	p := env.start()
	mine, theirs := &chatClient{env: env, key: clientKey(0)}, &chatClient{env: env, key: clientKey(1), user: "ada"}
	id, other := mine.askNext(p).session, theirs.askNext(p).session
	mine.askNext(p)
	var made sessionJSON
	body := map[string]string{"model": otherModel}
	status, code := p.callAPI(http.MethodPost, "/v1/sessions", clientKey(0), body, &made)
	if status != http.StatusOK || made.Model != otherModel {
		t.Fatalf("POST = HTTP %d %s %+v, want a session of %s", status, code, made, otherModel)
	}
	for key, want := range map[string][]int64{
		clientKey(0): {id, made.ID}, clientKey(1): {other}, adminKey: {id, other, made.ID},
	} {
		var list sessionList
		slices.Sort(want)
		p.callAPI(http.MethodGet, "/v1/sessions", key, nil, &list)
		if !slices.Equal(list.ids(), want) || list.Total != len(want) {
			t.Errorf("list for %s = %v of %d, want %v", key, list.ids(), list.Total, want)
		}
	}
	var seen sessionJSON
	p.callAPI(http.MethodGet, sessionPath(other), adminKey, nil, &seen)
	if seen.Owner != "client1" || seen.Name == nil || *seen.Name != "ada" || seen.Turns != 1 || seen.State != "free" {
		t.Errorf("session for the administrator = %+v, want the free session ada of client1 with one turn", seen)
	}
	p.checkUnknown(clientKey(0), other, 777_777)
	checkMessages(p, clientKey(0), id, mine.transcript)

	// Only the client that created the session may use it.
	mine.session, mine.transcript = made.ID, nil
	if r := mine.askNext(p); r.placement != "continued" || r.session != made.ID {
		t.Errorf("turn in the created session = %s, want it continued in %d", r, made.ID)
	}
	theirs.user, theirs.session = "", made.ID
	theirs.addQuestion()
	if r := p.ask(env.ctx, theirs.request()); r.status != http.StatusNotFound || r.code != "session_not_found" {
		t.Errorf("turn in the session of another client = %s, want HTTP 404 session_not_found", r)
	}
	status, code = p.callAPI(http.MethodDelete, sessionPath(made.ID), clientKey(0), nil, nil)
	if status != http.StatusOK {
		t.Errorf("DELETE = HTTP %d %s, want HTTP 200", status, code)
	}
	p.checkUnknown(clientKey(0), made.ID)
	if deleted := env.sim.Deleted(); !slices.Equal(deleted, []int64{made.ID}) {
		t.Errorf("deleted sessions = %v, want %d", deleted, made.ID)
	}
	env.checkTurns()
}

// checkUnknown checks that the sessions do not exist for the client with this key.
func (p *process) checkUnknown(key string, ids ...int64) {
	p.t.Helper()
	for _, id := range ids {
		for _, call := range [][2]string{
			{http.MethodGet, sessionPath(id)}, {http.MethodGet, sessionPath(id) + "/messages"}, {http.MethodDelete, sessionPath(id)},
		} {
			status, code := p.callAPI(call[0], call[1], key, nil, nil)
			if status != http.StatusNotFound || code != "session_not_found" {
				p.t.Errorf("%v = HTTP %d %s, want HTTP 404 session_not_found", call, status, code)
			}
		}
	}
}

func checkMessages(p *process, key string, id int64, want []message) {
	p.t.Helper()
	var got struct{ Data []message }
	if p.callAPI(http.MethodGet, sessionPath(id)+"/messages", key, nil, &got); !slices.Equal(got.Data, want) {
		p.t.Errorf("messages of session %d = %v, want %v", id, got.Data, want)
	}
}

// DELETE of a session that achuan did not create removes it from the store, but not from the platform.
func TestForeignSessionIsNotDeleted(t *testing.T) {
	t.Parallel()
	env := newTestEnv(t, simulator.Options{}, sqliteSetting(t))
	p, c := env.start(), &chatClient{env: env, session: env.sim.AddSession(model)}
	if r := c.askNext(p); r.placement != "continued" || r.session != c.session {
		t.Errorf("turn in a foreign session = %s, want it continued in %d", r, c.session)
	}
	status, code := p.callAPI(http.MethodDelete, sessionPath(c.session), "", nil, nil)
	if status != http.StatusOK {
		t.Errorf("DELETE = HTTP %d %s, want HTTP 200", status, code)
	}
	p.checkUnknown("", c.session)
	if _, there := env.sim.Session(c.session); !there {
		t.Error("foreign session was deleted on the platform, want it kept")
	}
}

// The command "achuan sessions" does the same as the API.
func TestSessionsCommand(t *testing.T) {
	t.Parallel()
	env := newTestEnv(t, simulator.Options{}, sqliteSetting(t), clientKeys(2), "ACHUAN_ADMIN_KEY="+adminKey)
	p := env.start()
	mine, theirs := &chatClient{env: env, key: clientKey(0)}, &chatClient{env: env, key: clientKey(1)}
	id, other := mine.askNext(p).session, theirs.askNext(p).session

	made := strings.TrimSpace(p.runSessionsCommand(0, clientKey(0), "create", model))
	mine.session, mine.transcript = parseID(t, made), nil
	if r := mine.askNext(p); strconv.FormatInt(r.session, 10) != made || r.placement != "continued" {
		t.Errorf("turn in the created session %s = %s, want it continued", made, r)
	}
	for key, want := range map[string][]int64{
		clientKey(0): {id, mine.session}, clientKey(1): {other}, adminKey: {id, other, mine.session},
	} {
		output := p.runSessionsCommand(0, key, "list")
		var ids []int64
		for _, line := range strings.Split(strings.TrimSpace(output), "\n")[1:] {
			ids = append(ids, parseID(t, strings.Fields(line)[0]))
		}
		if slices.Sort(ids); !slices.Equal(ids, want) {
			t.Errorf("list for %s = %v, want %v:\n%s", key, ids, want, output)
		}
	}
	output := p.runSessionsCommand(0, clientKey(0), "show", made)
	for _, m := range mine.transcript[:2] {
		if !strings.Contains(output, m.Content) {
			t.Errorf("show printed\n%s\nwant in it %q", output, m.Content)
		}
	}
	for _, args := range [][]string{{"show", fmt.Sprint(other)}, {"delete", fmt.Sprint(other)}, {"show", "777777"}} {
		if output := p.runSessionsCommand(1, clientKey(0), args...); !strings.Contains(output, "No such session") {
			t.Errorf("%v printed\n%s\nwant in it %q", args, output, "No such session")
		}
	}
	output = p.runSessionsCommand(0, adminKey, "delete", fmt.Sprint(other))
	if !strings.Contains(output, "deleted") || !slices.Equal(env.sim.Deleted(), []int64{other}) {
		t.Errorf("delete printed %s, deleted sessions = %v; want %d", output, env.sim.Deleted(), other)
	}
}

// runSessionsCommand runs "achuan sessions", checks its exit code and returns its output.
func (p *process) runSessionsCommand(wantCode int, key string, args ...string) string {
	p.t.Helper()
	command := exec.Command(binaryPath, append([]string{"sessions", "--url", p.url + "/v1"}, args...)...)
	command.Dir = p.t.TempDir()
	command.Env = []string{"ACHUAN_KEY=" + key}
	output, _ := command.CombinedOutput() // the exit code shows errors
	if got := command.ProcessState.ExitCode(); got != wantCode {
		p.t.Errorf("exit code of sessions %v = %d, want %d\n%s", args, got, wantCode, output)
	}
	return string(output)
}

func parseID(t *testing.T, text string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
