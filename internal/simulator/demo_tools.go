package simulator

import (
	"encoding/json"
	"html"
	"regexp"
	"slices"
	"strings"
)

// How demo mode uses tools. It knows nothing of who is in front of the platform but
// the notation in which models are told of tools (a list between lines of <tools>)
// and answer with calls, so that an agent is seen at work without a model.

// demoTool is a tool that the model was told of.
type demoTool struct {
	Name       string     `json:"name"`
	Parameters demoSchema `json:"parameters"`
}

// errand is what the model is to do with tools.
type errand struct {
	h       *hearing
	told    string // everything that instructs the model
	tools   []demoTool
	goal    string       // what the user said last
	results []demoResult // that came back since
	repair  bool         // the last text asks for a repair
}

// demoResult is what a tool gave.
type demoResult struct{ name, text string }

const (
	repairIntro     = "Your last answer cannot be used:"
	endInstructions = "Here the instructions end, and the message begins."
)

var (
	toolList   = regexp.MustCompile(`(?ms)^<tools>\n(.*?)^</tools>$`)
	toolAnswer = regexp.MustCompile(`(?s)^<tool_result(?: id="[^"]*")?(?: name="([^"]*)")?>\n(.*)\n</tool_result>$`)
)

// newErrand reads a turn the way a model would.
func newErrand(h *hearing) *errand {
	e := &errand{h: h, told: h.turn.Prompt}
	for _, x := range h.turn.History {
		e.listen(x.User)
	}
	e.listen(h.turn.Text)
	for _, list := range toolList.FindAllStringSubmatch(e.told, -1) {
		for line := range strings.Lines(list[1]) {
			var t demoTool
			if json.Unmarshal([]byte(line), &t) == nil && t.Name != "" {
				e.tools = append(e.tools, t)
			}
		}
	}
	return e
}

// listen takes in one text of the session.
func (e *errand) listen(text string) {
	instructions, rest := splitInstructions(text)
	e.told += "\n" + instructions
	if e.repair = strings.HasPrefix(rest, repairIntro); e.repair {
		return
	}
	for _, m := range unframe(rest) {
		switch m.role {
		case "user":
			e.goal, e.results = m.text, nil
		case "tool":
			r := demoResult{name: "tool", text: m.text}
			if found := toolAnswer.FindStringSubmatch(m.text); found != nil {
				r.text = strings.ReplaceAll(found[2], "&lt;", "<")
				if name := html.UnescapeString(found[1]); name != "" {
					r.name = name
				}
			}
			e.results = append(e.results, r)
		}
	}
}

// splitInstructions takes off instructions that were too long for a prompt.
func splitInstructions(text string) (instructions, rest string) {
	before, after, found := strings.Cut(text, endInstructions)
	if !found {
		return "", text
	}
	return before, strings.TrimLeft(after, "\n")
}

// answer is what the model writes when tools or a format have a part in it; "" when
// they have none.
func (e *errand) answer() string {
	if steps := e.steps(); len(e.results) < len(steps) {
		if !e.inTurn() {
			if len(e.results) > 0 {
				return e.report()
			}
			return e.call(steps)
		}
		return e.call(steps[len(e.results) : len(e.results)+1])
	}
	if text := e.formatted(); text != "" {
		return text
	}
	if len(e.results) > 0 {
		return e.report()
	}
	return ""
}

var (
	inTurn       = regexp.MustCompile(`(?i)\bthen\b|\bafter that\b|\bafterwards\b|然后|之后|接着|再`)
	anyTool      = regexp.MustCompile(`(?i)\b(?:a|any|some|the|your) (?:tool|function)s?\b|工具|函数`)
	wrongFirst   = regexp.MustCompile(`(?i)\b(?:wrong|invalid|broken|bad)(?:ly)? (?:tool |function )?(?:call|argument)|错误的?(?:调用|参数)|无效`)
	mustCall     = regexp.MustCompile(`You must call (?:the function ([A-Za-z0-9_-]+)|at least one function)`)
	onlyThese    = regexp.MustCompile(`Only these functions may be called now: ([A-Za-z0-9_, -]+)\.`)
	callNone     = "Call no function now"
	oneAtATime   = "Make one call at the most"
	namePart     = regexp.MustCompile(`\p{Lu}?\p{Ll}{3,}`)
	commonInName = []string{"with", "from", "that", "this", "what", "make"}
)

// inTurn reports whether the calls are made one after another.
func (e *errand) inTurn() bool {
	return inTurn.MatchString(e.goal) || strings.Contains(e.told, oneAtATime)
}

// steps are the tools that the user asks for, in the order in which they are named.
func (e *errand) steps() []demoTool {
	if strings.Contains(e.told, callNone) || len(e.tools) == 0 {
		return nil
	}
	tools := e.tools
	if only := onlyThese.FindStringSubmatch(e.told); only != nil {
		names := strings.Split(only[1], ", ")
		tools = slices.DeleteFunc(slices.Clone(tools), func(t demoTool) bool { return !slices.Contains(names, t.Name) })
	}
	must := mustCall.FindStringSubmatch(e.told)
	if must != nil && must[1] != "" {
		return slices.DeleteFunc(slices.Clone(tools), func(t demoTool) bool { return t.Name != must[1] })
	}
	steps := e.named(tools)
	if len(steps) == 0 && len(tools) > 0 && (must != nil || anyTool.MatchString(e.goal)) {
		return tools[:1]
	}
	return steps
}

// inEnglish puts English words, of which names of tools are made, in the place of the
// Chinese ones that people ask with.
var inEnglish = strings.NewReplacer(
	"天气", "weather", "时间", "time", "几点", "time", "日期", "date", "搜索", "search", "查找", "search",
	"计算", "calculate", "邮件", "mail", "文件", "file", "翻译", "translate", "新闻", "news", "地图", "map",
)

// named are the tools whose name the goal has: as it is or in words, or when there is
// none of those, a telling part of it ("weather" of get_weather).
func (e *errand) named(tools []demoTool) []demoTool {
	goal := inEnglish.Replace(strings.ToLower(e.goal))
	at := func(t demoTool) int {
		name := strings.ToLower(t.Name)
		for _, form := range []string{name, strings.NewReplacer("_", " ", "-", " ").Replace(name)} {
			if i := strings.Index(goal, form); i >= 0 {
				return i
			}
		}
		return -1
	}
	part := func(t demoTool) int {
		for _, word := range namePart.FindAllString(t.Name, -1) {
			word = strings.ToLower(word)
			if i := strings.Index(goal, word); i >= 0 && !slices.Contains(commonInName, word) {
				return i
			}
		}
		return -1
	}
	for _, where := range []func(demoTool) int{at, part} {
		found := slices.DeleteFunc(slices.Clone(tools), func(t demoTool) bool { return where(t) < 0 })
		if len(found) > 0 {
			slices.SortStableFunc(found, func(a, b demoTool) int { return where(a) - where(b) })
			return found
		}
	}
	return nil
}

// call writes calls of tools, the first of them wrongly if the user asks for that and
// nothing was repaired yet.
func (e *errand) call(tools []demoTool) string {
	var b strings.Builder
	if !e.repair {
		b.WriteString(e.h.say("Let me use %s.\n", "我来使用 %s。\n", e.names(tools)))
	}
	f := filler{goal: e.goal}
	for i, t := range tools {
		name, arguments := t.Name, f.object(t.Parameters, t.Parameters)
		if i == 0 && len(e.results) == 0 && !e.repair && wrongFirst.MatchString(e.goal) {
			if len(t.Parameters.Required) > 0 {
				arguments = "{}"
			} else {
				name += "_wrong"
			}
		}
		b.WriteString(`<tool_call>{"name": ` + jsonText(name) + `, "arguments": ` + arguments + "}</tool_call>\n")
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func (e *errand) names(tools []demoTool) string {
	names := make([]string, len(tools))
	for i, t := range tools {
		names[i] = "`" + t.Name + "`"
	}
	return strings.Join(names, e.h.say(" and ", "和"))
}

// report says what the tools gave.
func (e *errand) report() string {
	var b strings.Builder
	b.WriteString(e.h.say("Here is what came back:\n", "得到的结果：\n"))
	for _, r := range e.results {
		b.WriteString(e.h.say("\n- `%s`: %s", "\n- `%s`：%s", r.name, shorten(r.text, 400)))
	}
	return b.String()
}
