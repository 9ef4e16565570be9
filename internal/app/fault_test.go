package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"achuan/internal/config"
	"achuan/internal/simulator"
)

// Each fault of the platform becomes a status and a code of a whole answer. A streamed answer gets the same, or an
// error event when text was sent before. The code "" means a regular answer.
func TestPlatformFaults(t *testing.T) {
	provider := func(status int, code, text string) simulator.Reply {
		return simulator.Fail(simulator.ProviderError(status, code, text, time.Unix(1700000000, 0)))
	}
	text := "half an answer"
	longer := text + ", and the rest"
	other := "quite another text"
	for _, tc := range []struct {
		name   string
		reply  simulator.Reply
		status int    // of the whole answer
		code   string // of both answers
		mid    bool   // the stream has begun before the fault
		want   string // text of a regular answer
	}{
		{"content filter", simulator.Fail("您的提交内容包含不允许的文本"), 400, "content_filter", false, ""},
		{"points used up", simulator.Fail("套餐余量不足"), 402, "insufficient_quota", false, ""},
		{"provider rate limit", provider(429, "rate_limit", "slow down"), 429, "rate_limit_exceeded", false, ""},
		{"frame code 429", simulator.Reply{Error: "too many", ErrorCode: 429}, 429, "rate_limit_exceeded", false, ""},
		{"operator's key", provider(401, "invalid_api_key", "Invalid API Key"), 502, "backend_error", false, ""},
		{"dead model", provider(404, "not_found", "model does not exist"), 400, "model_not_found", false, ""},
		{"no channel", provider(503, "x", "分组 default 下模型 m 无可用渠道"), 503, "backend_unavailable", false, ""},
		{"provider 504", provider(504, "x", "timeout"), 504, "backend_timeout", false, ""},
		{"provider timeout", provider(524, "x", "openai_error"), 504, "backend_timeout", false, ""},
		{"operator's plan", provider(400, "x", "subscription expired"), 502, "backend_error", false, ""},
		{"file type", simulator.Fail("Anthropic 异常提示(HttpCode:400): media_type is wrong"), 400, "invalid_file", false, ""},
		{"file name", simulator.Fail("文件【a】名称不合法"), 400, "invalid_file", false, ""},
		{"effort", simulator.Fail("当前模型不支持推理等级配置"), 400, "unsupported_parameter", false, ""},
		{"too long", simulator.Fail("message too long"), 400, "context_length_exceeded", false, ""},
		{"unknown error", simulator.Fail("什么都坏了"), 502, "backend_error", false, ""},
		{"login, code 2", simulator.LoginExpired(simulator.LoginCode2), 502, "backend_auth", false, ""},
		{"login, 401", simulator.LoginExpired(simulator.LoginHTTP401), 502, "backend_auth", false, ""},
		{"login, 1001", simulator.LoginExpired(simulator.LoginCode1001), 502, "backend_auth", false, ""},
		{"HTTP 429", simulator.HTTPStatus(429, "text/plain", "slow"), 429, "rate_limit_exceeded", false, ""},
		{"HTTP 500", simulator.HTTPStatus(500, "text/html", "<html>"), 502, "backend_error", false, ""},
		{"HTTP 502", simulator.HTTPStatus(502, "text/html", "<html>"), 502, "backend_error", false, ""},
		{"HTTP 503", simulator.HTTPStatus(503, "text/html", "<html>"), 503, "backend_unavailable", false, ""},
		{"HTTP 504", simulator.HTTPStatus(504, "text/html", "<html>"), 504, "backend_timeout", false, ""},
		{"HTTP 524", simulator.HTTPStatus(524, "text/html", "<html>"), 504, "backend_timeout", false, ""},
		{"HTML with 200", simulator.HTTPStatus(200, "text/html", "<html>"), 502, "backend_error", false, ""},
		{"plain text", simulator.PlainText("出错了"), 502, "backend_error", false, ""},
		{"JSON failure", simulator.JSON(1, "出错了"), 502, "backend_error", false, ""},
		{"JSON success, no stream", simulator.JSON(0, ""), 502, "backend_error", false, ""},
		{"no frame at all", simulator.Stream(simulator.Head()), 502, "backend_truncated", false, ""},
		{"[DONE] alone", simulator.Stream(simulator.Done()), 502, "backend_truncated", false, ""},
		{"cut before text", simulator.Stream(simulator.Head(), simulator.Cut()), 502, "backend_truncated", false, ""},
		{"reset before text", simulator.Stream(simulator.Head(), simulator.Reset()), 502, "backend_truncated", false, ""},
		{"cut after text", simulator.CutShort(text), 502, "backend_truncated", true, ""},
		{"reset after text", simulator.Stream(simulator.Deltas(text), simulator.Reset()), 502, "backend_truncated", true, ""},
		{"end after text", simulator.Reply{Text: text, NoObject: true, NoDone: true}, 502, "backend_truncated", true, ""},
		{"error after text", simulator.SayThenFail(text, "出错了"), 502, "backend_error", true, ""},
		{"rate limit after text", simulator.SayThenFail(text, "上游异常提示(HttpCode:429)：x"), 429, "rate_limit_exceeded", true, ""},
		{"stopped elsewhere", simulator.Reply{Text: text, UserStop: true}, 502, "backend_truncated", true, ""},
		{"silence before text", simulator.Stream(simulator.Head(), simulator.Hang()), 504, "backend_timeout", false, ""},
		{"silence after text", simulator.Stream(simulator.Deltas(text), simulator.Hang()), 504, "backend_timeout", true, ""},
		{"frames without text", simulator.Stream(simulator.Flood(simulator.EmptyDelta, 20*time.Millisecond)), 504, "backend_timeout", false, ""},
		{"frames without text, after text", simulator.Stream(simulator.Deltas(text), simulator.Flood(simulator.EmptyPatch, 20*time.Millisecond)), 504, "backend_timeout", true, ""},
		{"proxy that lost the reply", simulator.ProxyFailure(502, text), 502, "backend_error", false, ""},
		{"points used up, as text", simulator.PlainText("套餐余量不足"), 402, "insufficient_quota", false, ""},
		{"torn characters, replaced", tornReply(simulator.TornReplaced), 200, "", false, tornText},
		{"torn characters, bytes", tornReply(simulator.TornBytes), 200, "", false, tornText},
		{"torn characters, surrogates", tornReply(simulator.TornSurrogates), 200, "", false, tornText},
		{"no [DONE]", simulator.Reply{Text: text, NoDone: true}, 200, "", false, text},
		{"no record", simulator.Reply{Text: text, NoObject: true}, 200, "", false, text},
		{"longer aiText", simulator.Reply{Text: text, AIText: &longer}, 200, "", false, longer},
		{"other aiText", simulator.Reply{Text: text, AIText: &other}, 200, "", false, text},
		{"no usage", simulator.Reply{Text: text, NoUsage: true}, 200, "", false, text},
		{"CRLF, no space", simulator.Reply{Text: text, CRLF: true, Tight: true}, 200, "", false, text},
		{"junk and patches", simulator.Stream(simulator.Comment("x"), simulator.Raw("data: {junk\n\n"), simulator.Stats(7), simulator.Deltas(text), simulator.CloseFrame(), simulator.Object(), simulator.Done()), 200, "", false, text},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			sim := simulator.New(simulator.Options{})
			url := serve(t, sim, func(s *config.Settings) {
				s.FirstEventTimeout, s.IdleTimeout = 300*time.Millisecond, 300*time.Millisecond
			})
			sim.OnTurn(func(simulator.Turn) *simulator.Reply { return &tc.reply })

			status, body := ask(t, url, `{"model":"gpt-5.1-high","messages":[{"role":"user","content":"hi"}]}`)
			if status != tc.status || errorCode(body) != tc.code {
				t.Errorf("whole answer = %d %s, want %d %q", status, body, tc.status, tc.code)
			}
			if got := contentOf(body); tc.code == "" && got != tc.want {
				t.Errorf("whole answer = %q, want %q", got, tc.want)
			}

			status, body = ask(t, url, `{"model":"gpt-5.1-high","stream":true,"messages":[{"role":"user","content":"hi"}]}`)
			checkStream(t, status, body, tc.status, tc.code, tc.mid, tc.want)
		})
	}
}

const tornText = "caf\u00e9, 你好, 🙂🙂 and more"

// tornReply sends a text in frames that end inside its characters.
func tornReply(how simulator.Tearing) simulator.Reply {
	return simulator.Stream(simulator.Torn(tornText, how), simulator.Object(), simulator.Done())
}

// The server stops reading a platform that sends endless data without an answer, before any timeout: while the client
// waits and after it has left.
func TestFlood(t *testing.T) {
	for _, unit := range []string{
		simulator.EmptyDelta, simulator.EmptyPatch, simulator.UnknownFrame, simulator.JunkFrame, simulator.KeepAlive,
	} {
		sim := simulator.New(simulator.Options{})
		url := serve(t, sim, nil)
		sim.OnTurn(func(simulator.Turn) *simulator.Reply {
			return new(simulator.Stream(simulator.Deltas("half"), simulator.Flood(unit, 0)))
		})
		body := `{"model":"gpt-5.1-high","stream":true,"messages":[{"role":"user","content":"hi"}]}`
		status, got := ask(t, url, body)
		checkStream(t, status, got, 502, "backend_error", true, "")

		ctx, leave := context.WithCancel(t.Context())
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/v1/chat/completions", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		leave()
		res.Body.Close()
		ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
		defer stop()
		if err := sim.Await(ctx, func() bool { return len(sim.Turns()) == 2 && sim.InFlight() == 0 }); err != nil {
			t.Errorf("platform has %[2]d answers in progress after a flood of %[1]q, want 0", unit, sim.InFlight())
		}
	}
}

// checkStream checks the status, the text and the error of a streamed answer.
func checkStream(t *testing.T, status int, body string, wantStatus int, code string, mid bool, want string) {
	t.Helper()
	switch {
	case code == "":
		if status != 200 || streamedText(body) != want || !strings.HasSuffix(body, "data: [DONE]\n\n") || !strings.Contains(body, `"finish_reason":"stop"`) {
			t.Errorf("streamed answer = %d %q, want the whole text %q", status, body, want)
		}
	case !mid:
		if status != wantStatus || errorCode(body) != code {
			t.Errorf("streamed answer = %d %s, want %d %q", status, body, wantStatus, code)
		}
	default:
		events := strings.Split(strings.TrimSuffix(body, "\n\n"), "\n\n")
		last := strings.TrimPrefix(events[len(events)-1], "data: ")
		if status != 200 || errorCode(last) != code {
			t.Errorf("streamed answer = %d with the end %s, want an error event %q", status, last, code)
		}
		if strings.Contains(body, "[DONE]") || strings.Contains(body, `"finish_reason":"`) || strings.Count(body, `"error"`) != 1 {
			t.Errorf("failed stream = %q, want no regular end", body)
		}
	}
	if strings.Contains(body, "HttpCode") || strings.Contains(body, "request id:") || strings.Contains(body, `"uid"`) {
		t.Errorf("answer = %q, want no message of the platform", body)
	}
}

func ask(t *testing.T, url, body string) (int, string) {
	t.Helper()
	res, got := exchange(t, http.MethodPost, url+"/v1/chat/completions", body)
	return res.StatusCode, got
}

func errorCode(body string) string {
	var v struct{ Error struct{ Code string } }
	_ = json.Unmarshal([]byte(body), &v)
	return v.Error.Code
}

type choices struct {
	Choices []struct{ Message, Delta struct{ Content string } }
}

func contentOf(body string) string {
	var v choices
	if json.Unmarshal([]byte(body), &v) != nil || len(v.Choices) == 0 {
		return ""
	}
	return v.Choices[0].Message.Content
}

func streamedText(body string) string {
	var text bytes.Buffer
	for event := range strings.SplitSeq(body, "\n\n") {
		var v choices
		if json.Unmarshal([]byte(strings.TrimPrefix(event, "data: ")), &v) == nil && len(v.Choices) > 0 {
			fmt.Fprint(&text, v.Choices[0].Delta.Content)
		}
	}
	return text.String()
}

// When one of several choices has failed, a repetition asks the platform only for that one.
func TestRepeatAsksForWhatIsMissing(t *testing.T) {
	for name, headers := range map[string][]string{"an SDK's retry": {"X-Stainless-Retry-Count", "1"}, "a key": {"Idempotency-Key", "k1"}} {
		t.Run(name, func(t *testing.T) {
			sim := simulator.New(simulator.Options{})
			url := serve(t, sim, nil)
			sim.Script(simulator.Say("one"), simulator.Fail("上游异常提示(HttpCode:503)：busy"), simulator.Say("two"))
			const body = `{"model": "gpt-5.1-high", "n": 2, "messages": [{"role": "user", "content": "hi"}]}`
			first := headers
			if headers[0] != "Idempotency-Key" {
				first = nil
			}
			if got := send(t, url, body, first...); got.status != http.StatusServiceUnavailable {
				t.Fatalf("first answer = %d %s, want 503", got.status, got.body)
			}
			got := send(t, url, body, headers...)
			if got.status != http.StatusOK || len(got.Choices) != 2 {
				t.Fatalf("second answer = %d %s, want two choices", got.status, got.body)
			}
			texts := []string{*got.Choices[0].Message.Content, *got.Choices[1].Message.Content}
			slices.Sort(texts)
			if !slices.Equal(texts, []string{"one", "two"}) {
				t.Errorf("choices = %q, want one and two", texts)
			}
			if n := len(sim.Turns()); n != 3 {
				t.Errorf("platform got %d questions, want 3", n)
			}
		})
	}
}
