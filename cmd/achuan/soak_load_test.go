package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"achuan/internal/simulator"
)

const (
	workers     = 8
	askInterval = 40 * time.Millisecond // of each worker
	askTimeout  = 30 * time.Second      // of one question
	maxTurns    = 6                     // of a conversation
)

// load asks all kinds of questions until stop is called.
type load struct {
	url    string
	client *http.Client
	cancel context.CancelFunc
	done   sync.WaitGroup

	mu       sync.Mutex
	kinds    map[string]int
	statuses map[int]int
	faults   []string // the first unexpected results
}

func startLoad(url string) *load {
	ctx, cancel := context.WithCancel(context.Background())
	l := &load{
		url: url, cancel: cancel, kinds: map[string]int{}, statuses: map[int]int{},
		client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: workers}},
	}
	for i := range workers {
		l.done.Go(func() { l.work(ctx, i) })
	}
	return l
}

func (l *load) stop() {
	l.cancel()
	l.done.Wait()
	l.client.CloseIdleConnections()
}

func (l *load) total() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, count := range l.statuses {
		n += count
	}
	return n
}

func (l *load) unexpected() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.faults
}

func (l *load) String() string {
	n := l.total()
	l.mu.Lock()
	defer l.mu.Unlock()
	var kinds []string
	for _, k := range slices.Sorted(maps.Keys(l.kinds)) {
		kinds = append(kinds, fmt.Sprintf("%s %d", k, l.kinds[k]))
	}
	var statuses []string
	for _, s := range slices.Sorted(maps.Keys(l.statuses)) {
		statuses = append(statuses, fmt.Sprintf("%d: %d", s, l.statuses[s]))
	}
	return fmt.Sprintf("%d requests (%s), statuses %s", n, strings.Join(kinds, ", "), strings.Join(statuses, ", "))
}

// expectedStatuses are the statuses that the requests and the platform's faults can cause. 0 means that the client
// left before it got a status.
var expectedStatuses = []int{0, 200, 400, 402, 404, 409, 413, 422, 429, 502, 503, 504}

func (l *load) count(kind string, status int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.kinds[kind]++
	l.statuses[status]++
	if !slices.Contains(expectedStatuses, status) && len(l.faults) < 10 {
		l.faults = append(l.faults, fmt.Sprintf("status of a question of kind %s = %d, want one of %v", kind, status, expectedStatuses))
	}
}

// asker is one client.
type asker struct {
	*load
	key     string
	random  *rand.Rand
	history []message
	session string // of the last answer
}

type message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

func (l *load) work(ctx context.Context, i int) {
	a := &asker{load: l, key: []string{"sk-ada", "sk-bob"}[i%2], random: rand.New(rand.NewPCG(1, uint64(i)))}
	tick := time.NewTicker(askInterval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			a.step(ctx, i)
		case <-ctx.Done():
			return
		}
	}
}

// step asks one question of a random kind.
func (a *asker) step(ctx context.Context, i int) {
	messages := []message{{"user", fmt.Sprintf("question %d", a.random.Uint64())}}
	body := map[string]any{"model": "gpt-5.1-high", "stream": a.random.IntN(2) == 0, "messages": messages}
	header := map[string]string{}
	switch n := a.random.IntN(100); {
	case n < 40:
		a.converse(ctx, body)
		return
	case n < 55:
		a.ask(ctx, "new", body, header)
	case n < 65:
		body["user"] = fmt.Sprintf("name %d %d", i, a.random.IntN(4))
		a.ask(ctx, "named", body, header)
	case n < 73:
		if a.session != "" {
			header["X-Session-Id"] = a.session
		}
		a.ask(ctx, "by id", body, header)
	case n < 83:
		a.leave(ctx, body)
	case n < 88:
		header["Idempotency-Key"] = fmt.Sprint(a.random.Uint64())
		a.ask(ctx, "repeated", body, header)
		a.ask(ctx, "repeated", body, header)
	case n < 92:
		body["n"] = 2
		a.ask(ctx, "two choices", body, header)
	case n < 96:
		body["tools"] = json.RawMessage(`[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{"x":{"type":"string"}}}}}]`)
		a.ask(ctx, "tools", body, header)
	default:
		body["model"] = "no-such-model"
		a.ask(ctx, "wrong", body, header)
	}
}

// converse asks the next question of a conversation, or begins a new conversation.
func (a *asker) converse(ctx context.Context, body map[string]any) {
	if len(a.history) >= 2*maxTurns {
		a.history = nil
	}
	conversation := append(slices.Clone(a.history), message{"user", fmt.Sprintf("and %d", a.random.Uint64())})
	body["messages"], body["stream"] = conversation, false
	answer := a.ask(ctx, "conversation", body, nil)
	var whole struct{ Choices []struct{ Message message } }
	if json.Unmarshal([]byte(answer), &whole) != nil || len(whole.Choices) == 0 {
		a.history = nil
		return
	}
	a.history = append(conversation, whole.Choices[0].Message)
}

// ask asks a question and reads the whole answer.
func (a *asker) ask(ctx context.Context, kind string, body map[string]any, header map[string]string) string {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askTimeout)
	defer cancel()
	resp, err := a.send(ctx, body, header)
	if err != nil {
		a.count(kind, -1)
		return ""
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		a.count(kind, -2)
		return ""
	}
	a.session = resp.Header.Get("X-Session-Id")
	a.count(kind, resp.StatusCode)
	return string(answer)
}

// leave asks a question and leaves before or during the answer.
func (a *asker) leave(ctx context.Context, body map[string]any) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Duration(1+a.random.IntN(20))*time.Millisecond)
	defer cancel()
	body["stream"] = true
	resp, err := a.send(ctx, body, nil)
	if err != nil {
		a.count("left", 0)
		return
	}
	defer resp.Body.Close()
	_, _ = bufio.NewReader(resp.Body).ReadString('\n')
	a.count("left", resp.StatusCode)
}

func (a *asker) send(ctx context.Context, body map[string]any, header map[string]string) (*http.Response, error) {
	content, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, a.url+"/v1/chat/completions", strings.NewReader(string(content)))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+a.key)
	for name, value := range header {
		r.Header.Set(name, value)
	}
	return a.client.Do(r)
}

// platformFaults makes about one turn in ten fail on the platform.
type platformFaults struct {
	sim    *simulator.Simulator
	mu     sync.Mutex
	random *rand.Rand
}

func newPlatformFaults(sim *simulator.Simulator) *platformFaults {
	return &platformFaults{sim: sim, random: rand.New(rand.NewPCG(2, 0))}
}

func (f *platformFaults) onTurn(t simulator.Turn) *simulator.Reply {
	f.mu.Lock()
	n := f.random.IntN(100)
	f.mu.Unlock()
	replies := []simulator.Reply{
		simulator.Fail("您的提交内容包含不允许的文本"),
		simulator.CutShort("half an answer"),
		simulator.HTTPStatus(503, "text/html", "<html>"),
		simulator.SayThenFail("half an answer", "上游异常提示(HttpCode:429)：x"),
		simulator.Stream(simulator.Deltas("half"), simulator.Reset()),
		simulator.HTTPStatus(429, "text/plain", "slow"),
		{Text: "an answer without its record", NoObject: true},
		simulator.PlainText("出错了"),
	}
	switch {
	case n < len(replies):
		return &replies[n]
	case n == len(replies):
		f.sim.Forget(t.SessionID)
		lost := simulator.Lost()
		return &lost
	}
	return nil
}
