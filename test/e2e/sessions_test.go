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

// shown is a session as the API shows it.
type shown struct {
	ID    int64
	Model string
	Owner string
	Name  *string
	State string
	Turns int
}

type shownList struct {
	Data  []shown
	Total int
}

func (l shownList) ids() (ids []int64) {
	for _, s := range l.Data {
		ids = append(ids, s.ID)
	}
	slices.Sort(ids)
	return ids
}

func path(id int64) string { return "/v1/sessions/" + strconv.FormatInt(id, 10) }

// Everybody sees their own sessions, and the administrator all. What is another's is
// as unknown as what is nobody's.
func TestSessionsAPI(t *testing.T) {
	t.Parallel()
	s := newSite(t, simulator.Options{}, file(t), clientKeys(2), "ACHUAN_ADMIN_KEY="+adminKey)
	p := s.start()
	mine, theirs := &party{s: s, key: clientKey(0)}, &party{s: s, key: clientKey(1), user: "ada"}
	id, other := mine.goOn(p).session, theirs.goOn(p).session
	mine.goOn(p)
	var made shown
	if status, code := p.call(http.MethodPost, "/v1/sessions", clientKey(0), map[string]string{"model": otherModel}, &made); status != http.StatusOK || made.Model != otherModel {
		t.Fatalf("a session is made: %d %s %+v", status, code, made)
	}
	for key, want := range map[string][]int64{clientKey(0): {id, made.ID}, clientKey(1): {other}, adminKey: {id, other, made.ID}} {
		var list shownList
		slices.Sort(want)
		if p.call(http.MethodGet, "/v1/sessions", key, nil, &list); !slices.Equal(list.ids(), want) || list.Total != len(want) {
			t.Errorf("%s sees %v of %d, want %v", key, list.ids(), list.Total, want)
		}
	}
	var seen shown
	if p.call(http.MethodGet, path(other), adminKey, nil, &seen); seen.Owner != "client1" || seen.Name == nil || *seen.Name != "ada" || seen.Turns != 1 || seen.State != "free" {
		t.Errorf("the administrator sees %+v", seen)
	}
	p.wantUnknown(clientKey(0), other, 777_777)
	wantMessages(p, clientKey(0), id, mine.transcript)

	// The one that was made is used by its id, and only by who made it.
	mine.session, mine.transcript = made.ID, nil
	if r := mine.goOn(p); r.placement != "continued" || r.session != made.ID {
		t.Errorf("by the id that was made: %s", r)
	}
	theirs.user, theirs.session = "", made.ID
	theirs.say()
	if r := p.ask(s.ctx, theirs.request()); r.status != http.StatusNotFound || r.code != "session_not_found" {
		t.Errorf("by another's id: %s", r)
	}
	if status, code := p.call(http.MethodDelete, path(made.ID), clientKey(0), nil, nil); status != http.StatusOK {
		t.Errorf("deleting it: %d %s", status, code)
	}
	p.wantUnknown(clientKey(0), made.ID)
	if deleted := s.sim.Deleted(); !slices.Equal(deleted, []int64{made.ID}) {
		t.Errorf("the platform deleted %v, want %d", deleted, made.ID)
	}
	s.judgeTurns()
}

// wantUnknown checks that ids are nobody's for who has the key.
func (p *process) wantUnknown(key string, ids ...int64) {
	p.t.Helper()
	for _, id := range ids {
		for _, call := range [][2]string{
			{http.MethodGet, path(id)}, {http.MethodGet, path(id) + "/messages"}, {http.MethodDelete, path(id)},
		} {
			if status, code := p.call(call[0], call[1], key, nil, nil); status != http.StatusNotFound || code != "session_not_found" {
				p.t.Errorf("%v: %d %s", call, status, code)
			}
		}
	}
}

func wantMessages(p *process, key string, id int64, want []message) {
	p.t.Helper()
	var got struct{ Data []message }
	if p.call(http.MethodGet, path(id)+"/messages", key, nil, &got); !slices.Equal(got.Data, want) {
		p.t.Errorf("messages %v, want %v", got.Data, want)
	}
}

// A session that achuan did not make is forgotten, and stays on the platform.
func TestForeignSessionIsNotDeleted(t *testing.T) {
	t.Parallel()
	s := newSite(t, simulator.Options{}, file(t))
	p, c := s.start(), &party{s: s, session: s.sim.AddSession(model)}
	if r := c.goOn(p); r.placement != "continued" || r.session != c.session {
		t.Errorf("by a foreign id: %s", r)
	}
	if status, code := p.call(http.MethodDelete, path(c.session), "", nil, nil); status != http.StatusOK {
		t.Errorf("deleting it: %d %s", status, code)
	}
	p.wantUnknown("", c.session)
	if _, there := s.sim.Session(c.session); !there {
		t.Error("it was deleted on the platform")
	}
}

// The command shows and does the same.
func TestSessionsCommand(t *testing.T) {
	t.Parallel()
	s := newSite(t, simulator.Options{}, file(t), clientKeys(2), "ACHUAN_ADMIN_KEY="+adminKey)
	p := s.start()
	mine, theirs := &party{s: s, key: clientKey(0)}, &party{s: s, key: clientKey(1)}
	id, other := mine.goOn(p).session, theirs.goOn(p).session

	made := strings.TrimSpace(p.sessions(0, clientKey(0), "create", model))
	mine.session, mine.transcript = number(t, made), nil
	if r := mine.goOn(p); strconv.FormatInt(r.session, 10) != made || r.placement != "continued" {
		t.Errorf("by the id that was made, %s: %s", made, r)
	}
	for key, want := range map[string][]int64{clientKey(0): {id, mine.session}, clientKey(1): {other}, adminKey: {id, other, mine.session}} {
		said := p.sessions(0, key, "list")
		var ids []int64
		for _, line := range strings.Split(strings.TrimSpace(said), "\n")[1:] {
			ids = append(ids, number(t, strings.Fields(line)[0]))
		}
		if slices.Sort(ids); !slices.Equal(ids, want) {
			t.Errorf("%s lists %v, want %v:\n%s", key, ids, want, said)
		}
	}
	if said := p.sessions(0, clientKey(0), "show", made); !strings.Contains(said, mine.transcript[0].Content) || !strings.Contains(said, mine.transcript[1].Content) {
		t.Errorf("show says\n%s", said)
	}
	for _, args := range [][]string{{"show", fmt.Sprint(other)}, {"delete", fmt.Sprint(other)}, {"show", "777777"}} {
		if said := p.sessions(1, clientKey(0), args...); !strings.Contains(said, "No such session") {
			t.Errorf("%v says\n%s", args, said)
		}
	}
	if said := p.sessions(0, adminKey, "delete", fmt.Sprint(other)); !strings.Contains(said, "deleted") || !slices.Equal(s.sim.Deleted(), []int64{other}) {
		t.Errorf("delete says %s; the platform deleted %v", said, s.sim.Deleted())
	}
}

// sessions runs achuan sessions, which is to end with that code, and returns what it
// said.
func (p *process) sessions(code int, key string, args ...string) string {
	p.t.Helper()
	command := exec.Command(binary, append([]string{"sessions", "--url", p.url + "/v1"}, args...)...)
	command.Dir = p.t.TempDir()
	command.Env = []string{"ACHUAN_KEY=" + key}
	said, _ := command.CombinedOutput() // its exit code tells
	if got := command.ProcessState.ExitCode(); got != code {
		p.t.Errorf("sessions %v: exit code %d\n%s", args, got, said)
	}
	return string(said)
}

func number(t *testing.T, text string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
