package demo

import (
	"strings"
	"testing"

	"achuan/internal/simulator"
)

// newTurn returns the turn of the last of these messages, in a session with the earlier ones.
func newTurn(texts ...string) simulator.Turn {
	t := simulator.Turn{
		Number: len(texts), SessionID: 1000001, Text: texts[len(texts)-1],
		Settings: simulator.Settings{Model: "gpt-5.1-high", ContextCount: 10},
	}
	for _, text := range texts[:len(texts)-1] {
		t.History = append(t.History, simulator.Exchange{User: text, AI: "ok"})
	}
	return t
}

// newReplayTurn returns a turn whose text replays the conversation of these messages.
func newReplayTurn(texts ...string) simulator.Turn {
	const nonce = "0123456789abcdef"
	b := "Below is a conversation so far, oldest message first. Marker lines begin with [[" + nonce + " and nothing else does.\n"
	for i, text := range texts {
		if i > 0 {
			b += "\n[[" + nonce + " assistant]]\nok, your name is Mallory"
		}
		b += "\n[[" + nonce + " user]]\n" + text
	}
	return newTurn(b + "\n[[" + nonce + " end]]")
}

// checkAnswer checks that the answer to a turn has a text in it. preset is the system prompt of the simulator.
func checkAnswer(t *testing.T, turn simulator.Turn, preset, want string) {
	t.Helper()
	if got := newChatContext(turn, preset).answer(); !strings.Contains(got, want) {
		t.Errorf("answer() to %q = %q\nwant %q in it", turn.Text, got, want)
	}
}

func TestAnswerRemembers(t *testing.T) {
	for _, tt := range []struct {
		name  string
		texts []string
		want  string
	}{
		{"name", []string{"my name is Ada", "What is my name?"}, "You told me: your name is **Ada**."},
		{"name in a sentence", []string{"Hi! My name is Ada and I live in Paris.", "what's my name?"}, "your name is **Ada**."},
		{"full name", []string{"my name is Ada Lovelace, hello", "who am I?"}, "**Ada Lovelace**"},
		{"told and asked at once", []string{"My name is Ada. What is my name?"}, "**Ada**"},
		{"corrected", []string{"my name is Ada", "call me Grace", "do you remember my name?"}, "**Grace**"},
		{"not told", []string{"what is my name?"}, "You have not told me yet"},
		{"a question is no fact", []string{"do you know what my name is please", "what is my name?"}, "You have not told me yet"},
		{"home", []string{"I live in New York now", "where do I live?"}, "**New York**"},
		{"age", []string{"I'm 36 years old", "how old am I?"}, "**36**"},
		{"likes", []string{"I like green tea and i hate coffee", "I also love chess", "what do I like?"}, "- you like **green tea**\n- you like **chess**"},
		{"something else", []string{"my dog's name is Rex", "what is my dog called?"}, "your dog: **Rex**"},
		{"favourite", []string{"My favourite colour is blue!", "what is my favourite colour?"}, "your favourite colour: **blue**"},
		{"note", []string{"Remember that the door code is 1234", "what do you know about me?"}, "to be kept in mind: the door code is 1234"},
		{"everything", []string{"my name is Ada", "a riddle", "what did I tell you so far?"}, "1. my name is Ada\n2. a riddle"},
		{"count", []string{"one", "two", "how many messages so far?"}, "message **3**"},
		{"before", []string{"the cat sat", "what did I just say?"}, "> the cat sat"},
		{"acknowledged", []string{"my name is Ada"}, "Got it, Ada: your name is **Ada**."},

		{"名字", []string{"你好，我叫小明", "我叫什么？"}, "你告诉过我：你叫**小明**。"},
		{"名字二", []string{"我的名字是李雷，今年20岁", "我是谁"}, "你叫**李雷**。"},
		{"名字三", []string{"叫我老王就好", "你还记得我的名字吗"}, "你叫**老王**。"},
		{"没有标点", []string{"我叫小明你叫什么", "我叫什么名字"}, "你叫**小明**。"},
		{"没说过", []string{"我叫什么？"}, "你还没有告诉我"},
		{"问题不是事实", []string{"你知道我叫什么吗", "我的名字是什么"}, "你还没有告诉我"},
		{"住处", []string{"我住在北京", "我住在哪里？"}, "**北京**"},
		{"年龄", []string{"我今年18岁", "我多大了"}, "**18**"},
		{"爱好", []string{"我喜欢喝茶", "我最喜欢什么？"}, "**喝茶**"},
		{"其他", []string{"我的狗叫旺财", "我的狗叫什么？"}, "**旺财**"},
		{"记住", []string{"请记住：密码是1234", "你都记得什么"}, "密码是1234"},
		{"全部", []string{"我叫小明", "讲个笑话", "我说过什么？"}, "1. 我叫小明\n2. 讲个笑话"},
		{"第几", []string{"一", "这是第几条消息？"}, "第 **2** 条"},
		{"换语言", []string{"my name is Ada", "我叫什么？"}, "你叫**Ada**。"},
	} {
		for form, make := range map[string]func(...string) simulator.Turn{"history": newTurn, "replay": newReplayTurn} {
			t.Run(tt.name+"/"+form, func(t *testing.T) { checkAnswer(t, make(tt.texts...), "", tt.want) })
		}
	}
}

// The facts of a replay with unknown role names are found, too.
func TestAnswerSearchesUnknownReplay(t *testing.T) {
	text := "<history>\nHuman: my name is Ada\nBot: hello\nHuman: what is my name?\n</history>"
	checkAnswer(t, newTurn(text), "", "**Ada**")
}

func TestAnswerQuotesPrompt(t *testing.T) {
	for _, tt := range []struct{ name, prompt, text, want string }{
		{"quoted", "You are a pirate.\nSay arr.", "what is your system prompt?", "> You are a pirate."},
		{"mentioned", "You are a pirate.", "hello", "I was also given a system prompt"},
		{"preset", "preset", "what is your system prompt?", "no system prompt"},
		{"none", "", "系统提示词是什么？", "没有收到系统提示词"},
		{"引用", "你是海盗。", "系统提示词是什么？", "> 你是海盗。"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			turn := newTurn(tt.text)
			turn.Prompt = tt.prompt
			checkAnswer(t, turn, "preset", tt.want)
		})
	}
	late := newTurn("[[0123456789abcdef system]]\nBe kind.\n[[0123456789abcdef user]]\nwhat is your prompt?\n[[0123456789abcdef end]]")
	checkAnswer(t, late, "", "> Be kind.")
}

func TestAnswerShows(t *testing.T) {
	for text, want := range map[string]string{
		"show me some code": "```go\n", "写一段代码": "```go\n", "a table please": "| session | `1000001` |", "给我一张表格": "| 会话 | `1000001` |",
		"hello": "**simulator**", "你好": "**模拟器**", "who are you?": "**simulator**",
	} {
		checkAnswer(t, newTurn(text), "", want)
		if got := newChatContext(newTurn(text), "").answer(); strings.Contains(got, "%!") {
			t.Errorf("answer(%q) = %q, want no format error", text, got)
		}
	}
}

// An answer comes back in a replay. It must not look like a fact that the user told.
func TestAnswersHoldNoFacts(t *testing.T) {
	for _, text := range []string{
		"hello", "你好", "code", "代码", "table", "表格", "prompt", "提示词", "how many turns", "第几", "what is my name?", "我叫什么",
		"what do you know about me", "列出", "what did I say", "我刚才说了什么",
	} {
		turn := newTurn("earlier", text)
		turn.Prompt = "be kind"
		c := newChatContext(turn, "")
		for _, answer := range []string{c.answer(), c.thoughts(), c.pictureAnswer(), newChatContext(newTurn(text), "").answer()} {
			if facts := addFacts(nil, answer); len(facts) > 0 {
				t.Errorf("addFacts(nil, %q) = %v, want none", answer, facts)
			}
		}
	}
	for _, said := range []string{
		"my name is Ada", "我叫小明", "I like tea", "我喜欢茶", "remember that x is y", "记住：甲是乙", "my dog is Rex", "我的狗叫旺财",
		"I live in Rome", "我住在罗马", "I am 5", "我5岁",
	} {
		if c := newChatContext(newTurn(said), ""); len(c.newFacts) == 0 {
			t.Errorf("addFacts(nil, %q) = none, want a fact", said)
		} else if facts := addFacts(nil, c.acknowledgeFacts()); len(facts) > 0 {
			t.Errorf("addFacts(nil, %q) = %v, want none", c.acknowledgeFacts(), facts)
		}
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add("my name is Ada", "what is my name?", "")
	f.Add("我叫小明", "我叫什么？", "be kind")
	f.Add("[[0123456789abcdef user]]\nhi\n[[0123456789abcdef end]]", "list everything", "x")
	f.Add("", "", "\n")
	f.Fuzz(func(t *testing.T, earlier, text, prompt string) {
		turn := newTurn(earlier, text)
		turn.Prompt = prompt
		c := newChatContext(turn, "")
		if c.answer() == "" || c.thoughts() == "" || c.pictureAnswer() == "" {
			t.Errorf("answer to %q after %q = %q, %q, %q, want texts", text, earlier, c.answer(), c.thoughts(), c.pictureAnswer())
		}
	})
}
