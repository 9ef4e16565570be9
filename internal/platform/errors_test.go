package platform

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"achuan/internal/chat"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// The errors that the tables below expect, without message and cause.
var (
	wantAuth   = chat.Error{Kind: chat.KindBackend, Code: chat.CodeBackendAuth}
	wantFailed = chat.Error{Kind: chat.KindBackend, Code: chat.CodeBackendError}
	wantRate   = chat.Error{
		Kind: chat.KindRateLimit, Code: chat.CodeRateLimitExceeded, RetryAfter: 5 * time.Second,
	}
	wantQuota       = chat.Error{Kind: chat.KindQuota, Code: chat.CodeInsufficientQuota}
	wantUnavailable = chat.Error{Kind: chat.KindUnavailable, Code: chat.CodeBackendUnavailable}
	wantTimeout     = chat.Error{Kind: chat.KindTimeout, Code: chat.CodeBackendTimeout}
	wantModel       = chat.Error{Kind: chat.KindInvalid, Code: chat.CodeModelNotFound, Param: "model"}
	wantFilter      = chat.Error{Kind: chat.KindInvalid, Code: chat.CodeContentFilter}
	wantLength      = chat.Error{Kind: chat.KindInvalid, Code: chat.CodeContextLengthExceeded, TextTooLong: true}
	wantEffort      = chat.Error{Kind: chat.KindInvalid, Code: chat.CodeUnsupportedParameter, Param: "reasoning_effort"}
	wantFile        = chat.Error{Kind: chat.KindInvalid, Code: chat.CodeInvalidFile}
	wantLost        = chat.Error{Kind: chat.KindNotFound, Code: chat.CodeSessionNotFound, SessionLost: true}
)

// wantContext is the error of a provider whose context is full, with the numbers of tokens that it gave.
func wantContext(tokens, maxTokens int) chat.Error {
	return chat.Error{
		Kind: chat.KindInvalid, Code: chat.CodeContextLengthExceeded, Tokens: tokens, MaxTokens: maxTokens,
	}
}

func wantRateAfter(d time.Duration) chat.Error {
	e := wantRate
	e.RetryAfter = d
	return e
}

const (
	jsonType   = "application/json; charset=utf-8"
	eventsType = "text/event-stream; charset=utf-8"
)

// Every reply that is no stream. All are errors of a question that was not asked,
// except where the time ran out at the other side, and where a proxy may have
// replied in place of the platform.
func TestRefusals(t *testing.T) {
	html := "<!DOCTYPE html><html><title>502</title>请先登录</html>"
	for _, tt := range []struct {
		name              string
		status            int
		contentType, body string
		retryAfter        string
		want              chat.Error
		unsure            bool // whether the platform worked on it
	}{
		{name: "login: HTTP 401", status: 401, contentType: jsonType, body: `{"code":1,"msg":"x"}`, want: wantAuth},
		{name: "login: HTTP 401 without a body", status: 401, want: wantAuth},
		{name: "login: HTTP 401 as HTML", status: 401, contentType: "text/html", body: html, want: wantAuth},
		{name: "login: code 2", status: 200, contentType: jsonType, body: `{"code":2,"data":null,"msg":"请先登录"}`, want: wantAuth},
		{name: "login: code 2 without a text", status: 200, contentType: jsonType, body: `{"code":2,"data":null,"msg":""}`, want: wantAuth},
		{name: "login: code 2 as a string", status: 200, contentType: jsonType, body: `{"code":"2"}`, want: wantAuth},
		{name: "login: code 2 with another status", status: 400, contentType: jsonType, body: `{"code":2}`, want: wantAuth},
		{name: "login: code -2", status: 200, contentType: jsonType, body: `{"code":-2,"data":null,"msg":"账号未激活"}`, want: wantAuth},
		{name: "login: code 1001", status: 200, contentType: jsonType, body: `{"code":1001,"data":null,"msg":"授权登陆已过期，请重新登陆"}`, want: wantAuth},
		{name: "login: words, over", status: 200, contentType: jsonType, body: `{"code":1,"data":null,"msg":"登录已过期"}`, want: wantAuth},
		{name: "login: words, again", status: 200, contentType: jsonType, body: `{"code":1,"data":null,"msg":"请重新登陆"}`, want: wantAuth},
		{name: "login: words under err", status: 200, contentType: jsonType, body: `{"code":7,"err":"请先登录","msg":"x"}`, want: wantAuth},
		{name: "login words alone are none", status: 200, contentType: jsonType, body: `{"code":1,"data":null,"msg":"登录人数过多"}`, want: wantFailed},
		{name: "a provider's 401 is not ours", status: 200, contentType: jsonType, body: `{"code":1,"msg":"上游异常提示(HttpCode:401)：Invalid API Key, 请先登录"}`, want: wantFailed},

		{name: "rate limit", status: 429, contentType: jsonType, body: `{"code":1,"msg":"x"}`, want: wantRate},
		{name: "rate limit, seconds", status: 429, retryAfter: "17", want: wantRateAfter(17 * time.Second)},
		{name: "rate limit, too long", status: 429, retryAfter: "3600", want: wantRateAfter(60 * time.Second)},
		{name: "rate limit, none", status: 429, retryAfter: "0", want: wantRateAfter(time.Second)},
		{name: "rate limit, negative", status: 429, retryAfter: "-5", want: wantRateAfter(time.Second)},
		{name: "rate limit, nonsense", status: 429, retryAfter: "soon", want: wantRate},
		{name: "rate limit, date", status: 429, retryAfter: "Tue, 01 Jan 2999 00:00:00 GMT", want: wantRateAfter(60 * time.Second)},
		{name: "rate limit, date gone by", status: 429, retryAfter: "Sat, 01 Jan 2000 00:00:00 GMT", want: wantRateAfter(time.Second)},
		{name: "rate limit: code 429", status: 200, contentType: jsonType, body: `{"code":429,"msg":"x"}`, want: wantRate},

		{name: "HTTP 503", status: 503, contentType: "text/html", body: html, want: wantUnavailable, unsure: true},
		{name: "HTTP 504", status: 504, contentType: "text/html", body: html, want: wantTimeout},
		{name: "HTTP 524", status: 524, contentType: "text/html", body: html, want: wantTimeout},
		{name: "HTTP 413", status: 413, contentType: "text/html", body: html, want: wantLength},
		{name: "HTTP 400", status: 400, contentType: jsonType, body: `{"code":1,"msg":"参数错误"}`, want: wantFailed},
		{name: "HTTP 403", status: 403, contentType: "text/html", body: html, want: wantFailed, unsure: true},
		{name: "HTTP 404", status: 404, contentType: "text/plain", body: "404 page not found", want: wantFailed, unsure: true},
		{name: "HTTP 500 without a body", status: 500, want: wantFailed, unsure: true},
		{name: "HTTP 500 with an envelope", status: 500, contentType: jsonType, body: `{"code":1,"msg":"套餐余量不足"}`, want: wantQuota},
		{name: "HTTP 502", status: 502, contentType: "text/html", body: html, want: wantFailed, unsure: true},
		{name: "HTTP 500 as a stream", status: 500, contentType: eventsType, body: deltaEvent("a") + doneEvent, want: wantFailed, unsure: true},
		{name: "HTTP 204", status: 204, want: wantFailed, unsure: true},
		{name: "HTTP 207", status: 207, contentType: jsonType, body: `{"code":0,"data":{"msg":"失败"}}`, want: wantFailed},
		{name: "HTTP 207, text inside data", status: 207, contentType: jsonType, body: `{"code":1,"data":{"data":{"msg":"对话不存在"}}}`, want: wantLost},
		{name: "HTTP 207 with code 0, text inside data", status: 207, contentType: jsonType, body: `{"code":0,"data":{"msg":"套餐余量不足"},"msg":""}`, want: wantQuota},
		{name: "HTTP 207 without a code", status: 207, contentType: jsonType, body: `{"data":{"data":{"msg":"对话不存在"}}}`, want: wantLost, unsure: true},
		{name: "HTTP 400 without a code", status: 400, contentType: jsonType, body: `{"msg":"登录已过期，请重新登录"}`, want: wantAuth, unsure: true},
		{name: "HTTP 207 of success", status: 207, contentType: jsonType, body: `{"code":0,"data":{"aiText":"hi"},"msg":""}`, want: wantFailed},
		{name: "a text without a code under success", status: 200, contentType: jsonType, body: `{"msg":"套餐余量不足"}`, want: wantFailed, unsure: true},
		{name: "redirect", status: 302, contentType: "text/html", body: html, want: wantFailed, unsure: true},
		{name: "redirect that keeps the method", status: 307, want: wantFailed, unsure: true},

		{name: "HTML", status: 200, contentType: "text/html; charset=utf-8", body: html, want: wantFailed, unsure: true},
		{name: "plain text", status: 200, contentType: "text/plain; charset=utf-8", body: "系统繁忙", want: wantFailed},
		{name: "plain text: points", status: 200, contentType: "text/plain", body: "套餐余量不足", want: wantQuota},
		{name: "plain text: filter", status: 200, contentType: "text/plain", body: "您的提交内容包含不允许的文本", want: wantFilter},
		{name: "plain text: length", status: 200, contentType: "text/plain", body: "message too long", want: wantLength},
		{name: "plain text: effort", status: 200, contentType: "text/plain", body: "当前模型不支持推理等级配置", want: wantEffort},
		{name: "plain text of a proxy", status: 503, contentType: "text/plain", body: "no healthy upstream", want: wantUnavailable, unsure: true},
		{name: "JSON of a gateway", status: 502, contentType: jsonType, body: `{"message":"bad gateway"}`, want: wantFailed, unsure: true},
		{name: "JSON of a gateway, with a code", status: 502, contentType: jsonType, body: `{"code":502,"message":"bad gateway"}`, want: wantFailed, unsure: true},
		{name: "HTTP 429 as HTML", status: 429, contentType: "text/html", body: html, want: wantRate},
		{name: "unknown type", status: 200, contentType: "application/octet-stream", body: deltaEvent("a") + doneEvent, want: wantFailed, unsure: true},
		{name: "nearly the type", status: 200, contentType: "text/event-streams", body: deltaEvent("a") + doneEvent, want: wantFailed, unsure: true},
		{name: "bad type", status: 200, contentType: ";;;", body: "x", want: wantFailed, unsure: true},
		{name: "JSON that is no envelope", status: 200, contentType: jsonType, body: `{"error":"x"}`, want: wantFailed, unsure: true},
		{name: "JSON cut off", status: 200, contentType: jsonType, body: `{"code":2,`, want: wantFailed, unsure: true},
		{name: "envelope of success", status: 200, contentType: jsonType, body: `{"code":0,"data":{"aiText":"hi"},"msg":""}`, want: wantFailed, unsure: true},
		{name: "envelope of some failure", status: 200, contentType: jsonType, body: `{"code":1,"data":null,"msg":"系统繁忙"}`, want: wantFailed},
		{name: "envelope without a text", status: 200, contentType: jsonType, body: `{"code":1}`, want: wantFailed},
		{name: "envelope: session", status: 200, contentType: jsonType, body: `{"code":1,"data":null,"msg":"对话不存在"}`, want: wantLost},
		{name: "envelope: points", status: 200, contentType: jsonType, body: `{"code":1,"data":null,"msg":"套餐余量不足，请购买"}`, want: wantQuota},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := startPlatform(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Location", "/elsewhere")
				if tt.retryAfter != "" {
					w.Header().Set("Retry-After", tt.retryAfter)
				}
				replyWith(tt.status, tt.contentType, tt.body)(w, r)
			})
			_, err := askAndCollect(t, c)
			want := tt.want
			want.NotAsked = want.Kind != chat.KindTimeout && !tt.unsure
			want.MaybeAsked = tt.unsure
			checkError(t, err, want)
			wantCall := want
			if tt.status == 200 && tt.body != "" && strings.Contains(tt.body, `"code":0`) {
				return // what no stream is may well be a reply to a call
			}
			checkError(t, c.DeleteSession(t.Context(), 7), wantCall)
		})
	}
}

// checkError compares an error with the wanted one, and checks that its message suits a client.
func checkError(t *testing.T, err error, want chat.Error) {
	t.Helper()
	e, ok := errors.AsType[*chat.Error](err)
	if !ok {
		t.Fatalf("error = %v, want a *chat.Error with code %s", err, want.Code)
	}
	if diff := cmp.Diff(want, *e, cmpopts.IgnoreFields(chat.Error{}, "Message", "Cause")); diff != "" {
		t.Errorf("error %v (-want +got):\n%s", e, diff)
	}
	if e.Message == "" || e.Cause == nil || strings.ContainsFunc(e.Message, func(r rune) bool { return r > '~' }) {
		t.Errorf("message = %q, cause = %v, want an ASCII message and a cause", e.Message, e.Cause)
	}
}

// Every error inside a stream, before any text and after some.
func TestErrorFrames(t *testing.T) {
	for _, tt := range []struct {
		name  string
		frame string // payload; a bare text is one with code 1
		want  chat.Error
		// whether the platform says so before it works on a question
		refused bool
	}{
		{"session", "对话不存在", wantLost, true},
		{"content filter", "您的提交内容包含不允许的文本，请修改", wantFilter, true},
		{"points", "套餐余量不足", wantQuota, true},
		{"effort", "当前模型不支持推理等级配置", wantEffort, true},
		{"length", "消息内容过长，请缩短后重试", wantLength, true},
		{"length, English", "message too long", wantLength, true},
		{"length, provider", "上游异常提示(HttpCode:400)：400 - This model's maximum context length is 8192 tokens", wantContext(0, 0), true},
		{
			"length, Anthropic", "Anthropic 异常(HttpCode:400): prompt is too long: 203456 tokens > 200000 maximum",
			wantContext(203456, 200000), true,
		},
		{
			"length, OpenAI", "上游异常提示(HttpCode:400)：400 - This model's maximum context length is 8192 tokens. " +
				"However, your messages resulted in 9000 tokens. (context_length_exceeded)", wantContext(9000, 8192), true,
		},
		{
			"length, Google", "上游异常提示(HttpCode:400)：400 - The input token count (1200000) exceeds the maximum number of tokens " +
				"allowed (1048576): too many tokens", wantContext(1200000, 1048576), true,
		},
		{"not about length", "等待时间过长，请稍后重试", wantFailed, false},
		{"file type", "Anthropic 异常(HttpCode:400): messages.0.content.0.image.source.base64.media_type: Input should be", wantFile, true},
		{"file name", "文件【picture】名称不合法", wantFile, true},
		{"provider 400", "上游异常提示(HttpCode:400)：400 - subscription expired(request id: 2026)", wantFailed, false},
		{"provider 401", "上游异常提示(HttpCode:401)：401 - Invalid API Key(request id: 2026)", wantFailed, false},
		{"provider 401, with login words", "上游异常提示(HttpCode:401)：登录已过期，请重新登录", wantFailed, false},
		{"provider 403", "上游异常提示(HttpCode:403)：403 - no access to model", wantFailed, false},
		{"provider 404", "上游异常提示(HttpCode:404)：404 - The model does not exist or you do not have access", wantModel, false},
		{"provider 429", "上游异常提示(HttpCode:429)：429 - Rate limit reached(request id: 2026)", wantRate, true},
		{"provider 500", "上游异常提示(HttpCode:500)：500 - oops", wantFailed, false},
		{"provider 502", "上游异常提示(HttpCode：502)：502 - bad gateway", wantFailed, false},
		{"provider 503", "上游异常提示(HttpCode:503)：503 - 分组 default 下模型 x 无可用渠道", wantUnavailable, false},
		{"provider 504", "上游异常提示(HttpCode: 504)：gateway timeout", wantTimeout, false},
		{"provider 524", "上游异常提示(HttpCode:524)：524 - openai_error", wantTimeout, false},
		{"model, without a status", "The model `x` does not exist or you do not have access to it", wantModel, false},
		{"model, no access", "no access to this model", wantModel, false},
		{"something else", "系统繁忙", wantFailed, false},
		{"login", "请先登录", wantAuth, true},

		{"code 429", `{"id":"1","type":"string","data":null,"code":429,"err":"请稍后"}`, wantRate, true},
		{"code 2", `{"id":"1","type":"string","data":null,"code":2,"err":""}`, wantAuth, true},
		{"code as a string", `{"data":null,"code":"1","err":"对话不存在"}`, wantLost, true},
		{"text under msg", `{"data":null,"code":1,"msg":"对话不存在"}`, wantLost, true},
		{"err before msg", `{"data":null,"code":1,"msg":"对话不存在","err":"套餐余量不足"}`, wantQuota, true},
		{"text beside data", `{"data":"half","code":1,"err":"对话不存在"}`, wantLost, true},
		{"no text", `{"code":5}`, wantFailed, false},
		{"text of another kind", `{"code":5,"err":{"a":1},"msg":7}`, wantFailed, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			frame := errorEvent(1, tt.frame)
			if strings.HasPrefix(tt.frame, "{") {
				frame = sseEvent(tt.frame)
			}
			want := tt.want
			want.EndSeen = true
			want.NotAsked = tt.refused
			checkError(t, errorOf(askAndCollect(t, startPlatform(t, replyWith(200, eventsType, ": hi\n\n"+deltaEvent("")+frame+doneEvent)))), want)
			want.NotAsked, want.SessionLost = false, false
			for _, before := range []string{deltaEvent("a"), deltaEvent("<think>"), recordEvent("")} {
				c := startPlatform(t, replyWith(200, eventsType, before+frame+doneEvent))
				checkError(t, errorOf(askAndCollect(t, c)), want)
			}
		})
	}
}

func errorOf(_ collectedAnswer, err error) error { return err }

// The platform's text goes only into the log, shortened and without secrets.
func TestCauseHasNoSecrets(t *testing.T) {
	other := "eyJhbGciOiJub25lIn0.eyJ1c2VySWQiOjd9.c2ln"
	said := "provider x: token " + testToken + ", Bearer " + other + " refused\nsecond line " + strings.Repeat("长", 10_000)
	for name, h := range map[string]http.HandlerFunc{
		"plain":    replyWith(500, "text/plain", said),
		"envelope": replyWith(200, jsonType, `{"code":1,"msg":`+quoteJSON(said)+`}`),
		"frame":    replyWith(200, eventsType, sseEvent(`{"code":1,"err":`+quoteJSON(said)+`}`)),
	} {
		_, err := askAndCollect(t, startPlatform(t, h))
		e := chat.AsError(err)
		if strings.Contains(e.Message, "provider") {
			t.Errorf("%s: public message = %q, want none of the platform's text", name, e.Message)
		}
		logged := e.Error()
		if !strings.Contains(logged, "provider x") || strings.Contains(logged, "eyJ") || strings.Contains(logged, "\n") || len(logged) > 600 {
			t.Errorf("%s: log text = %s, want a short line without secrets", name, logged)
		}
	}
	_, err := askAndCollect(t, startPlatform(t, replyWith(200, jsonType, `{"code":0,"data":{"aiText":"a private answer"}}`)))
	if strings.Contains(err.Error(), "private") {
		t.Errorf("log text = %v, want no content", err)
	}
}

func quoteJSON(s string) string {
	b, err := encode(s)
	if err != nil {
		return err.Error()
	}
	return string(b)
}
