package simulator

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The frames that the tests expect. T stands for the task id, and R for the record.
const (
	textFrame = `data: {"id":"T","type":"string","data":"hello","code":0}` + "\n\n"
	lastFrame = `data: {"id":"T","type":"object","data":R,"code":0}` + "\n\n"
	doneFrame = "data: [DONE]\n\n"
)

func errFrame(text string) string {
	return `data: {"id":"T","type":"string","data":null,"code":1,"err":"` + text + `"}` + "\n\n"
}

// helloReply returns a reply with one text frame.
func helloReply(change func(*Reply)) Reply {
	r := Reply{Deltas: []string{"hello"}}
	if change != nil {
		change(&r)
	}
	return r
}

func TestScriptedStreams(t *testing.T) {
	for _, tt := range []struct {
		name   string
		reply  Reply
		want   string
		stored string // aiText; "-" for no record
	}{
		{"whole", helloReply(nil), textFrame + lastFrame + doneFrame, "hello"},
		{"no text", Reply{}, lastFrame + doneFrame, ""},
		{"no object", helloReply(func(r *Reply) { r.NoObject = true }), textFrame + doneFrame, "hello"},
		{"no [DONE]", helloReply(func(r *Reply) { r.NoDone = true }), textFrame + lastFrame, "hello"},
		{"neither", helloReply(func(r *Reply) { r.NoObject, r.NoDone = true, true }), textFrame, "hello"},
		{"aiText is longer", helloReply(func(r *Reply) { r.AIText = new("hello there") }), textFrame + lastFrame + doneFrame, "hello there"},
		{"aiText is empty", helloReply(func(r *Reply) { r.AIText = new("") }), textFrame + lastFrame + doneFrame, ""},
		{"nothing is stored", helloReply(func(r *Reply) { r.NoRecord = true }), textFrame + lastFrame + doneFrame, "-"},
		{"error", Fail("quota"), errFrame("quota"), "-"},
		{"error after text", helloReply(func(r *Reply) { r.Error = "quota" }), textFrame + errFrame("quota"), "hello"},
		{"lost", Lost(), errFrame("对话不存在"), "-"},
		{"error with a code, then [DONE]", Stream(Err(429, "slow"), Done()),
			strings.Replace(errFrame("slow"), `"code":1`, `"code":429`, 1) + doneFrame, "-"},
		{"CRLF", helloReply(func(r *Reply) { r.CRLF = true }), strings.ReplaceAll(textFrame+lastFrame+doneFrame, "\n", "\r\n"), "hello"},
		{"no space", helloReply(func(r *Reply) { r.Tight = true }), strings.ReplaceAll(textFrame+lastFrame+doneFrame, "data: ", "data:"), "hello"},
		{"comments and junk", Stream(Comment("wait"), Raw("junk\n"), Deltas("hello"), Raw("data: {\n\n"), Object(), Done()),
			": wait\n\njunk\n" + textFrame + "data: {\n\n" + lastFrame + doneFrame, "hello"},
		{"frames of other kinds", Stream(Patch("logMap", "k1", `{"a":1}`), Deltas("hello"), Stats(3), CloseFrame(), Object(), Done()),
			`data: {"id":"T","type":"object","data":{"field":"logMap","id":"k1","data":{"a":1}},"code":0}` + "\n\n" + textFrame +
				`data: {"id":"T","type":"stats","data":{"totalToken":3},"code":0}` + "\n\n" + `data: {"id":"T","type":"close","data":null,"code":0}` + "\n\n" +
				lastFrame + doneFrame, "hello"},
		{"several deltas", Stream(Deltas("hello", "hello"), Deltas("hello")), textFrame + textFrame + textFrame, "hellohellohello"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, id := newTestSession(t, Options{})
			c.sim.Script(tt.reply)
			got := c.ask(id, "hi")
			turn := c.sim.Attempts()[0]
			if _, rest, ok := strings.Cut(got, `"type":"object","data":{"id":5`); ok {
				record, _, _ := strings.Cut(`{"id":5`+rest, `},"code":0}`)
				got = strings.Replace(got, record+"}", "R", 1)
			}
			if diff := cmp.Diff(tt.want, strings.ReplaceAll(got, turn.TaskID, "T")); diff != "" {
				t.Errorf("stream (-want +got):\n%s", diff)
			}
			stored := "-"
			if r := c.sim.Records(id); len(r) > 0 {
				stored = r[0].AIText
			}
			if stored != tt.stored {
				t.Errorf("stored %q, want %q", stored, tt.stored)
			}
			if c.sim.InFlight() != 0 || turn.Ended.IsZero() {
				t.Errorf("in flight = %d, turn = %+v; want 0 and an ended turn", c.sim.InFlight(), turn)
			}
		})
	}
}

func TestScriptedRecord(t *testing.T) {
	c, id := newTestSession(t, Options{})
	c.sim.Script(Reply{Text: "a", UserStop: true, Usage: &Usage{Prompt: 205, Completion: 4, Context: 195}}, Reply{Text: "a", NoUsage: true})
	if got, want := c.ask(id, "hi"), `"promptTokens":205,"completionTokens":4,"contextTokens":195,"useTokens":209,`; !strings.Contains(got, want) ||
		!strings.Contains(got, `"userStop":true`) {
		t.Errorf("stream = %s\nwant in it %s and userStop", got, want)
	}
	if got := c.ask(id, "hi"); strings.Contains(got, "Tokens") {
		t.Errorf("stream = %s, want no token counts", got)
	}
}

func TestScriptedReplies(t *testing.T) {
	for _, tt := range []struct {
		name   string
		reply  Reply
		status int
		kind   string
		body   string
	}{
		{"HTML", HTTPStatus(502, "text/html", "<html>bad gateway"), 502, "text/html", "<html>bad gateway"},
		{"no body", HTTPStatus(524, "", ""), 524, "", ""},
		{"plain text", PlainText("余量不足"), 200, "text/plain", "余量不足"},
		{"envelope", JSON(1, "套餐余量不足"), 200, "application/json; charset=utf-8", `{"code":1,"data":null,"msg":"套餐余量不足"}`},
		{"with headers", Reply{Status: 429, ContentType: "text/plain", Header: http.Header{"Retry-After": {"7"}}}, 429, "text/plain", ""},
		{"a stream by another name", Reply{ContentType: "text/event-stream; charset=utf-8", NoObject: true}, 200, "text/event-stream; charset=utf-8", doneFrame},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, id := newTestSession(t, Options{})
			c.sim.Script(tt.reply)
			resp := c.mustOpen(id, "hi")
			if body := read(t, resp); resp.StatusCode != tt.status || resp.Header.Get("Content-Type") != tt.kind || body != tt.body {
				t.Errorf("reply = HTTP %d %s %q, want HTTP %d %s %q",
					resp.StatusCode, resp.Header.Get("Content-Type"), body, tt.status, tt.kind, tt.body)
			}
			if want := tt.reply.Header.Get("Retry-After"); resp.Header.Get("Retry-After") != want {
				t.Errorf("Retry-After = %q, want %q", resp.Header.Get("Retry-After"), want)
			}
			if n := len(c.sim.Records(id)); n > 0 && tt.body != doneFrame {
				t.Errorf("records = %d, want 0", n)
			}
		})
	}
}

func TestBrokenConnections(t *testing.T) {
	for _, tt := range []struct {
		name     string
		reply    Reply
		noReply  bool
		wantErr  error
		wantRead string
		stored   string
	}{
		{"without a reply", Stream(Cut()), true, io.EOF, "", "-"},
		{"after the headers", Stream(Head(), Cut()), false, io.ErrUnexpectedEOF, "", "-"},
		{"after text", CutShort("hello"), false, io.ErrUnexpectedEOF, textFrame, "hello"},
		{"inside a frame", Stream(Raw(`data: {"id`), Cut()), false, io.ErrUnexpectedEOF, `data: {"id`, "-"},
		{"and the answer goes on", Stream(Deltas("hello"), Cut(), Deltas(" there"), Object()), false, io.ErrUnexpectedEOF, textFrame, "hello there"},
		{"after three bytes", Reply{Deltas: []string{"hello"}, CutAfter: 3}, false, io.ErrUnexpectedEOF, "dat", "hello"},
		{"after three bytes, a frame at a time", Reply{Deltas: []string{"hello"}, CutAfter: 3, Writes: EachFrame}, false, io.ErrUnexpectedEOF, "dat", "hello"},
		{"inside the second frame", Reply{Deltas: []string{"hello", "there"}, CutAfter: len(textFrame) + 18 + 3, Writes: EachFrame}, false, io.ErrUnexpectedEOF, textFrame + "dat", "hellothere"},
		{"by a reset", Stream(Reset()), true, syscall.ECONNRESET, "", "-"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, id := newTestSession(t, Options{})
			c.sim.Script(tt.reply)
			resp, err := c.open(t.Context(), id, "hi")
			if tt.noReply {
				if !errors.Is(err, tt.wantErr) {
					t.Fatalf("request = %v, want %v", err, tt.wantErr)
				}
			} else {
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				got, err := io.ReadAll(resp.Body)
				if text := strings.ReplaceAll(string(got), c.sim.Turns()[0].TaskID, "T"); text != tt.wantRead || !errors.Is(err, tt.wantErr) {
					t.Errorf("read %q, %v; want %q, %v", text, err, tt.wantRead, tt.wantErr)
				}
			}
			c.await(func() bool { return c.sim.InFlight() == 0 })
			stored := "-"
			if r := c.sim.Records(id); len(r) > 0 {
				stored = r[0].AIText
			}
			if stored != tt.stored {
				t.Errorf("stored %q, want %q", stored, tt.stored)
			}
		})
	}
}

func TestHang(t *testing.T) {
	for _, tt := range []struct {
		name  string
		reply Reply
		read  string // before it hangs; "-" for no reply
	}{
		{"before the headers", Stream(Hang(), Deltas("late"), Object()), "-"},
		{"before the first frame", Stream(Head(), Hang(), Deltas("late"), Object()), ""},
		{"in the middle", Stream(Deltas("hello"), Hang(), Deltas("late"), Object()), textFrame},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, id := newTestSession(t, Options{})
			c.sim.Script(tt.reply)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if tt.read == "-" {
				go func() {
					_ = c.sim.Await(ctx, func() bool { return len(c.sim.Turns()) == 1 })
					cancel()
				}()
			}
			resp, err := c.open(ctx, id, "hi")
			if tt.read == "-" {
				if !errors.Is(err, context.Canceled) {
					t.Fatalf("request = %v, want %v", err, context.Canceled)
				}
			} else {
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				got := make([]byte, len(strings.ReplaceAll(tt.read, "T", strings.Repeat("1", 19))))
				if _, err := io.ReadFull(resp.Body, got); err != nil {
					t.Fatal(err)
				}
				cancel()
			}
			// The model continues after the client has left.
			c.await(func() bool { r := c.sim.Records(id); return len(r) == 1 && strings.HasSuffix(r[0].AIText, "late") })
			c.await(func() bool { return c.sim.Turns()[0].ClientGone })
		})
	}
}

func TestOnTurn(t *testing.T) {
	c, id := newTestSession(t, Options{Answer: func(t Turn) string { return "usual " + t.Text }})
	c.sim.OnTurn(func(t Turn) *Reply {
		if t.Text == "special" {
			return new(Say("for you"))
		}
		return nil
	})
	c.sim.Script(Say("queued"))
	var got []string
	for _, text := range []string{"special", "special", "else"} {
		got = append(got, deltas(t, c.ask(id, text)))
	}
	c.sim.OnTurn(nil)
	got = append(got, deltas(t, c.ask(id, "special")))
	if diff := cmp.Diff([]string{"queued", "for you", "usual else", "usual special"}, got); diff != "" {
		t.Errorf("answers (-want +got):\n%s", diff)
	}
}
