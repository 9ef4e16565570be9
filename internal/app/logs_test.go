package app_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"achuan/internal/config"
	"achuan/internal/simulator"
	"achuan/internal/telemetry"
)

// logBuffer is a buffer that the server writes and the test reads.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// marker is in every message and in every secret.
const marker = "zebra"

// No log line at any level contains content or a secret, also when requests fail. Each line is one JSON object.
func TestLogsHaveNoContentAndNoSecrets(t *testing.T) {
	sim := simulator.New(simulator.Options{})
	log := new(logBuffer)
	secrets := []string{marker + "-client-key", marker + "-admin-key", marker + "-cookie"}
	logger := telemetry.NewLogger(log, slog.LevelDebug, telemetry.FormatJSON, secrets...)
	jwt := simulator.NewToken(simulator.DefaultUser, time.Now(), time.Hour)
	var statuses []int
	t.Run("requests", func(t *testing.T) {
		base := serveLogged(t, sim, logger, func(s *config.Settings) {
			s.APIKeys, s.AdminKey, s.PlatformCookie = []string{"ada:" + secrets[0]}, secrets[1], "session="+secrets[2]
			s.JWT, s.Audit, s.FirstEventTimeout = jwt, config.AuditHash, 2*time.Second
		})
		sim.Script(
			simulator.Say("<think>I think zebra</think>zebra it is"),
			simulator.SayThenFail("zebra, half", "出错了 (request id: 1)"),
			simulator.Fail("您的提交内容包含不允许的文本"),
			simulator.Fail("Anthropic 异常提示(HttpCode:400): media_type of zebra.png is wrong"),
			simulator.JSON(1, "授权登陆已过期，请重新登陆"),
			simulator.CutShort("zebra, cut"),
			simulator.Stream(simulator.Deltas("zebra"), simulator.Frame(`{"type":"object","data":{"aiText":"zebra`), simulator.Cut()),
			simulator.Lost(), simulator.Say("zebra again"),
		)
		key := []string{"Authorization", "Bearer " + secrets[0]}
		messages := `"messages":[{"role":"system","content":"You are a zebra"},{"role":"user","name":"zebra","content":"A zebra?"}]`
		for _, body := range []string{
			`{"model":"gpt-5.1-high",` + messages + `}`,
			`{"model":"gpt-5.1-high","stream":true,` + messages + `}`,
			`{"model":"gpt-5.1-high",` + messages + `}`,
			`{"model":"gpt-5.1-high",` + messages + `}`,
			`{"model":"gpt-5.1-high",` + messages + `}`,
			`{"model":"gpt-5.1-high","stream":true,` + messages + `}`,
			`{"model":"gpt-5.1-high","user":"zebra",` + messages + `}`,
			`{"model":"gpt-5.1-high",` + messages + `}`,
			`{"model":"gpt-5.1-high","messages":[{"role":"zebra","content":"zebra"}]}`,
			`{"model":"gpt-5.1-high","messages":"zebra"}`,
			`{"zebra`,
		} {
			statuses = append(statuses, postChat(t, base, body, key...).StatusCode)
		}
		statuses = append(statuses, postChat(t, base, `{"zebra":1}`, "Authorization", "Bearer zebra-wrong").StatusCode)
		getText(t, base+"/v1/zebra?q=zebra", key...)
		getText(t, base+"/metrics", "Authorization", "Bearer "+secrets[1])
	})
	if got := len(slices.Compact(slices.Sorted(slices.Values(statuses)))); got < 4 {
		t.Errorf("statuses = %v, want more failures", statuses)
	}
	requests := 0
	for line := range strings.Lines(log.String()) {
		var v map[string]any
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Errorf("log line = %s, want a JSON object", line)
		}
		if v["msg"] == "request" {
			requests++
			checkRequestLine(t, v)
		}
		if lower := strings.ToLower(line); strings.Contains(lower, marker) || strings.Contains(line, jwt) || strings.Contains(line, "eyJ") {
			t.Errorf("log line = %s, want neither content nor a secret", line)
		}
	}
	if want := len(statuses) + 2; requests != want {
		t.Errorf("log has %d requests, want %d", requests, want)
	}
}

// checkRequestLine checks that a request's line has the keys that it always has.
func checkRequestLine(t *testing.T, line map[string]any) {
	t.Helper()
	keys := []string{"time", "level", "msg", "request_id", "method", "route", "status", "duration"}
	if line["model"] != nil {
		keys = append(keys, "stream", "caller", "body_sha256")
	}
	if line["status"] != 200.0 {
		keys = append(keys, "code")
	} else if line["model"] != nil {
		keys = append(keys, "session", "placement")
	}
	for _, k := range keys {
		if line[k] == nil || line[k] == "" {
			t.Errorf("line = %v, want the key %s", line, k)
		}
	}
}

// getText returns the body of GET url.
func getText(t *testing.T, url string, headers ...string) string {
	t.Helper()
	_, body := exchange(t, http.MethodGet, url, "", headers...)
	return body
}
