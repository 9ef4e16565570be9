//go:build linux

package e2e

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"achuan/internal/simulator"
)

// hostileLoad is one kind of request that is expensive for the server.
type hostileLoad struct {
	name    string
	clients int           // number of clients at the same time
	pause   time.Duration // between the requests of a client
	header  map[string]string
	body    func(n int64) io.Reader // of the n-th request

	sent     atomic.Int64
	mu       sync.Mutex
	statuses map[int]int // number by status; 0: no status, because the client or the server closed the connection
}

// run sends requests until ctx ends.
func (h *hostileLoad) run(ctx context.Context, p *process) {
	for ctx.Err() == nil {
		h.addStatus(h.send(ctx, p))
		sleepUntilDone(ctx, h.pause)
	}
}

func (h *hostileLoad) send(ctx context.Context, p *process) (status int) {
	ctx, cancel := context.WithTimeout(ctx, maxHostileTime)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url+"/v1/chat/completions", h.body(h.sent.Add(1)))
	if err != nil {
		return 0
	}
	r.Header.Set("Content-Type", "application/json")
	for name, value := range h.header {
		r.Header.Set(name, value)
	}
	res, err := transport.RoundTrip(r)
	if err != nil {
		return 0
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		return 0
	}
	return res.StatusCode
}

func (h *hostileLoad) addStatus(status int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.statuses == nil {
		h.statuses = map[int]int{}
	}
	h.statuses[status]++
}

func (h *hostileLoad) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var parts []string
	for _, status := range slices.Sorted(maps.Keys(h.statuses)) {
		parts = append(parts, fmt.Sprintf("%d: %d", status, h.statuses[status]))
	}
	return fmt.Sprintf("%-28s %s", h.name, strings.Join(parts, ", "))
}

// questionBody returns the body of a request with a question and further fields.
func questionBody(question, fields string) io.Reader {
	return strings.NewReader(`{"model":"` + model + `","stream":true,"messages":[{"role":"user","content":"` + question + `"}]` +
		fields + `}`)
}

// repeatedBody returns a large body with a piece that is repeated. All requests share one copy of it.
func repeatedBody(before, piece string, count int, after string) func(int64) io.Reader {
	middle := []byte(strings.Repeat(piece, count))
	return func(int64) io.Reader {
		return io.MultiReader(strings.NewReader(before), bytes.NewReader(middle), strings.NewReader(after))
	}
}

const (
	bodyStart        = `{"model":"` + model + `","messages":[{"role":"user","content":"`
	bodyWithQuestion = bodyStart + `hello"}],`
	schemaStart      = `,"response_format":{"type":"json_schema","json_schema":{"name":"x","schema":`
)

// hostileKinds returns the requests of the flood.
func hostileKinds() []hostileLoad {
	return slices.Concat(hostileBodies(), hostileSchemas(), hostileReplies())
}

// hostileBodies returns requests with large, deep or long bodies.
func hostileBodies() []hostileLoad {
	second := time.Second
	return []hostileLoad{
		{name: "bodies of 30 MB", clients: 32, pause: second, body: repeatedBody(bodyStart, "0123456789", 3_000_000, `"}]}`)},
		{name: "escapes, 30 MB", clients: 2, pause: second, body: repeatedBody(bodyStart, `\u4f60`, 5_000_000, `"}]}`)},
		{name: "1,400,000 messages", clients: 1, pause: second, body: repeatedBody(`{"model":"`+model+`","messages":[0`, ",0", 1_400_000, `]}`)},
		{name: "1,400,000 parts", clients: 1, pause: second, body: repeatedBody(`{"model":"`+model+`","messages":[{"role":"user","content":[0`, ",0", 1_400_000, `]}]}`)},
		{name: "300,000 small messages", clients: 1, pause: second, body: repeatedBody(bodyWithQuestion[:len(bodyWithQuestion)-2], `,{"role":"user","content":"a"}`, 300_000, `]}`)},
		{name: "nesting, 1,000,000 deep", clients: 1, pause: second, body: repeatedBody(bodyWithQuestion+`"metadata":`, "[", 1_000_000, "")},
		{name: "stop of 10 MB", clients: 2, pause: second, body: repeatedBody(bodyWithQuestion+`"stop":"`, "0123456789", 1_000_000, `"}`)},
		{name: "1,000,000 stops", clients: 1, pause: second, body: repeatedBody(bodyWithQuestion+`"stop":["a"`, `,"b"`, 1_000_000, `]}`)},
		{name: "400 tools of 60 KB", clients: 2, pause: second, body: manyTools(400, 60_000)},
		{name: "gzip, 256 MB of blanks", clients: 2, pause: second, header: map[string]string{"Content-Encoding": "gzip"}, body: gzipBomb(256 << 20)},
		{name: "a body that never ends", clients: 4, pause: second, body: func(int64) io.Reader { return slowBody{} }},
	}
}

// hostileSchemas returns requests with schemas that are expensive to compile or to check.
func hostileSchemas() []hostileLoad {
	pattern := func(p string) func(int64) io.Reader {
		return func(n int64) io.Reader {
			return questionBody("pattern", schemaStart+`{"type":"object","properties":{"x":{"type":"string","pattern":"`+p+strconv.FormatInt(n, 10)+`?"}},"required":["x"]}}}`)
		}
	}
	items := `{"type":"array","items":{"type":"integer"}}}}`
	return []hostileLoad{
		{name: "pattern of 7 KB", clients: 4, body: pattern(strings.Repeat(`[\\p{L}\\p{N}_-]{1,999}`, 300))},
		{name: "(a?){1000}, 100 times", clients: 2, body: pattern(strings.Repeat("(a?){1000}", 100))},
		{name: "((a{1,30}){1,30}){1,30}", clients: 2, body: pattern(strings.Repeat("((a{1,9}){1,9}){1,9}", 50))},
		{name: "1,300,000 invalid items", clients: 2, body: func(int64) io.Reader { return questionBody("invalid items", schemaStart+items) }},
		{name: "schema, 200,000 properties", clients: 1, pause: time.Second, body: repeatedBody(
			bodyWithQuestion+`"response_format":{"type":"json_schema","json_schema":{"name":"x","schema":{"type":"object","properties":{"a":{}`,
			`,"b":{"type":"string"}`, 200_000, `}}}}}`)},
		{name: "schema, nested references", clients: 1, body: func(n int64) io.Reader { return questionBody("references", schemaStart+references(n)+`}}`) }},
	}
}

// hostileReplies returns requests for which the platform sends endless or very large replies.
func hostileReplies() (all []hostileLoad) {
	for name, clients := range map[string]int{
		"endless empty frames": 1, "endless patches": 1, "endless unknown frames": 1, "endless text": 1, "one endless line": 1,
		"20,000 calls": 1, "a call of 4 MB": 4, "1,900,000 numbers": 2, "a call of 20 MB": 4, "a call of 20 MB in pieces": 2,
		"text of 16 MB": 2,
	} {
		all = append(all, hostileLoad{name: name, clients: clients, body: func(n int64) io.Reader {
			stream := ""
			if n%2 == 1 {
				stream = `,"stream":false` // the last of equal keys counts
			}
			return questionBody(name, `,"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}]`+stream)
		}})
	}
	return all
}

// hostileTexts are the very large answers of the model, by the name of the load. Package emulate takes calls of up to
// 4 MiB, and package platform takes answers of up to 16 MiB.
var hostileTexts = sync.OnceValue(func() map[string][]string {
	const start, end = `<tool_call>{"name":"f","arguments":{"a":`, `}}</tool_call>`
	call := func(size int) string { return start + `"` + strings.Repeat("0123456789", size/10) + `"` + end }
	return map[string][]string{
		"20,000 calls":              {strings.Repeat(start+"1"+end+"\n", 20_000)},
		"a call of 4 MB":            {call(4_000_000)},
		"1,900,000 numbers":         {start + "[1" + strings.Repeat(",1", 1_900_000) + "]" + end},
		"a call of 20 MB":           {call(20_000_000)},
		"a call of 20 MB in pieces": inPieces(call(20_000_000)),
		"text of 16 MB":             inPieces(strings.Repeat("0123456789", 1_600_000)),
	}
})

// inPieces cuts a text into pieces of 1000 bytes.
func inPieces(text string) (pieces []string) {
	for piece := range slices.Chunk([]byte(text), 1000) {
		pieces = append(pieces, string(piece))
	}
	return pieces
}

// manyTools returns a body with n tools of size bytes each.
func manyTools(n, size int) func(int64) io.Reader {
	var tools strings.Builder
	for i := range n {
		fmt.Fprintf(&tools, `,{"type":"function","function":{"name":"f%d","description":"%s","parameters":{"type":"object","properties":{"a":{"enum":["%s"]}}}}}`,
			i, strings.Repeat("d", size/2), strings.Repeat("e", size/2))
	}
	return repeatedBody(bodyWithQuestion+`"tools":[`+tools.String()[1:], "", 0, `]}`)
}

// references returns a schema whose definitions each refer to the next one twice.
func references(n int64) string {
	const depth = 40
	var b strings.Builder
	for i := range depth {
		fmt.Fprintf(&b, `,"d%d":{"anyOf":[{"$ref":"#/$defs/d%d"},{"$ref":"#/$defs/d%d"}]}`, i, i+1, i+1)
	}
	return fmt.Sprintf(`{"$ref":"#/$defs/d0","$defs":{"d%d":{"const":%d}%s}}`, depth, n, b.String())
}

// gzipBomb returns a small body that decompresses to size bytes.
func gzipBomb(size int) func(int64) io.Reader {
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	blanks := bytes.Repeat([]byte(" "), 1<<20)
	for range size / len(blanks) {
		_, _ = w.Write(blanks) // a buffer has no errors
	}
	_ = w.Close()
	return func(int64) io.Reader { return bytes.NewReader(packed.Bytes()) }
}

// slowBody is an endless body that sends one byte every 50 ms.
type slowBody struct{}

func (slowBody) Read(b []byte) (int, error) {
	<-time.After(50 * time.Millisecond) // the delay is its purpose
	b[0] = ' '
	return 1, nil
}

// hostileAnswer returns the expensive answers for the hostile clients.
func (env *testEnv) hostileAnswer(turn simulator.Turn) *simulator.Reply {
	switch {
	case strings.Contains(turn.Text, "pattern"):
		return &simulator.Reply{Deltas: []string{`{"x":"` + strings.Repeat("a", 20_000) + `"}`}}
	case strings.Contains(turn.Text, "invalid items"):
		return &simulator.Reply{Deltas: []string{"[0" + strings.Repeat(`,""`, 1_300_000) + "]"}}
	}
	if deltas := hostileTexts()[turn.Text]; deltas != nil {
		return &simulator.Reply{Deltas: deltas, NoRecord: true} // the simulator would keep gigabytes
	}
	return env.markedAnswer()
}
