package demo

import (
	"fmt"
	"strings"
)

// None of these texts may look like a fact that a user tells, because a replay brings them back to
// addFacts. TestAnswersHoldNoFacts checks this.

// acknowledgeFacts answers a message that tells facts and asks nothing.
func (c *chatContext) acknowledgeFacts() string {
	hello := c.localize("Got it", "记下了")
	if name := c.userName(); name != "" {
		hello = c.localize("Got it, %s", "记下了，%s", name)
	}
	return c.listFacts(c.newFacts, hello+c.localize(": ", "：")) + "\n\n" +
		c.localize("Ask me about it later in this session.", "之后在这个会话里可以随时问我。")
}

// introduceSelf answers everything that no intent matches.
func (c *chatContext) introduceSelf() string {
	var b strings.Builder
	if len(c.userTexts) == 1 {
		b.WriteString(c.greeting())
	} else {
		b.WriteString(c.localize("That was message %d of this session: *“%s”*.\n\n",
			"这是本会话的第 %d 条消息：*“%s”*。\n\n", c.messageNumber(), c.quotedQuestion()))
	}
	b.WriteString(c.localize(
		"I am achuan's **simulator**: no model thinks here, but the session, its memory and this stream are real.",
		"我是 achuan 的**模拟器**：背后没有模型在思考，但会话、记忆和这条流都是真实的。"))
	if c.prompt != "" {
		b.WriteString(c.localize(" I was also given a system prompt; ask for it and I quote its first line.",
			"我还收到了系统提示词，问我就会引用它的第一行。"))
	}
	if len(c.userTexts) > 1 {
		return b.String()
	}
	b.WriteString(c.localize(`

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

func (c *chatContext) greeting() string {
	if name := c.userName(); name != "" {
		return c.localize("Hello %s! ", "你好，%s！", name)
	}
	return c.localize("Hello! ", "你好！")
}

func (c *chatContext) showCode([]string) string {
	return c.localize("A small program, typed by the simulator:", "模拟器写的一个小程序：") + `

` + "```go" + `
package main

import "fmt"

func main() {
	for i := range 3 {
		fmt.Println("hello", i)
	}
}
` + "```" + `

` + c.localize("Run it with `go run .`", "用 `go run .` 运行。")
}

func (c *chatContext) showTable([]string) string {
	t := c.turn
	var b strings.Builder
	b.WriteString(c.localize("What the session looks like from here:\n\n| setting | value |\n|---|---|\n",
		"从我这里看到的会话：\n\n| 设置 | 值 |\n|---|---|\n"))
	row := func(en, zh string, value any) { fmt.Fprintf(&b, "| %s | `%v` |\n", c.localize(en, zh), value) }
	row("session", "会话", t.SessionID)
	row("model", "模型", t.Model)
	row("message", "消息", c.messageNumber())
	row("exchanges in view", "可见的历史轮数", len(t.History))
	row("context limit", "上下文上限", t.ContextCount)
	row("temperature", "温度", t.Temperature)
	return b.String()
}

// thoughts returns what a reasoning model writes before its answer.
func (c *chatContext) thoughts() string {
	lines := []string{
		c.localize("The question is: “%s”.", "问题是：“%s”。", c.quotedQuestion()),
		c.localize("%d earlier exchanges are in view, and %d facts.",
			"能看到 %d 轮历史，记得 %d 件事。", len(c.turn.History), len(c.facts)),
	}
	if c.prompt != "" {
		lines = append(lines, c.localize("There is a system prompt, to be kept to.", "有系统提示词，需要遵守。"))
	}
	return strings.Join(append(lines, c.localize("Short and honest is best.", "回答应当简短而诚实。")), "\n")
}

// pictureAnswer returns the answer of a drawing model: a sentence, the progress and the picture.
func (c *chatContext) pictureAnswer() string {
	return c.localize("A picture for *“%s”*, drawn by the simulator.\n\n"+
		"> queued\n> drawing 12..34..56..78..100\n\n![image](%s)\n",
		"为*“%s”*画的一张图，由模拟器绘制。\n\n> 排队中\n> 生成中，进度 12..34..56..78..100\n\n![image](%s)\n",
		c.quotedQuestion(), c.turn.PictureURL)
}
