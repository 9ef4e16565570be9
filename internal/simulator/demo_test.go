package simulator

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// talk is a conversation as the model sees it at its last question.
func talk(texts ...string) Turn {
	t := Turn{Number: len(texts), SessionID: 1000001, Text: texts[len(texts)-1], Settings: Settings{Model: "gpt-5.1-high", ContextCount: 10}}
	for _, text := range texts[:len(texts)-1] {
		t.History = append(t.History, Exchange{text, "ok"})
	}
	return t
}

// replay is the same as one framed text.
func replay(texts ...string) Turn {
	const nonce = "0123456789abcdef"
	b := "Below is a conversation so far, oldest message first. Marker lines begin with [[" + nonce + " and nothing else does.\n"
	for i, text := range texts {
		if i > 0 {
			b += "\n[[" + nonce + " assistant]]\nok, your name is Mallory"
		}
		b += "\n[[" + nonce + " user]]\n" + text
	}
	return talk(b + "\n[[" + nonce + " end]]")
}

func TestDemoRemembers(t *testing.T) {
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
		for form, make := range map[string]func(...string) Turn{"history": talk, "replay": replay} {
			t.Run(tt.name+"/"+form, func(t *testing.T) {
				if got := hear(make(tt.texts...), "").answer(); !strings.Contains(got, tt.want) {
					t.Errorf("got %q\nwant %q in it", got, tt.want)
				}
			})
		}
	}
}

// A framing whose words are not known is searched as a whole.
func TestDemoSearchesUnknownFraming(t *testing.T) {
	text := "<history>\nHuman: my name is Ada\nBot: hello\nHuman: what is my name?\n</history>"
	if got := hear(talk(text), "").answer(); !strings.Contains(got, "**Ada**") {
		t.Error(got)
	}
}

func TestUnframe(t *testing.T) {
	const a, b = "[[0123456789abcdef user]]", "[[fedcba9876543210 user]]"
	for _, tt := range []struct {
		name, text string
		want       []message
	}{
		{"none", "hello", []message{{"user", "hello"}}},
		{"one marker", a + "\nhi", []message{{"user", a + "\nhi"}}},
		{"two numbers", a + "\nhi\n" + b + "\nho", []message{{"user", a + "\nhi\n" + b + "\nho"}}},
		{"no user", "[[0123456789abcdef human]]\nhi\n[[0123456789abcdef end]]", []message{{"user", "[[0123456789abcdef human]]\nhi\n[[0123456789abcdef end]]"}}},
		{"names and ids", `[[0123456789abcdef user name="Bo"]]` + "\nhi\n\nyou\n" + `[[0123456789abcdef tool id="x"]]` + "\n42\n[[0123456789abcdef end]]",
			[]message{{"user", "hi\n\nyou"}, {"tool", "42"}}},
		{"empty message", a + "\n\n[[0123456789abcdef end]]", nil},
	} {
		if got := unframe(tt.text); fmt.Sprint(got) != fmt.Sprint(tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
	if got := wish(replay("a lake", "a forest").Text); got != "a forest" {
		t.Errorf("wish %q", got)
	}
}

func TestDemoPrompt(t *testing.T) {
	for _, tt := range []struct{ name, prompt, text, want string }{
		{"quoted", "You are a pirate.\nSay arr.", "what is your system prompt?", "> You are a pirate."},
		{"mentioned", "You are a pirate.", "hello", "I was also given a system prompt"},
		{"preset", "preset", "what is your system prompt?", "no system prompt"},
		{"none", "", "系统提示词是什么？", "没有收到系统提示词"},
		{"引用", "你是海盗。", "系统提示词是什么？", "> 你是海盗。"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			turn := talk(tt.text)
			turn.Prompt = tt.prompt
			if got := hear(turn, "preset").answer(); !strings.Contains(got, tt.want) {
				t.Errorf("got %q\nwant %q in it", got, tt.want)
			}
		})
	}
	late := talk("[[0123456789abcdef system]]\nBe kind.\n[[0123456789abcdef user]]\nwhat is your prompt?\n[[0123456789abcdef end]]")
	if got := hear(late, "").answer(); !strings.Contains(got, "> Be kind.") {
		t.Errorf("a late system message: %q", got)
	}
}

func TestDemoShows(t *testing.T) {
	for text, want := range map[string]string{
		"show me some code": "```go\n", "写一段代码": "```go\n", "a table please": "| session | `1000001` |", "给我一张表格": "| 会话 | `1000001` |",
		"hello": "**simulator**", "你好": "**模拟器**", "who are you?": "**simulator**",
	} {
		got := hear(talk(text), "").answer()
		if !strings.Contains(got, want) {
			t.Errorf("%s: got %q\nwant %q in it", text, got, want)
		}
		if strings.Contains(got, "%!") {
			t.Errorf("%s: %q", text, got)
		}
	}
}

// What the chat partner says must not be taken for what a user told, when it comes
// back in a replay.
func TestDemoSaysNothingThatReadsLikeAFact(t *testing.T) {
	for _, text := range []string{"hello", "你好", "code", "代码", "table", "表格", "prompt", "提示词", "how many turns", "第几", "what is my name?", "我叫什么", "what do you know about me", "列出", "what did I say", "我刚才说了什么"} {
		turn := talk("earlier", text)
		turn.Prompt = "be kind"
		h := hear(turn, "")
		for _, said := range []string{h.answer(), h.thoughts(), h.drawn(), hear(talk(text), "").answer()} {
			if facts := learn(nil, said); len(facts) > 0 {
				t.Errorf("%q reads as %v", said, facts)
			}
		}
	}
	for _, said := range []string{"my name is Ada", "我叫小明", "I like tea", "我喜欢茶", "remember that x is y", "记住：甲是乙", "my dog is Rex", "我的狗叫旺财", "I live in Rome", "我住在罗马", "I am 5", "我5岁"} {
		if h := hear(talk(said), ""); len(h.fresh) == 0 {
			t.Errorf("%q is no fact", said)
		} else if facts := learn(nil, h.acknowledge()); len(facts) > 0 {
			t.Errorf("%q reads as %v", h.acknowledge(), facts)
		}
	}
}

func TestDemoSite(t *testing.T) {
	c := newSite(t, Options{Demo: true, Pace: -1})
	id := c.session("demo-thinker")
	c.ask(id, "my name is Ada")
	got := deltas(t, c.ask(id, "what is my name?"))
	if !strings.HasPrefix(got, "<think>\n") || !strings.Contains(got, "\n</think>\n\n") || !strings.HasSuffix(got, "your name is **Ada**.") {
		t.Errorf("got %q", got)
	}
	painter := c.session("gemini-3-pro-preview-image")
	got = deltas(t, c.ask(painter, "画一片海"))
	turns := c.sim.Turns()
	url := turns[len(turns)-1].PictureURL
	if !strings.Contains(got, "\n![image]("+url+")") || !strings.Contains(got, "排队中") {
		t.Errorf("got %q", got)
	}
	if status, _ := c.call("GET "+strings.TrimPrefix(url, c.url), ""); status != 200 {
		t.Errorf("picture: HTTP %d", status)
	}
}

func TestDemoSpeed(t *testing.T) {
	sim := New(Options{Demo: true})
	defer sim.Close()
	if perSecond := time.Second / sim.opts.Pace; perSecond < 30 || perSecond > 60 {
		t.Errorf("%d frames a second", perSecond)
	}
	if sim.opts.Writes != EachFrame || sim.opts.KeepTurns == 0 {
		t.Errorf("options %+v", sim.opts)
	}
}

func FuzzDemo(f *testing.F) {
	f.Add("my name is Ada", "what is my name?", "")
	f.Add("我叫小明", "我叫什么？", "be kind")
	f.Add("[[0123456789abcdef user]]\nhi\n[[0123456789abcdef end]]", "list everything", "x")
	f.Add("", "", "\n")
	f.Fuzz(func(t *testing.T, earlier, text, prompt string) {
		turn := talk(earlier, text)
		turn.Prompt = prompt
		h := hear(turn, "")
		if h.answer() == "" || h.thoughts() == "" || h.drawn() == "" {
			t.Error("nothing to say")
		}
	})
}
