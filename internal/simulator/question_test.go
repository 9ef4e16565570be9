package simulator

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFrameBytes(t *testing.T) {
	c := newTestPlatform(t, Options{Preset: new("12345678")})
	id := c.createSession("claude-sonnet-4-5-20250929")
	c.sim.Script(Reply{Deltas: []string{"Hel", "lo <b> & \"there\"\n"}})
	resp := c.mustOpen(id, "hello")
	task := resp.Header.Get("X-Chat-Task-Id")
	if ct := resp.Header.Get("Content-Type"); ct != "text/event-stream" {
		t.Errorf("content type = %q, want %q", ct, "text/event-stream")
	}
	record := `{"id":5000001,"created":"2026-01-15 10:20:30","updated":"2026-01-15 10:20:30","sessionId":1000001,"userText":"hello",` +
		`"aiText":"Hello \u003cb\u003e \u0026 \"there\"\n","uid":42,"ip":"127.0.0.1","taskId":"TASK","model":"Claude Sonnet 4.5","deductCount":2,` +
		`"refundCount":0,"promptTokens":4,"completionTokens":5,"contextTokens":2,"useTokens":9,"useImages":null,` +
		`"useFiles":null,"useAppId":0,"appendDeductCount":0,"userStop":false}`
	want := `data: {"id":"TASK","type":"string","data":"Hel","code":0}` + "\n\n" +
		`data: {"id":"TASK","type":"string","data":"lo \u003cb\u003e \u0026 \"there\"\n","code":0}` + "\n\n" +
		`data: {"id":"TASK","type":"object","data":` + record + `,"code":0}` + "\n\n" +
		"data: [DONE]\n\n"
	if diff := cmp.Diff(strings.ReplaceAll(want, "TASK", task), read(t, resp)); diff != "" {
		t.Errorf("stream (-want +got):\n%s", diff)
	}
	wantList := `{"code":0,"data":{"page":1,"size":10,"search":null,"asc":false,"total":1,"pages":1,"records":[` + record + `]},"msg":""}`
	if diff := cmp.Diff(strings.ReplaceAll(wantList, "TASK", task), c.mustCall("GET /api/chat/record/1000001?page=1", "")); diff != "" {
		t.Errorf("list of records (-want +got):\n%s", diff)
	}
}

func TestRefusedBeforeTheModel(t *testing.T) {
	for _, tt := range []struct {
		name, model, body, err string
	}{
		{"unknown session", "gpt-5.1-high", `{"text":"hi","sessionId":99,"files":[]}`, "对话不存在"},
		{"filter", "gpt-5.1-high", `{"text":"a #blocked# b","sessionId":1000001,"files":[]}`, "您的提交内容包含不允许的文本"},
		{"length", "gpt-5.1-high", `{"text":"` + strings.Repeat("长", 21) + `","sessionId":1000001}`, "message too long"},
		{"file name", "gpt-5.1-high", `{"text":"hi","sessionId":1000001,"files":[{"name":"pic","data":"data:,x"}]}`, "文件【pic】名称不合法"},
		{"type of a picture", "claude-sonnet-4-5-20250929",
			`{"text":"hi","sessionId":1000001,"files":[{"name":"a.png","data":"data:image/jpeg;base64,iVBORw0KGgoAAAAN"}]}`,
			"Anthropic 异常(HttpCode:400): messages.0.content.0.image.source.base64.media_type: " +
				"The image was specified using the image/jpeg media type, but it appears to be image/png"},
		{"unknown model", "gpt-9", `{"text":"hi","sessionId":1000001,"files":[]}`,
			"上游异常提示(HttpCode:404)：model_not_found - The model `gpt-9` does not exist or you do not have access to it.(request id: 20260115102030000000000SiMuLaTe)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newTestPlatform(t, Options{MaxText: 20})
			c.createSession(tt.model)
			c.sim.Script(Say("never")) // a refused question takes no reply
			status, got := c.call("POST /api/chat/completions", tt.body)
			attempts := c.sim.Attempts()
			if len(attempts) != 1 || attempts[0].Refused != tt.err {
				t.Fatalf("attempts = %+v, want one with refusal %q", attempts, tt.err)
			}
			want := fmt.Sprintf(`data: {"id":"%s","type":"string","data":null,"code":1,"err":%s}`+"\n\n", attempts[0].TaskID, marshal(tt.err))
			if status != http.StatusOK || got != want {
				t.Errorf("reply = HTTP %d %s\nwant HTTP 200 %s", status, got, want)
			}
			if len(c.sim.Turns()) != 0 || len(c.sim.Records(1000001)) != 0 || c.sim.Scripted() != 1 ||
				c.sim.InFlight() != 0 {
				t.Errorf("turns = %v, records = %v, queued replies = %d; want none, none, 1",
					c.sim.Turns(), c.sim.Records(1000001), c.sim.Scripted())
			}
		})
	}
}

func TestMalformedQuestion(t *testing.T) {
	c := newTestPlatform(t, Options{})
	c.createSession("gpt-5.1-high")
	for _, body := range []string{"", "[]", "{", `{"text":"hi"}`, `{"sessionId":1000001}`, `{"text":"hi","sessionId":"1000001"}`, `{"text":1,"sessionId":1000001}`} {
		if status, text := c.call("POST /api/chat/completions", body); status != http.StatusBadRequest {
			t.Errorf("reply to %q = HTTP %d %s, want HTTP 400", body, status, text)
		}
	}
}

func TestModelSeesContext(t *testing.T) {
	c, id := newTestSession(t, Options{Preset: new("12345678")})
	c.sim.Edit(id, func(s *Settings) { s.ContextCount = 2 })
	c.ask(id, "one")
	c.ask(id, "two")
	c.sim.AppendRecord(id, "typed elsewhere", "noted")
	c.sim.Edit(id, func(s *Settings) { s.Prompt = "new prompt" })
	c.ask(id, "three")
	turns := c.sim.Turns()
	last := turns[len(turns)-1]
	if diff := cmp.Diff([]Exchange{{"two", "answer 2 to: two"}, {"typed elsewhere", "noted"}}, last.History); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
	if last.Number != 4 || last.Text != "three" || last.Prompt != "new prompt" || last.Answer != "answer 4 to: three" || last.SessionID != id {
		t.Errorf("turn = %+v, want the fourth of session %d", last, id)
	}
	if string(last.Body) != questionBody(id, "three") || last.Header.Get("Authorization") != "token" {
		t.Errorf("request = %s %v, want the one that was sent", last.Body, last.Header)
	}
	records := c.sim.Records(id)
	newest := records[len(records)-1]
	context := Tokens("new prompt") + Tokens("two") + Tokens("answer 2 to: two") + Tokens("typed elsewhere") + Tokens("noted")
	got := []int{*newest.ContextTokens, *newest.PromptTokens, *newest.CompletionTokens, *newest.UseTokens}
	prompt, completion := context+Tokens("three"), Tokens("answer 4 to: three")
	if diff := cmp.Diff([]int{context, prompt, completion, prompt + completion}, got); diff != "" {
		t.Errorf("token counts (-want +got):\n%s", diff)
	}

	c.sim.Edit(id, func(s *Settings) { s.ContextCount = 0 })
	c.ask(id, "stateless")
	turns = c.sim.Turns()
	if last = turns[len(turns)-1]; len(last.History) != 0 {
		t.Errorf("history with contextCount 0 = %v, want none", last.History)
	}
}

func TestAnswersOfModels(t *testing.T) {
	c := newTestPlatform(t, Options{})
	thinker, painter := c.createSession("demo-thinker"), c.createSession("gemini-3-pro-preview-image")
	stream := c.ask(thinker, "hi")
	if got, want := deltas(t, stream), "<think>thinking about: hi</think>\n\nanswer 1 to: hi"; got != want {
		t.Errorf("answer of the thinker = %q, want %q", got, want)
	}
	if !strings.Contains(stream, `"\u003c"`) || strings.Contains(stream, `"\u003cthink\u003e"`) {
		t.Errorf("stream = %s, want the tag in several frames", stream)
	}
	got := deltas(t, c.ask(painter, "hi"))
	turns := c.sim.Turns()
	url := turns[1].PictureURL
	if !strings.HasPrefix(url, c.url+"/file/") || got != "answer 1 to: hi\n\n![image]("+url+")" {
		t.Errorf("answer of the drawing model = %q with picture %q, want the picture in the answer", got, url)
	}
	if r := c.sim.Records(painter)[0]; r.DeductCount != 100000 || r.Model != "Gemini 3 Pro 绘图" {
		t.Errorf("record of the drawing model = %+v, want its price and label", r)
	}
	if r := c.sim.Records(thinker)[0]; r.DeductCount != 0 {
		t.Errorf("price of a free model = %d, want 0", r.DeductCount)
	}
}

func TestFiles(t *testing.T) {
	c, id := newTestSession(t, Options{})
	c.call("POST /api/chat/completions", fmt.Sprintf(`{"text":"look","sessionId":%d,"files":[`+
		`{"name":"a.png","data":"data:image/png;base64,AA=="},{"name":"b.md","data":"data:text/markdown;base64,AA=="}]}`, id))
	task := c.sim.Turns()[0].TaskID
	r := c.sim.Records(id)[0]
	const folder = `["https://files.example.test/file/upload/2026/01/15/`
	if string(r.UseImages) != folder+task+`-0.png"]` || string(r.UseFiles) != folder+task+`-1.md"]` {
		t.Errorf("images = %s, files = %s; want one each", r.UseImages, r.UseFiles)
	}
	if f := c.sim.Turns()[0].Files; len(f) != 2 || f[1].Name != "b.md" {
		t.Errorf("files of the turn = %v, want both", f)
	}
}

func TestKeepTurns(t *testing.T) {
	c, id := newTestSession(t, Options{KeepTurns: 2})
	for _, text := range []string{"a", "b", "c"} {
		c.ask(id, text)
	}
	if turns := c.sim.Turns(); len(turns) != 2 || turns[0].Text != "b" || turns[1].Text != "c" {
		t.Errorf("turns = %+v, want b and c", turns)
	}
}
