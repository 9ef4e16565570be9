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

// newSchema returns the URL of a new schema in the PostgreSQL of the tests, which .ci/postgres starts.
func newSchema(t *testing.T) string {
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

// askInConversation adds a question and its answer to a conversation and also returns the session. As SDKs do, it
// retries after a 502 of the proxy: Caddy needs up to two seconds to notice that a node has gone, and the version of
// Debian does not send a body twice.
func askInConversation(
	t *testing.T, base string, history []message, text string,
) (conversation []message, session string) {
	t.Helper()
	history = append(history, message{"user", text})
	body, err := json.Marshal(map[string]any{"model": "gpt-5.1-high", "messages": history})
	if err != nil {
		t.Fatal(err)
	}
	var status int
	var content string
	waitUntil(t, "an answer", func() bool {
		status, content, session = postJSON(t, base, string(body))
		return status != http.StatusBadGateway
	})
	var answer struct{ Choices []struct{ Message message } }
	if status != http.StatusOK || json.Unmarshal([]byte(content), &answer) != nil {
		t.Fatalf("answer = HTTP %d %s, want HTTP 200", status, content)
	}
	return append(history, answer.Choices[0].Message), session
}

// postJSON sends one chat request.
func postJSON(t *testing.T, base, body string) (status int, content, session string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+"/v1/chat/completions", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer sk-of-a-test")
	r.Close = true // with a new connection, the proxy chooses a node again
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode, readAll(t, resp.Body), resp.Header.Get("X-Session-Id")
}

// This test runs the services of compose/three.yaml as processes. Each node continues a conversation in its session,
// also while the nodes are replaced one after another.
func TestThreeNodes(t *testing.T) {
	caddy := requireTool(t, "caddy", "caddy")
	_, environ := startPlatform(t)
	environ = append(environ, "ACHUAN_DATABASE_URL="+newSchema(t))
	var nodes []*process
	var ports []int
	var upstreams []string
	for range 3 {
		port := freePort(t)
		nodes, ports = append(nodes, serveAchuan(t, port, environ...)), append(ports, port)
		upstreams = append(upstreams, "127.0.0.1:"+strconv.Itoa(port))
	}
	home, port := t.TempDir(), freePort(t)
	command := exec.CommandContext(t.Context(), caddy, "run", "--config", "caddy/Caddyfile", "--adapter", "caddyfile")
	command.Env = []string{
		"HOME=" + home, "XDG_CONFIG_HOME=" + home, "XDG_DATA_HOME=" + home,
		"SITE=http://127.0.0.1:" + strconv.Itoa(port), "UPSTREAMS=" + strings.Join(upstreams, " "),
	}
	startProcess(t, command, "127.0.0.1:"+strconv.Itoa(port))
	base := "http://127.0.0.1:" + strconv.Itoa(port)

	conversation, session := askInConversation(t, base, nil, "Hello")
	continueConversation := func(when string) {
		t.Helper()
		for n := range 4 {
			var got string
			question := fmt.Sprintf("%s, %d", when, n)
			if conversation, got = askInConversation(t, base, conversation, question); got != session {
				t.Errorf("%s: session = %s, want %s", when, got, session)
				session = got
			}
		}
	}
	continueConversation("with all nodes")
	for i, node := range nodes {
		if code := node.stop(t); code != 0 {
			t.Errorf("exit code of node %d = %d, want 0", i, code)
		}
		continueConversation("with one node stopped")
		serveAchuan(t, ports[i], environ...)
	}
	continueConversation("with new nodes")
}
