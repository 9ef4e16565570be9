package deploy

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// schema makes a URL of the tests' PostgreSQL (.ci/postgres starts one) with a schema
// of its own.
func schema(t *testing.T) string {
	t.Helper()
	server := cmp.Or(os.Getenv("ACHUAN_TEST_POSTGRES"), "postgres://postgres@127.0.0.1:5432/test?sslmode=disable")
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	name := "t_" + strings.ToLower(rand.Text())
	query := u.Query()
	query.Set("search_path", name)
	query.Set("pool_max_conns", "4")
	u.RawQuery = query.Encode()
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		c, err := pgx.Connect(ctx, server)
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Exec(ctx, "DROP SCHEMA IF EXISTS "+name+" CASCADE")
		if err := errors.Join(err, c.Close(ctx)); err != nil {
			t.Error(err)
		}
	})
	return u.String()
}

type message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

// say asks in a conversation and returns it with the answer, and its session. As SDKs
// do, it tries again what a proxy could not deliver: Caddy takes up to two seconds to
// see that a node has gone, and the one that Debian has does not send a body twice.
func say(t *testing.T, base string, history []message, text string) (conversation []message, session string) {
	t.Helper()
	history = append(history, message{"user", text})
	body, err := json.Marshal(map[string]any{"model": "gpt-5.1-high", "messages": history})
	if err != nil {
		t.Fatal(err)
	}
	var status int
	var content string
	until(t, "an answer", func() bool {
		status, content, session = post(t, base, string(body))
		return status != http.StatusBadGateway
	})
	var answer struct{ Choices []struct{ Message message } }
	if status != http.StatusOK || json.Unmarshal([]byte(content), &answer) != nil {
		t.Fatalf("%d: %s", status, content)
	}
	return append(history, answer.Choices[0].Message), session
}

// post asks once.
func post(t *testing.T, base, body string) (status int, content, session string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+"/v1/chat/completions", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer sk-of-a-test")
	r.Close = true // so that the proxy is free to choose anew
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode, all(t, resp.Body), resp.Header.Get("X-Session-Id")
}

// What compose/three.yaml describes, as processes: a conversation goes on in its
// session through whichever node, also while each node is replaced by another.
func TestThreeNodes(t *testing.T) {
	caddy := need(t, "caddy", "caddy")
	_, environ := platform(t)
	environ = append(environ, "ACHUAN_DATABASE_URL="+schema(t))
	var nodes []*started
	var ports []int
	var upstreams []string
	for range 3 {
		port := freePort(t)
		nodes, ports = append(nodes, serve(t, port, environ...)), append(ports, port)
		upstreams = append(upstreams, "127.0.0.1:"+strconv.Itoa(port))
	}
	home, port := t.TempDir(), freePort(t)
	command := exec.CommandContext(t.Context(), caddy, "run", "--config", "caddy/Caddyfile", "--adapter", "caddyfile")
	command.Env = []string{
		"HOME=" + home, "XDG_CONFIG_HOME=" + home, "XDG_DATA_HOME=" + home,
		"SITE=http://127.0.0.1:" + strconv.Itoa(port), "UPSTREAMS=" + strings.Join(upstreams, " "),
	}
	start(t, command, "127.0.0.1:"+strconv.Itoa(port))
	base := "http://127.0.0.1:" + strconv.Itoa(port)

	conversation, session := say(t, base, nil, "Hello")
	goOn := func(when string) {
		t.Helper()
		for n := range 4 {
			var now string
			if conversation, now = say(t, base, conversation, fmt.Sprintf("%s, %d", when, n)); now != session {
				t.Errorf("%s: session %s, was %s", when, now, session)
				session = now
			}
		}
	}
	goOn("with all")
	for i, node := range nodes {
		if code := node.stop(t); code != 0 {
			t.Errorf("exit code %d", code)
		}
		goOn("without one")
		serve(t, ports[i], environ...)
	}
	goOn("with others")
}
