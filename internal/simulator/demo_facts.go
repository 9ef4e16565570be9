package simulator

import (
	"regexp"
	"slices"
	"strings"
)

// fact is something that the user told of themselves. Of most topics the latest
// fact counts; likes and notes add up.
type fact struct {
	topic topic
	about string // topicOther: what it is that has the value, such as "dog"
	value string
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

func (t topic) addsUp() bool { return t == topicLike || t == topicNote }

// factPattern finds facts: the last group is the value, the one before it, if any,
// what the fact is about.
type factPattern struct {
	topic topic
	re    *regexp.Regexp
}

const enName = `(\p{L}[\p{L}'’-]*(?: \p{Lu}[\p{L}'’-]*){0,3})`

var factPatterns = []factPattern{
	{topicName, regexp.MustCompile(`\b(?i:my name is|my name's|call me|i am called|i'm called) ` + enName)},
	{topicHome, regexp.MustCompile(`\b(?i:i live in|i am from|i'm from|i come from) ((?:the )?\p{L}[\p{L}'’-]*(?: \p{Lu}[\p{L}'’-]*){0,3})`)},
	{topicAge, regexp.MustCompile(`\b(?i:i am|i'm) (\d{1,3})\b`)},
	{topicLike, regexp.MustCompile(`\b(?i:i (?:really |also )?(?:like|love|enjoy)) ([^.,;!?\n]{1,60})`)},
	{topicNote, regexp.MustCompile(`(?i:\b(?:please remember|remember(?: that|:)|note that))[: ]+([^\n]{1,100})`)},
	{topicOther, regexp.MustCompile(`\b(?i:my) ((?:favou?rite )?\p{L}+(?:'s name)?) (?i:is|are)(?: called)? ([^.,;!?\n]{1,60})`)},

	{topicName, regexp.MustCompile(`(?:我的名字(?:是|叫)|我叫做?|叫我)\s*([\p{Han}A-Za-z·]{1,16})`)},
	{topicHome, regexp.MustCompile(`我(?:现在)?(?:住在|来自|家在)\s*([\p{Han}A-Za-z]{1,12})`)},
	{topicAge, regexp.MustCompile(`我(?:今年)?\s*(\d{1,3})\s*岁`)},
	{topicLike, regexp.MustCompile(`我(?:最|很|也|还)?(?:喜欢|爱)\s*([^，。！？、,.!?\n]{1,20})`)},
	{topicNote, regexp.MustCompile(`(?:记住|记一下)[:：，, ]*([^\n]{1,100})`)},
	{topicOther, regexp.MustCompile(`我的([\p{Han}A-Za-z]{1,10}?)(?:是|叫)\s*([^，。！？,.!?\n]{1,30})`)},
}

// asking are beginnings of a "value" that is part of a question, and of words
// before a "fact" that make it one.
var (
	askingValue  = regexp.MustCompile(`^(?i:what|who|which|where|not|a|an|the|please|again)$|^(?:什么|啥|谁|哪|多少|几|不|你)|[吗嘛呢]$`)
	askingBefore = regexp.MustCompile(`(?i:\b(?:what|who|where|which|do|does|did|if|whether|is|can|you)) $|(?:知道|记得)$`)
	valueEnd     = regexp.MustCompile(`(?i: (?:and|but|so|because) (?:i|my|what|who|please)\b.*$)|(?:就好|就行|吧|啊|呀|哦)+$`)
	zhNameEnd    = regexp.MustCompile(`^(.+?)(?:你|我|今年|住在|来自).*$`)
)

// learn adds the facts in a text to those known.
func learn(facts []fact, text string) []fact {
	for _, p := range factPatterns {
		for _, m := range p.re.FindAllStringSubmatchIndex(text, -1) {
			if askingBefore.MatchString(text[max(m[0]-24, 0):m[0]]) {
				continue
			}
			f := fact{topic: p.topic, value: text[m[len(m)-2]:m[len(m)-1]]}
			if len(m) == 6 {
				f.about = strings.ToLower(text[m[2]:m[3]])
			}
			if f.tidy() {
				facts = note(facts, f)
			}
		}
	}
	return facts
}

// tidy cuts a fact down to what was meant and reports whether anything was.
func (f *fact) tidy() bool {
	if f.topic == topicName {
		f.value = zhNameEnd.ReplaceAllString(f.value, "$1")
	}
	f.value = strings.Trim(valueEnd.ReplaceAllString(f.value, ""), " \"'“”*。.!！")
	f.about = strings.TrimSuffix(f.about, "'s name")
	if f.about == "name" || f.about == "名字" { // its own patterns know better
		return false
	}
	return f.value != "" && !askingValue.MatchString(f.value)
}

// note puts a fact in the place of an older one that it contradicts.
func note(facts []fact, f fact) []fact {
	if slices.Contains(facts, f) {
		return facts
	}
	same := func(g fact) bool { return g.topic == f.topic && g.about == f.about }
	if i := slices.IndexFunc(facts, same); i >= 0 && !f.topic.addsUp() {
		facts = slices.Clone(facts)
		facts[i] = f
		return facts
	}
	return append(facts, f)
}

// sentence says a fact back to the user.
func (h *hearing) sentence(f fact) string {
	switch f.topic {
	case topicName:
		return h.say("your name is **%s**", "你叫**%s**", f.value)
	case topicHome:
		return h.say("your home is **%s**", "你的家在**%s**", f.value)
	case topicAge:
		return h.say("you are **%s** years old", "你今年**%s**岁", f.value)
	case topicLike:
		return h.say("you like **%s**", "你喜欢**%s**", f.value)
	case topicNote:
		return h.say("to be kept in mind: %s", "要留意的事：%s", f.value)
	default:
		return h.say("your %s: **%s**", "你的%s：**%s**", f.about, f.value)
	}
}

// known returns the facts of a topic.
func (h *hearing) known(t topic) []fact {
	return slices.DeleteFunc(slices.Clone(h.facts), func(f fact) bool { return f.topic != t })
}

// name is what the user is called; "" when they never said.
func (h *hearing) name() string {
	if names := h.known(topicName); len(names) > 0 {
		return names[0].value
	}
	return ""
}
