package platform

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"achuan/internal/chat"
)

// failure is one way in which the platform fails. The message is for clients and says what they
// can do. The platform's own text may name providers and requests, so it goes into the private
// cause.
type failure struct {
	kind          chat.Kind
	code          chat.Code
	param         string
	message       string
	isRefusal     bool // the platform refuses before it works on a question
	isSessionLost bool // the platform does not know the session
	isTextTooLong bool // the platform, not the model's provider, takes no text of this length
}

var (
	loginRefused = failure{kind: chat.KindBackend, code: chat.CodeBackendAuth, isRefusal: true,
		message: "The platform does not accept this server's login. Its operator has to renew ACHUAN_JWT."}
	rateLimited = failure{kind: chat.KindRateLimit, code: chat.CodeRateLimitExceeded, isRefusal: true,
		message: "The platform takes no more requests at the moment. Try again in a while."}
	pointsUsedUp = failure{kind: chat.KindQuota, code: chat.CodeInsufficientQuota, isRefusal: true,
		message: "The platform account has no points left. Its owner has to add some or wait for new ones."}
	unavailable = failure{kind: chat.KindUnavailable, code: chat.CodeBackendUnavailable,
		message: "The platform cannot serve this model at the moment. Try again later or use another model."}
	timedOut = failure{kind: chat.KindTimeout, code: chat.CodeBackendTimeout,
		message: "The platform did not answer in time. Try again."}
	modelGone = failure{kind: chat.KindInvalid, code: chat.CodeModelNotFound, param: "model",
		message: "The platform no longer serves this model. Use another one."}
	contentFiltered = failure{kind: chat.KindInvalid, code: chat.CodeContentFilter, isRefusal: true,
		message: "The platform's content filter refused the text. Reword it."}
	tooMuchText = failure{kind: chat.KindInvalid, code: chat.CodeContextLengthExceeded, isRefusal: true,
		isTextTooLong: true, message: "The text is too long for the platform. Shorten the conversation or the message."}
	effortRefused = failure{kind: chat.KindInvalid, code: chat.CodeUnsupportedParameter, param: "reasoning_effort", isRefusal: true,
		message: "This model takes no reasoning effort. Leave reasoning_effort out."}
	fileRefused = failure{kind: chat.KindInvalid, code: chat.CodeInvalidFile, isRefusal: true,
		message: "The platform refused a file. Give it a name with an extension and its true media type."}
	sessionLost = failure{kind: chat.KindNotFound, code: chat.CodeSessionNotFound, isRefusal: true, isSessionLost: true,
		message: "The platform does not know this session. Start a new one."}
	unreachable = failure{kind: chat.KindBackend, code: chat.CodeBackendUnreachable,
		message: "The platform could not be reached. Try again later."}
	truncated = failure{kind: chat.KindBackend, code: chat.CodeBackendTruncated,
		message: "The platform's answer ended before it was whole. Try again."}
	failed = failure{kind: chat.KindBackend, code: chat.CodeBackendError,
		message: "The platform failed to answer. Try again, or use another model."}
	flooded = failure{kind: chat.KindBackend, code: chat.CodeBackendError,
		message: "The platform sent data without end that was no answer. Try again, or use another model."}
	abandoned = failure{kind: chat.KindInternal, code: chat.CodeInternal,
		message: "The request was given up before its answer was whole."}
)

// statusFailures maps the HTTP statuses with a meaning of their own. Any other is "failed".
var statusFailures = map[int]failure{
	401: loginRefused,
	413: tooMuchText,
	429: rateLimited,
	503: unavailable,
	504: timedOut,
	524: timedOut, // a reverse proxy's timeout
}

// providerFailures maps statuses of a model's provider, which error texts contain as HttpCode. The
// provider's 401 and 403 concern the platform's own keys, never this account.
var providerFailures = map[int]failure{
	401: failed,
	403: failed,
	404: modelGone,
	429: rateLimited,
	503: unavailable,
	504: timedOut,
	524: timedOut,
}

// codeFailures maps the codes of an envelope or a frame that need no text.
var codeFailures = map[integer]failure{
	2:    loginRefused, // not logged in
	-2:   loginRefused, // account not activated
	1001: loginRefused, // login expired
	429:  rateLimited,
}

// textFailures maps words of an error text to failures. The text is in lower case. The first entry
// with any of its words in the text applies.
var textFailures = []struct {
	words []string
	failure
}{
	{[]string{"名称不合法", "media_type", "media type"}, fileRefused},
	{[]string{"对话不存在"}, sessionLost},
	{[]string{"不允许的文本", "content_filter", "content management policy"}, contentFiltered},
	{[]string{"套餐余量不足"}, pointsUsedUp},
	{[]string{"不支持推理等级"}, effortRefused},
	// These are not about length, although they contain words of the next entry.
	{[]string{"时间过长", "时间太长", "耗时过长", "took too long", "taking too long"}, failed},
	{[]string{
		"过长", "太长", "超长", "长度超", "超出长度", "超过长度", "长度限制", "最大长度", "上下文长度", "字数超", "最大字数",
		"too long", "too many tokens", "context_length_exceeded", "context length", "context window", "maximum length",
	}, tooMuchText},
	{[]string{"model does not exist", "model_not_found", "model not found", "no access", "模型不存在"}, modelGone},
}

var (
	httpCode     = regexp.MustCompile(`httpcode\s*[:：]\s*(\d{3})`)
	missingModel = regexp.MustCompile(`model\b[^\n]*\b(does not exist|not have access)`)
)

// classify returns the failure for a code and a text of an envelope or a frame.
func classify(code integer, text string) failure {
	text = strings.ToLower(text)
	if m := httpCode.FindStringSubmatch(text); m != nil {
		status, _ := strconv.Atoi(m[1])
		if f, ok := providerFailures[status]; ok {
			return f
		}
		f := classifyText(text)
		f.isTextTooLong = false
		return f
	}
	if f, ok := codeFailures[code]; ok {
		return f
	}
	if mentionsLogin(text) {
		return loginRefused
	}
	return classifyText(text)
}

func classifyText(text string) failure {
	for _, f := range textFailures {
		if containsAny(text, f.words...) {
			return f.failure
		}
	}
	if missingModel.MatchString(text) {
		return modelGone
	}
	return failed
}

// tokenCounts find the tokens of a request and their maximum in what a model's provider says about a
// request that is too long. The two are in the order of the flag.
var tokenCounts = []struct {
	*regexp.Regexp
	maximumFirst bool
}{
	{regexp.MustCompile(`(\d+) tokens > (\d+) maximum`), false},                                            // Anthropic
	{regexp.MustCompile(`maximum context length is (\d+) tokens[^\d]+(\d+) tokens`), true},                 // OpenAI
	{regexp.MustCompile(`input token count \(?(\d+)\)? exceeds the maximum[^\d]+allowed \(?(\d+)`), false}, // Google
}

// addTokens adds the numbers that a provider gives in an error about the length of a request.
func addTokens(e *chat.Error, text string) {
	if e.Code != chat.CodeContextLengthExceeded {
		return
	}
	text = strings.ToLower(text)
	for _, c := range tokenCounts {
		m := c.FindStringSubmatch(text)
		if m == nil {
			continue
		}
		n, _ := strconv.Atoi(m[1])
		limit, _ := strconv.Atoi(m[2])
		if c.maximumFirst {
			n, limit = limit, n
		}
		if n > limit && limit > 0 {
			e.SetTokens(n, limit)
		}
		return
	}
}

// mentionsLogin reports whether a text says that the login is missing or expired.
func mentionsLogin(text string) bool {
	return containsAny(text, "登录", "登陆") && containsAny(text, "过期", "请先", "重新")
}

func containsAny(s string, words ...string) bool {
	for _, w := range words {
		if strings.Contains(s, w) {
			return true
		}
	}
	return false
}

// defaultRetry is the retry time for clients when the platform gives none. maxRetry limits the
// platform's own.
const (
	defaultRetry = 5 * time.Second
	maxRetry     = 60 * time.Second
)

// withCause returns the error for clients, with a private cause for the log.
func (f failure) withCause(cause error) *chat.Error {
	e := &chat.Error{
		Kind: f.kind, Code: f.code, Param: f.param, Message: f.message, Cause: cause,
		SessionLost: f.isSessionLost, TextTooLong: f.isTextTooLong,
	}
	if f.kind == chat.KindRateLimit {
		e.RetryAfter = defaultRetry
	}
	return e
}
