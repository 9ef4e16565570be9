package demo

import (
	"regexp"
	"slices"
	"strings"

	"achuan/internal/lazyregexp"
)

// fact is something that the user said about themselves. A new fact replaces the old one of its topic, except
// for likes and notes, which accumulate.
type fact struct {
	topic   topic
	subject string // for topicOther: what has the value, such as "dog"
	value   string
}

type topic uint8

const (
	topicName topic = iota
	topicHome
	topicAge
	topicLike
	topicNote
	topicOther
)

func (t topic) accumulates() bool { return t == topicLike || t == topicNote }

// factPattern finds facts in a text. The last group is the value. A group before it is the subject.
type factPattern struct {
	topic topic
	re    func() *regexp.Regexp
}

const englishName = `(\p{L}[\p{L}'’-]*(?: \p{Lu}[\p{L}'’-]*){0,3})`

var factPatterns = []factPattern{
	{topicName, lazyregexp.New(`\b(?i:my name is|my name's|call me|i am called|i'm called) ` + englishName)},
	{topicHome, lazyregexp.New(`\b(?i:i live in|i am from|i'm from|i come from) ((?:the )?\p{L}[\p{L}'’-]*(?: \p{Lu}[\p{L}'’-]*){0,3})`)},
	{topicAge, lazyregexp.New(`\b(?i:i am|i'm) (\d{1,3})\b`)},
	{topicLike, lazyregexp.New(`\b(?i:i (?:really |also )?(?:like|love|enjoy)) ([^.,;!?\n]{1,60})`)},
	{topicNote, lazyregexp.New(`(?i:\b(?:please remember|remember(?: that|:)|note that))[: ]+([^\n]{1,100})`)},
	{topicOther, lazyregexp.New(`\b(?i:my) ((?:favou?rite )?\p{L}+(?:'s name)?) (?i:is|are)(?: called)? ([^.,;!?\n]{1,60})`)},

	{topicName, lazyregexp.New(`(?:我的名字(?:是|叫)|我叫做?|叫我)\s*([\p{Han}A-Za-z·]{1,16})`)},
	{topicHome, lazyregexp.New(`我(?:现在)?(?:住在|来自|家在)\s*([\p{Han}A-Za-z]{1,12})`)},
	{topicAge, lazyregexp.New(`我(?:今年)?\s*(\d{1,3})\s*岁`)},
	{topicLike, lazyregexp.New(`我(?:最|很|也|还)?(?:喜欢|爱)\s*([^，。！？、,.!?\n]{1,20})`)},
	{topicNote, lazyregexp.New(`(?:记住|记一下)[:：，, ]*([^\n]{1,100})`)},
	{topicOther, lazyregexp.New(`我的([\p{Han}A-Za-z]{1,10}?)(?:是|叫)\s*([^，。！？,.!?\n]{1,30})`)},
}

var (
	// questionValue matches a "value" that is part of a question, and questionBefore matches the words before a
	// "fact" that make it a question.
	questionValue  = lazyregexp.New(`^(?i:what|who|which|where|not|a|an|the|please|again)$|^(?:什么|啥|谁|哪|多少|几|不|你)|[吗嘛呢]$`)
	questionBefore = lazyregexp.New(`(?i:\b(?:what|who|where|which|do|does|did|if|whether|is|can|you)) $|(?:知道|记得)$`)

	// valueEnd and chineseNameEnd match what follows the value in the same clause.
	valueEnd       = lazyregexp.New(`(?i: (?:and|but|so|because) (?:i|my|what|who|please)\b.*$)|(?:就好|就行|吧|啊|呀|哦)+$`)
	chineseNameEnd = lazyregexp.New(`^(.+?)(?:你|我|今年|住在|来自).*$`)
)

// addFacts returns facts with those that text holds.
func addFacts(facts []fact, text string) []fact {
	for _, p := range factPatterns {
		for _, m := range p.re().FindAllStringSubmatchIndex(text, -1) {
			if questionBefore().MatchString(text[max(m[0]-24, 0):m[0]]) {
				continue
			}
			f := fact{topic: p.topic, value: text[m[len(m)-2]:m[len(m)-1]]}
			if len(m) == 6 {
				f.subject = strings.ToLower(text[m[2]:m[3]])
			}
			if f.cleanUp() {
				facts = addFact(facts, f)
			}
		}
	}
	return facts
}

// cleanUp removes from a fact what does not belong to it. It reports whether a value is left.
func (f *fact) cleanUp() bool {
	if f.topic == topicName {
		f.value = chineseNameEnd().ReplaceAllString(f.value, "$1")
	}
	f.value = strings.Trim(valueEnd().ReplaceAllString(f.value, ""), " \"'“”*。.!！")
	f.subject = strings.TrimSuffix(f.subject, "'s name")
	if f.subject == "name" || f.subject == "名字" { // topicName has patterns of its own
		return false
	}
	return f.value != "" && !questionValue().MatchString(f.value)
}

// addFact adds a fact. It replaces an older fact about the same thing.
func addFact(facts []fact, f fact) []fact {
	if slices.Contains(facts, f) {
		return facts
	}
	same := func(g fact) bool { return g.topic == f.topic && g.subject == f.subject }
	if i := slices.IndexFunc(facts, same); i >= 0 && !f.topic.accumulates() {
		facts = slices.Clone(facts)
		facts[i] = f
		return facts
	}
	return append(facts, f)
}

// describeFact words a fact for the user.
func (c *chatContext) describeFact(f fact) string {
	switch f.topic {
	case topicName:
		return c.localize("your name is **%s**", "你叫**%s**", f.value)
	case topicHome:
		return c.localize("your home is **%s**", "你的家在**%s**", f.value)
	case topicAge:
		return c.localize("you are **%s** years old", "你今年**%s**岁", f.value)
	case topicLike:
		return c.localize("you like **%s**", "你喜欢**%s**", f.value)
	case topicNote:
		return c.localize("to be kept in mind: %s", "要留意的事：%s", f.value)
	default:
		return c.localize("your %s: **%s**", "你的%s：**%s**", f.subject, f.value)
	}
}

func (c *chatContext) factsAbout(t topic) []fact {
	return slices.DeleteFunc(slices.Clone(c.facts), func(f fact) bool { return f.topic != t })
}

// userName returns the user's name, or "" when the user has not said it.
func (c *chatContext) userName() string {
	if names := c.factsAbout(topicName); len(names) > 0 {
		return names[0].value
	}
	return ""
}
