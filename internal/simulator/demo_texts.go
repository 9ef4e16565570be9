package simulator

import (
	"fmt"
	"strings"
)

// What the chat partner says of itself, and what it shows. None of it may read
// like something a user tells: see TestDemoSaysNothingThatReadsLikeAFact.

// acknowledge answers a question that only told something.
func (h *hearing) acknowledge() string {
	hello := h.say("Got it", "记下了")
	if name := h.name(); name != "" {
		hello = h.say("Got it, %s", "记下了，%s", name)
	}
	return h.list(h.fresh, hello+h.say(": ", "：")) + "\n\n" +
		h.say("Ask me about it later in this session.", "之后在这个会话里可以随时问我。")
}

// introduce is the answer to everything that is not understood.
func (h *hearing) introduce() string {
	var b strings.Builder
	if len(h.said) == 1 {
		b.WriteString(h.greeting())
	} else {
		b.WriteString(h.say("That was message %d of this session: *“%s”*.\n\n", "这是本会话的第 %d 条消息：*“%s”*。\n\n", h.count(), h.quote()))
	}
	b.WriteString(h.say("I am achuan's **simulator**: no model thinks here, but the session, its memory and this stream are real.",
		"我是 achuan 的**模拟器**：背后没有模型在思考，但会话、记忆和这条流都是真实的。"))
	if h.prompt != "" {
		b.WriteString(h.say(" I was also given a system prompt; ask for it and I quote its first line.",
			"我还收到了系统提示词，问我就会引用它的第一行。"))
	}
	if len(h.said) > 1 {
		return b.String()
	}
	b.WriteString(h.say(`

What to try:

- tell me your name, your home or your favourite things, and ask for them later
- ask *what do you know about me?* or *how many messages so far?*
- ask for some `+"`code`"+` or for a table
- choose the model %[1]s for a picture, or %[2]s to see it think`, `

可以试试：

- 告诉我你的名字、住处或爱好，稍后再来问我
- 问我“你记得什么？”或“这是第几条消息？”
- 要一段`+"`代码`"+`，或者一张表格
- 选择模型 %[1]s 来画图，或选择 %[2]s 看它思考`, "`gemini-3-pro-preview-image`", "`demo-thinker`"))
	return b.String()
}

func (h *hearing) greeting() string {
	if name := h.name(); name != "" {
		return h.say("Hello %s! ", "你好，%s！", name)
	}
	return h.say("Hello! ", "你好！")
}

func (h *hearing) showCode([]string) string {
	return h.say("A small program, typed by the simulator:", "模拟器写的一个小程序：") + `

` + "```go" + `
package main

import "fmt"

func main() {
	for i := range 3 {
		fmt.Println("hello", i)
	}
}
` + "```" + `

` + h.say("Run it with `go run .`", "用 `go run .` 运行。")
}

func (h *hearing) showTable([]string) string {
	t := h.turn
	var b strings.Builder
	b.WriteString(h.say("What the session looks like from here:\n\n| setting | value |\n|---|---|\n",
		"从我这里看到的会话：\n\n| 设置 | 值 |\n|---|---|\n"))
	row := func(en, zh string, value any) { fmt.Fprintf(&b, "| %s | `%v` |\n", h.say(en, zh), value) }
	row("session", "会话", t.SessionID)
	row("model", "模型", t.Model)
	row("message", "消息", h.count())
	row("exchanges in view", "可见的历史轮数", len(t.History))
	row("context limit", "上下文上限", t.ContextCount)
	row("temperature", "温度", t.Temperature)
	return b.String()
}

// thoughts are what a model that reasons writes before the answer.
func (h *hearing) thoughts() string {
	lines := []string{
		h.say("The question is: “%s”.", "问题是：“%s”。", h.quote()),
		h.say("%d earlier exchanges are in view, and %d facts.", "能看到 %d 轮历史，记得 %d 件事。", len(h.turn.History), len(h.facts)),
	}
	if h.prompt != "" {
		lines = append(lines, h.say("There is a system prompt, to be kept to.", "有系统提示词，需要遵守。"))
	}
	return strings.Join(append(lines, h.say("Short and honest is best.", "回答应当简短而诚实。")), "\n")
}

// drawn is the answer of a model that draws: prose, progress and the picture.
func (h *hearing) drawn() string {
	return h.say("A picture for *“%s”*, drawn by the simulator.\n\n> queued\n> drawing 12..34..56..78..100\n\n![image](%s)\n",
		"为*“%s”*画的一张图，由模拟器绘制。\n\n> 排队中\n> 生成中，进度 12..34..56..78..100\n\n![image](%s)\n", h.quote(), h.turn.PictureURL)
}
