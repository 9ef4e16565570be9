package demo

import (
	"regexp"
	"strings"

	"achuan/internal/lazyregexp"
)

// intent is a kind of question that the chat partner understands.
type intent struct {
	re     func() *regexp.Regexp
	answer func(c *chatContext, match []string) string
}

func (in intent) match(text string) []string { return in.re().FindStringSubmatch(text) }

// intents are tried in this order against the question in lower case.
var intents = []intent{
	{lazyregexp.New(`what(?:'s| is) my name|what my name is|who am i\b|(?:remember|know|say) my name|what am i called|` +
		`我(?:的名字)?(?:叫|是)(?:什么|啥|谁)|我的名字(?:呢|吗)|记得我(?:的名字|叫)`), recallTopic(topicName)},
	{lazyregexp.New(`where (?:do i live|am i from|is my home)|我(?:住在?|来自|家在)哪`), recallTopic(topicHome)},
	{lazyregexp.New(`how old am i|我(?:今年)?(?:多大|几岁|多少岁)`), recallTopic(topicAge)},
	{lazyregexp.New(`what do i (?:like|love|enjoy)|我(?:最)?(?:喜欢|爱)(?:什么|啥|吃什么|喝什么)`), recallTopic(topicLike)},
	{lazyregexp.New(`(?:system |your |the )(?:prompt|instructions)\b|系统提示|提示词|系统消息|你的(?:设定|指令)`), (*chatContext).quotePrompt},
	{lazyregexp.New(`how many (?:turns|messages|questions|times)|which turn|turn number|count (?:the|our|my) |` +
		`第几|几轮|多少轮|多少条|几条|几次|多少次|几个问题`), (*chatContext).answerCount},
	{lazyregexp.New(`what did i (?:just |last )?(?:say|ask|write)|my (?:last|previous) (?:message|question)|` +
		`我(?:刚才|刚刚|上次|上一句|之前)(?:都)?(?:说|问)`), (*chatContext).answerLast},
	{lazyregexp.New(`what (?:do you (?:know|remember)|have i (?:told|said)|did i tell)|(?:know|remember) about me|list (?:what|everything|all)|` +
		`我(?:都)?(?:告诉过?你?|说过|说了)(?:些|了)?(?:什么|啥|哪)|你(?:都)?(?:记得|知道|记住)(?:了)?(?:些|关于我|我的)?(?:什么|啥|哪些)|列出|总结`), (*chatContext).answerAll},
	{lazyregexp.New(`(?:what|who)(?:'s| is| are) my (\p{L}[\p{L} ]{1,30}?)(?:'s name| called)?\s*\?|我的([\p{Han}a-z]{1,12}?)(?:是|叫)(?:什么|谁|多少|哪|啥)`), (*chatContext).recallSubject},
	{lazyregexp.New(`\b(?:code|program|function|snippet|golang)\b|代码|程序|函数`), (*chatContext).showCode},
	{lazyregexp.New(`\btable\b|表格`), (*chatContext).showTable},
	{lazyregexp.New(`who are you|what are you|你是谁|你是什么`), func(c *chatContext, _ []string) string { return c.introduceSelf() }},
}

// recallTopic returns an answer with the facts of a topic.
func recallTopic(t topic) func(*chatContext, []string) string {
	return func(c *chatContext, _ []string) string {
		facts := c.factsAbout(t)
		if len(facts) == 0 {
			return c.answerUnknown()
		}
		return c.listFacts(facts, c.localize("You told me: ", "你告诉过我："))
	}
}

func (c *chatContext) recallSubject(match []string) string {
	about := strings.TrimSpace(match[1] + match[2])
	for _, f := range c.facts {
		if f.topic == topicOther && f.subject == about {
			return c.listFacts([]fact{f}, c.localize("You told me: ", "你告诉过我："))
		}
	}
	return c.answerUnknown()
}

func (c *chatContext) answerUnknown() string {
	return c.localize(
		"You have not told me yet, at least not in what I can see of this session. Tell me, and ask again later.",
		"你还没有告诉我，至少在这个会话中我能看到的内容里没有。告诉我之后可以再来问。")
}

// listFacts words one fact in the same sentence as the intro, and several as a list below it.
func (c *chatContext) listFacts(facts []fact, intro string) string {
	if len(facts) == 1 {
		return intro + c.describeFact(facts[0]) + c.localize(".", "。")
	}
	var b strings.Builder
	b.WriteString(strings.TrimRight(intro, " ") + "\n")
	for _, f := range facts {
		b.WriteString("\n- " + c.describeFact(f))
	}
	return b.String()
}

func (c *chatContext) quotePrompt([]string) string {
	if c.prompt == "" {
		return c.localize("I was given no system prompt in this session, apart from what the platform puts there itself.",
			"这个会话没有收到系统提示词，只有平台自带的预设。")
	}
	return c.localize("Yes, I have a system prompt of %d characters. It begins:\n\n> %s",
		"有的，我收到了一段 %d 个字符的系统提示词，开头是：\n\n> %s", len([]rune(c.prompt)), shorten(c.prompt, 200))
}

func (c *chatContext) answerCount([]string) string {
	return c.localize("This is message **%d** of yours in this session. I can see %d of them.",
		"这是你在本会话中的第 **%d** 条消息，我能看到其中的 %d 条。", c.messageNumber(), len(c.userTexts))
}

func (c *chatContext) answerLast([]string) string {
	if len(c.userTexts) < 2 {
		return c.localize("This is the first thing you say in this session.", "这是你在本会话中说的第一句话。")
	}
	return c.localize("Before this you said:\n\n> %s", "在这之前你说的是：\n\n> %s", shorten(c.userTexts[len(c.userTexts)-2], 200))
}

func (c *chatContext) answerAll([]string) string {
	var b strings.Builder
	if len(c.facts) > 0 {
		b.WriteString(c.listFacts(c.facts, c.localize("What I know of you: ", "我对你的了解：")) + "\n\n")
	}
	earlier := c.userTexts[:len(c.userTexts)-1]
	if len(earlier) == 0 {
		b.WriteString(c.localize("There is nothing before this message.", "在这条消息之前没有别的内容。"))
		return b.String()
	}
	b.WriteString(c.localize("What you said so far:\n", "到目前为止你说过：\n"))
	for i, text := range earlier[max(len(earlier)-20, 0):] {
		b.WriteString(c.localize("\n%d. %s", "\n%d. %s", i+1, shorten(text, 80)))
	}
	return b.String()
}
