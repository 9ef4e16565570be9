package simulator

import (
	"regexp"
	"strings"
)

// intent is something that the chat partner understands.
type intent struct {
	re     *regexp.Regexp
	answer func(h *hearing, match []string) string
}

func (in intent) match(text string) []string { return in.re.FindStringSubmatch(text) }

// intents are tried in order on the lower-cased question.
var intents = []intent{
	{regexp.MustCompile(`what(?:'s| is) my name|what my name is|who am i\b|(?:remember|know|say) my name|what am i called|` +
		`我(?:的名字)?(?:叫|是)(?:什么|啥|谁)|我的名字(?:呢|吗)|记得我(?:的名字|叫)`), recall(topicName)},
	{regexp.MustCompile(`where (?:do i live|am i from|is my home)|我(?:住在?|来自|家在)哪`), recall(topicHome)},
	{regexp.MustCompile(`how old am i|我(?:今年)?(?:多大|几岁|多少岁)`), recall(topicAge)},
	{regexp.MustCompile(`what do i (?:like|love|enjoy)|我(?:最)?(?:喜欢|爱)(?:什么|啥|吃什么|喝什么)`), recall(topicLike)},
	{regexp.MustCompile(`(?:system |your |the )(?:prompt|instructions)\b|系统提示|提示词|系统消息|你的(?:设定|指令)`), (*hearing).quotePrompt},
	{regexp.MustCompile(`how many (?:turns|messages|questions|times)|which turn|turn number|count (?:the|our|my) |` +
		`第几|几轮|多少轮|多少条|几条|几次|多少次|几个问题`), (*hearing).tellCount},
	{regexp.MustCompile(`what did i (?:just |last )?(?:say|ask|write)|my (?:last|previous) (?:message|question)|` +
		`我(?:刚才|刚刚|上次|上一句|之前)(?:都)?(?:说|问)`), (*hearing).tellLast},
	{regexp.MustCompile(`what (?:do you (?:know|remember)|have i (?:told|said)|did i tell)|(?:know|remember) about me|list (?:what|everything|all)|` +
		`我(?:都)?(?:告诉过?你?|说过|说了)(?:些|了)?(?:什么|啥|哪)|你(?:都)?(?:记得|知道|记住)(?:了)?(?:些|关于我|我的)?(?:什么|啥|哪些)|列出|总结`), (*hearing).tellAll},
	{regexp.MustCompile(`(?:what|who)(?:'s| is| are) my (\p{L}[\p{L} ]{1,30}?)(?:'s name| called)?\s*\?|我的([\p{Han}a-z]{1,12}?)(?:是|叫)(?:什么|谁|多少|哪|啥)`), (*hearing).recallOther},
	{regexp.MustCompile(`\b(?:code|program|function|snippet|golang)\b|代码|程序|函数`), (*hearing).showCode},
	{regexp.MustCompile(`\btable\b|表格`), (*hearing).showTable},
	{regexp.MustCompile(`who are you|what are you|你是谁|你是什么`), func(h *hearing, _ []string) string { return h.introduce() }},
}

// recall answers with what is known of a topic.
func recall(t topic) func(*hearing, []string) string {
	return func(h *hearing, _ []string) string {
		facts := h.known(t)
		if len(facts) == 0 {
			return h.unknown()
		}
		return h.list(facts, h.say("You told me: ", "你告诉过我："))
	}
}

func (h *hearing) recallOther(match []string) string {
	about := strings.TrimSpace(match[1] + match[2])
	for _, f := range h.facts {
		if f.topic == topicOther && f.about == about {
			return h.list([]fact{f}, h.say("You told me: ", "你告诉过我："))
		}
	}
	return h.unknown()
}

func (h *hearing) unknown() string {
	return h.say("You have not told me yet, at least not in what I can see of this session. Tell me, and ask again later.",
		"你还没有告诉我，至少在这个会话中我能看到的内容里没有。告诉我之后可以再来问。")
}

// list says one fact in the sentence, several below it.
func (h *hearing) list(facts []fact, intro string) string {
	if len(facts) == 1 {
		return intro + h.sentence(facts[0]) + h.say(".", "。")
	}
	var b strings.Builder
	b.WriteString(strings.TrimRight(intro, " ") + "\n")
	for _, f := range facts {
		b.WriteString("\n- " + h.sentence(f))
	}
	return b.String()
}

func (h *hearing) quotePrompt([]string) string {
	if h.prompt == "" {
		return h.say("I was given no system prompt in this session, apart from what the platform puts there itself.",
			"这个会话没有收到系统提示词，只有平台自带的预设。")
	}
	return h.say("Yes, I have a system prompt of %d characters. It begins:\n\n> %s",
		"有的，我收到了一段 %d 个字符的系统提示词，开头是：\n\n> %s", len([]rune(h.prompt)), shorten(h.prompt, 200))
}

func (h *hearing) tellCount([]string) string {
	return h.say("This is message **%d** of yours in this session. I can see %d of them.",
		"这是你在本会话中的第 **%d** 条消息，我能看到其中的 %d 条。", h.count(), len(h.said))
}

func (h *hearing) tellLast([]string) string {
	if len(h.said) < 2 {
		return h.say("This is the first thing you say in this session.", "这是你在本会话中说的第一句话。")
	}
	return h.say("Before this you said:\n\n> %s", "在这之前你说的是：\n\n> %s", shorten(h.said[len(h.said)-2], 200))
}

func (h *hearing) tellAll([]string) string {
	var b strings.Builder
	if len(h.facts) > 0 {
		b.WriteString(h.list(h.facts, h.say("What I know of you: ", "我对你的了解：")) + "\n\n")
	}
	earlier := h.said[:len(h.said)-1]
	if len(earlier) == 0 {
		b.WriteString(h.say("There is nothing before this message.", "在这条消息之前没有别的内容。"))
		return b.String()
	}
	b.WriteString(h.say("What you said so far:\n", "到目前为止你说过：\n"))
	for i, text := range earlier[max(len(earlier)-20, 0):] {
		b.WriteString(h.say("\n%d. %s", "\n%d. %s", i+1, shorten(text, 80)))
	}
	return b.String()
}
