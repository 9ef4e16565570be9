//go:build linux

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"achuan/internal/simulator"
)

const (
	floodDuration = 15 * time.Second // default of floodVariable
	memoryLimit   = 1 << 30
	// maxNormalTime is the longest allowed time of a normal request during the flood.
	maxNormalTime  = 10 * time.Second
	normalInterval = 200 * time.Millisecond
	// maxHostileTime is the time after which a hostile client disconnects.
	maxHostileTime = 5 * time.Second
	// memoryInterval is the time between two looks at the memory of the process.
	memoryInterval = 20 * time.Millisecond
)

// Clients and the platform send everything that costs very much memory or time, all at the same time, to a process with
// 1 GiB of memory. The process survives, and a normal client gets its answers in time. After the flood the process is
// idle.
func TestFlood(t *testing.T) {
	length := durationFromEnv(t, floodVariable, floodDuration)
	env := newTestEnv(t, simulator.Options{KeepTurns: 10}, sqliteSetting(t),
		"ACHUAN_LOG_LEVEL=info", "ACHUAN_FIRST_EVENT_TIMEOUT=5s", "ACHUAN_IDLE_TIMEOUT=5s")
	env.ctx = longTestContext(t, 1, length)
	env.sim.OnTurn(env.hostileAnswer)
	env.sim.Intercept(simulator.RouteCompletions, floodFrames)
	group := newMemoryGroup(t)
	token := simulator.NewToken(simulator.DefaultUser, time.Now(), 24*time.Hour)
	p := launchLimited(t, group, token, env.environ).waitUntilServing()
	stopWatching := p.watchMemory()
	normal := &normalClient{p: p}
	normal.ask(env.ctx, t) // without a flood

	ctx, cancel := context.WithTimeout(env.ctx, length)
	defer cancel()
	var load sync.WaitGroup
	kinds := hostileKinds()
	for i := range kinds {
		for range kinds[i].clients {
			load.Go(func() { kinds[i].run(ctx, p) })
		}
	}
	load.Go(func() { floodConnections(ctx, p) })
	for tick := time.NewTicker(normalInterval); ctx.Err() == nil; <-tick.C {
		normal.ask(env.ctx, t)
		select {
		case <-p.ended:
			t.Fatalf("process ended (%v) after %d normal requests, want it to serve:\n%s", p.command.ProcessState, len(normal.times), p.logSummary())
		default:
		}
	}
	load.Wait()
	peak := stopWatching()
	t.Logf("%v: peak memory = %d MiB of %d, normal requests = %s", length, peak>>20, memoryLimit>>20, normal)
	for i := range kinds {
		t.Logf("%s", &kinds[i])
	}
	if peak > memoryLimit {
		t.Errorf("peak memory = %d bytes, want at most %d", peak, memoryLimit)
	}
	p.waitUntilIdle()
	normal.ask(env.ctx, t)
}

// normalClient asks short questions and measures the time of the answers.
type normalClient struct {
	p     *process
	times []time.Duration
}

func (c *normalClient) ask(ctx context.Context, t *testing.T) {
	t.Helper()
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, 3*maxNormalTime)
	defer cancel()
	r := c.p.ask(ctx, request{
		Model: model, Messages: []message{{"user", "a normal question"}}, Stream: len(c.times)%2 == 0,
	})
	took := time.Since(began)
	c.times = append(c.times, took)
	if !r.isSuccess() || took > maxNormalTime {
		t.Errorf("normal request %d = %s after %v, want an answer within %v", len(c.times), r, took, maxNormalTime)
	}
}

func (c *normalClient) String() string {
	slices.Sort(c.times)
	percentile := func(share float64) time.Duration {
		return c.times[int(share*float64(len(c.times)-1))].Round(time.Millisecond)
	}
	return fmt.Sprintf("%d, median %v, 99 %% within %v, longest %v",
		len(c.times), percentile(0.5), percentile(0.99), percentile(1))
}

// launchLimited starts the program in a memory cgroup. Without a group, the process gets the limit of the heap that it
// would set itself in the group, and only the test checks its memory.
func launchLimited(t *testing.T, group, token string, environ []string) *process {
	t.Helper()
	if group == "" {
		t.Log("this user cannot create a memory cgroup: the test only checks the peak memory")
		return launchProgram(t, token, append(environ, fmt.Sprintf("GOMEMLIMIT=%d", memoryLimit/100*80)))
	}
	return launchCommand(t, token, environ, "sh", "-c", `echo $$ >"$0"/cgroup.procs && exec "$@"`, group, binaryPath, "serve")
}

// newMemoryGroup creates a cgroup with the memory limit below the cgroup of this process. It returns its folder, or ""
// when that is not possible.
func newMemoryGroup(t *testing.T) string {
	t.Helper()
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(own)) {
		_, rest, _ := strings.Cut(strings.TrimSpace(line), ":")
		controllers, path, _ := strings.Cut(rest, ":")
		root, limit := "/sys/fs/cgroup", "memory.max"
		switch {
		case slices.Contains(strings.Split(controllers, ","), "memory"):
			root, limit = "/sys/fs/cgroup/memory", "memory.limit_in_bytes"
		case controllers != "":
			continue
		}
		group := filepath.Join(root, path, fmt.Sprintf("achuan-e2e-%d", os.Getpid()))
		if os.Mkdir(group, 0o755) != nil {
			continue
		}
		t.Cleanup(func() { _ = os.Remove(group) }) // the process has ended by then
		if os.WriteFile(filepath.Join(group, limit), []byte(strconv.Itoa(memoryLimit)), 0o644) == nil {
			return group
		}
	}
	return ""
}

// watchMemory looks at the memory of the process until stop is called, which returns the peak in bytes.
func (p *process) watchMemory() (stop func() int64) {
	done, peak := make(chan struct{}), make(chan int64)
	go func() {
		tick := time.NewTicker(memoryInterval)
		defer tick.Stop()
		var most int64
		for {
			most = max(most, p.anonymousMemory())
			select {
			case <-tick.C:
			case <-done:
				peak <- most
				return
			}
		}
	}()
	return func() int64 {
		close(done)
		return <-peak
	}
}

// anonymousMemory returns the resident memory of the process without pages of files, in bytes. The kernel keeps a peak
// only with such pages (VmHWM). They do not count, because the kernel drops them when memory is short. It returns 0
// when the process has ended.
func (p *process) anonymousMemory() int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.command.Process.Pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, "RssAnon:"); ok {
			kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			if err != nil {
				p.t.Errorf("RssAnon = %q, want a number of kB", value)
			}
			return kib << 10
		}
	}
	return 0
}

// waitUntilIdle waits until the process uses less than a tenth of one CPU.
func (p *process) waitUntilIdle() {
	p.t.Helper()
	const interval = 2 * time.Second
	tick := time.NewTicker(interval)
	defer tick.Stop()
	last := p.processorTicks()
	for range int(2 * processTimeout / interval) {
		<-tick.C
		now := p.processorTicks()
		if now-last < int64(interval/time.Second)*100/10 { // /proc counts 100 ticks per second
			return
		}
		last = now
	}
	p.t.Errorf("process is busy %v after the flood, want it idle", 2*processTimeout)
}

// processorTicks returns the CPU time of the process in ticks.
func (p *process) processorTicks() int64 {
	p.t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.command.Process.Pid))
	if err != nil {
		p.t.Fatal(err)
	}
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	var sum int64
	for _, field := range fields[11:13] { // user and system time
		ticks, err := strconv.ParseInt(string(field), 10, 64)
		if err != nil {
			p.t.Fatal(err)
		}
		sum += ticks
	}
	return sum
}

// floodConnections opens connections that send nothing or half a request, and keeps each open for a second.
func floodConnections(ctx context.Context, p *process) {
	const connections = 200
	for round := 0; ctx.Err() == nil; round++ {
		var open []net.Conn
		for i := range connections {
			c, err := net.DialTimeout("tcp", strings.TrimPrefix(p.url, "http://"), maxHostileTime)
			if err != nil {
				break
			}
			open = append(open, c)
			if i%2 == 0 {
				const half = "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000000\r\n"
				_, _ = io.WriteString(c, half)
			}
		}
		sleepUntilDone(ctx, time.Second)
		for _, c := range open {
			_ = c.Close() // the server may have closed it
		}
	}
}

// sleepUntilDone waits, or until ctx ends.
func sleepUntilDone(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// floodFrames sends endless replies: a question that contains one of these names gets its frames until the client
// leaves.
func floodFrames(w http.ResponseWriter, r *http.Request, usual http.HandlerFunc) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	frame := ""
	for name, payload := range map[string]string{
		"endless empty frames":   `{"id":"1","type":"string","data":"","code":0}`,
		"endless patches":        `{"id":"1","type":"object","data":{"field":"log","id":"a","data":{}},"code":0}`,
		"endless unknown frames": `{"id":"1","type":"weather","data":{},"code":0}`,
		"endless text":           `{"id":"1","type":"string","data":"` + strings.Repeat("text ", 1000) + `","code":0}`,
		"one endless line":       "",
	} {
		if bytes.Contains(body, []byte(name)) {
			frame = "data: " + payload + "\n\n"
			if payload == "" {
				frame = strings.Repeat("x", 4<<10)
			}
		}
	}
	if frame == "" {
		usual(w, r)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	chunk := []byte(strings.Repeat(frame, 1+(16<<10)/len(frame)))
	for r.Context().Err() == nil {
		if _, err := w.Write(chunk); err != nil {
			return
		}
	}
}
