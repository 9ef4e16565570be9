package demo

import (
	"encoding/json"
	"html"
	"slices"
	"strings"

	"achuan/internal/lazyregexp"
	"achuan/internal/simulator"
)

// This file reads and writes the notation that the server uses for tools on a model of text: the prompt lists
// the tools between <tools> lines, and the model answers with calls. It is written a second time here, because
// the simulator must not share a mistake with the server.

// tool is a tool from the list in the prompt.
type tool struct {
	Name       string
	Parameters schema // of its arguments
}

// toolTask is what the user wants from the tools.
type toolTask struct {
	chat         *chatContext
	instructions string // the prompt and the instructions in texts
	tools        []tool
	request      string       // the user's last message
	results      []toolResult // since the request
	isRepair     bool         // the last text asks the model to repair its answer
}

type toolResult struct{ name, text string }

const (
	repairIntro     = "Your last answer cannot be used:"
	endInstructions = "The instructions end here. The message follows."
)

var (
	toolList       = lazyregexp.New(`(?ms)^<tools>\n(.*?)^</tools>$`)
	toolStart      = lazyregexp.New(`(?m)^=== (.*) ===$`)
	toolArguments  = lazyregexp.New(`(?m)^Arguments: `)
	toolResultText = lazyregexp.New(`(?s)^<tool_result(?: id="[^"]*")?(?: name="([^"]*)")?>\n(.*)\n</tool_result>$`)
)

func newToolTask(c *chatContext) *toolTask {
	task := &toolTask{chat: c, instructions: c.turn.Prompt}
	for _, x := range c.turn.History {
		task.addText(x.User)
	}
	task.addText(c.turn.Text)
	for _, list := range toolList().FindAllStringSubmatch(task.instructions, -1) {
		task.tools = append(task.tools, readTools(list[1])...)
	}
	return task
}

// readTools reads a list of tools.
func readTools(list string) (tools []tool) {
	starts := toolStart().FindAllStringSubmatchIndex(list, -1)
	for i, start := range starts {
		end := len(list)
		if i+1 < len(starts) {
			end = starts[i+1][0]
		}
		t := tool{Name: list[start[2]:start[3]]}
		text := list[start[1]:end]
		if at := toolArguments().FindStringIndex(text); at != nil {
			found, _, _ := ReadType(text[at[1]:], html.UnescapeString)
			schemaText, _ := json.Marshal(found)          // it was read from JSON
			_ = json.Unmarshal(schemaText, &t.Parameters) // it accepts every value
		}
		tools = append(tools, t)
	}
	return tools
}

// addText reads one text of the session.
func (task *toolTask) addText(text string) {
	instructions, rest := splitInstructions(text)
	task.instructions += "\n" + instructions
	if task.isRepair = strings.HasPrefix(rest, repairIntro); task.isRepair {
		return
	}
	for _, m := range simulator.SplitReplay(rest) {
		switch m.Role {
		case "user":
			task.request, task.results = m.Text, nil
		case "tool":
			r := toolResult{name: "tool", text: m.Text}
			if found := toolResultText().FindStringSubmatch(m.Text); found != nil {
				r.text = strings.ReplaceAll(found[2], "&lt;", "<")
				if name := html.UnescapeString(found[1]); name != "" {
					r.name = name
				}
			}
			task.results = append(task.results, r)
		}
	}
}

// splitInstructions separates the instructions that did not fit into the prompt from the message.
func splitInstructions(text string) (instructions, rest string) {
	before, after, found := strings.Cut(text, endInstructions)
	if !found {
		return "", text
	}
	return before, strings.TrimLeft(after, "\n")
}

// answer returns the tool calls, the report of their results, or the answer as JSON. It returns "" when the
// request needs neither tools nor JSON.
func (task *toolTask) answer() string {
	if steps := task.wantedTools(); len(task.results) < len(steps) {
		if !task.isSequential() {
			if len(task.results) > 0 {
				return task.reportResults()
			}
			return task.writeCalls(steps)
		}
		return task.writeCalls(steps[len(task.results) : len(task.results)+1])
	}
	if text := task.jsonAnswer(); text != "" {
		return text
	}
	if len(task.results) > 0 {
		return task.reportResults()
	}
	return ""
}

var (
	sequentialWords = lazyregexp.New(`(?i)\bthen\b|\bafter that\b|\bafterwards\b|然后|之后|接着|再`)
	anyToolWords    = lazyregexp.New(`(?i)\b(?:a|any|some|the|your) (?:tool|function)s?\b|工具|函数`)
	wrongCallWords  = lazyregexp.New(`(?i)\b(?:wrong|invalid|broken|bad)(?:ly)? (?:tool |function )?(?:call|argument)|错误的?(?:调用|参数)|无效`)
	mustCallRule    = lazyregexp.New(`You must call (?:the function ([A-Za-z0-9_-]+)|at least one function)`)
	onlyTheseRule   = lazyregexp.New(`Only these functions may be called now: ([A-Za-z0-9_, -]+)\.`)
	callNoneRule    = "Call no function now"
	oneCallRule     = "Make at most one call"
	nameWord        = lazyregexp.New(`\p{Lu}?\p{Ll}{3,}`)
	commonNameWords = []string{"with", "from", "that", "this", "what", "make"}
)

// isSequential reports whether the model makes one call at a time.
func (task *toolTask) isSequential() bool {
	return sequentialWords().MatchString(task.request) || strings.Contains(task.instructions, oneCallRule)
}

// wantedTools returns the tools that the user asks for, in the order of the request.
func (task *toolTask) wantedTools() []tool {
	if strings.Contains(task.instructions, callNoneRule) || len(task.tools) == 0 {
		return nil
	}
	tools := task.tools
	if only := onlyTheseRule().FindStringSubmatch(task.instructions); only != nil {
		names := strings.Split(only[1], ", ")
		tools = slices.DeleteFunc(slices.Clone(tools), func(t tool) bool { return !slices.Contains(names, t.Name) })
	}
	must := mustCallRule().FindStringSubmatch(task.instructions)
	if must != nil && must[1] != "" {
		return slices.DeleteFunc(slices.Clone(tools), func(t tool) bool { return t.Name != must[1] })
	}
	steps := task.toolsNamed(tools)
	if len(steps) == 0 && len(tools) > 0 && (must != nil || anyToolWords().MatchString(task.request)) {
		return tools[:1]
	}
	return steps
}

// toEnglish translates Chinese words of a request into the English words of tool names.
var toEnglish = strings.NewReplacer(
	"天气", "weather", "时间", "time", "几点", "time", "日期", "date", "搜索", "search", "查找", "search",
	"计算", "calculate", "邮件", "mail", "文件", "file", "翻译", "translate", "新闻", "news", "地图", "map",
)

// toolsNamed returns the tools whose whole name is in the request. When there are none, it returns those of
// which a significant word is in the request, such as "weather" of get_weather.
func (task *toolTask) toolsNamed(tools []tool) []tool {
	goal := toEnglish.Replace(strings.ToLower(task.request))
	wholeNameIndex := func(t tool) int {
		name := strings.ToLower(t.Name)
		for _, form := range []string{name, strings.NewReplacer("_", " ", "-", " ").Replace(name)} {
			if i := strings.Index(goal, form); i >= 0 {
				return i
			}
		}
		return -1
	}
	nameWordIndex := func(t tool) int {
		for _, word := range nameWord().FindAllString(t.Name, -1) {
			word = strings.ToLower(word)
			if i := strings.Index(goal, word); i >= 0 && !slices.Contains(commonNameWords, word) {
				return i
			}
		}
		return -1
	}
	for _, index := range []func(tool) int{wholeNameIndex, nameWordIndex} {
		found := slices.DeleteFunc(slices.Clone(tools), func(t tool) bool { return index(t) < 0 })
		if len(found) > 0 {
			slices.SortStableFunc(found, func(a, b tool) int { return index(a) - index(b) })
			return found
		}
	}
	return nil
}

// writeCalls returns a text with calls of the tools. When the user asks for a wrong call, the first call is
// wrong until the model is asked to repair it.
func (task *toolTask) writeCalls(tools []tool) string {
	var b strings.Builder
	if !task.isRepair {
		b.WriteString(task.chat.localize("Let me use %s.\n", "我来使用 %s。\n", task.quotedNames(tools)))
	}
	f := valueFiller{request: task.request}
	for i, t := range tools {
		name, arguments := t.Name, f.object(t.Parameters, t.Parameters)
		if i == 0 && len(task.results) == 0 && !task.isRepair && wrongCallWords().MatchString(task.request) {
			if len(t.Parameters.Required) > 0 {
				arguments = "{}"
			} else {
				name += "_wrong"
			}
		}
		b.WriteString(`<tool_call>{"name": ` + quoteJSON(name) + `, "arguments": ` + arguments + "}</tool_call>\n")
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func (task *toolTask) quotedNames(tools []tool) string {
	names := make([]string, len(tools))
	for i, t := range tools {
		names[i] = "`" + t.Name + "`"
	}
	return strings.Join(names, task.chat.localize(" and ", "和"))
}

func (task *toolTask) reportResults() string {
	var b strings.Builder
	b.WriteString(task.chat.localize("Here is what came back:\n", "得到的结果：\n"))
	for _, r := range task.results {
		b.WriteString(task.chat.localize("\n- `%s`: %s", "\n- `%s`：%s", r.name, shorten(r.text, 400)))
	}
	return b.String()
}
