//go:build linux

package e2e

import (
	"bufio"
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
	floodTime   = 15 * time.Second // without floodVariable
	memoryLimit = 1 << 30
	// maxNormalTime is the longest that a normal request may take beside the flood.
	maxNormalTime = 10 * time.Second
	normalEvery   = 200 * time.Millisecond
	// maxHostileTime is when a hostile client gives up and leaves.
	maxHostileTime = 5 * time.Second
)

// Clients and the platform send all that costs memory or time out of proportion, at
// once, to a process with 1 GiB of memory. It survives, and a normal client beside them
// gets its answers in time. When they have left, the process comes to rest.
func TestFlood(t *testing.T) {
	length := durationFrom(t, floodVariable, floodTime)
	s := newSite(t, simulator.Options{KeepTurns: 100}, file(t), "ACHUAN_LOG_LEVEL=info", "ACHUAN_FIRST_EVENT_TIMEOUT=5s", "ACHUAN_IDLE_TIMEOUT=5s")
	s.ctx = boundedBy(t, 1, length)
	s.sim.OnTurn(s.hostileAnswer)
	s.sim.Intercept(simulator.RouteCompletions, floodFrames)
	group := newMemoryGroup(t)
	p := launchLimited(t, group, simulator.NewToken(simulator.DefaultUser, time.Now(), 24*time.Hour), s.environ).serve()
	normal := &normalClient{p: p}
	normal.ask(s.ctx, t) // while nothing else is there

	ctx, enough := context.WithTimeout(s.ctx, length)
	defer enough()
	var load sync.WaitGroup
	kinds := hostileKinds()
	for i := range kinds {
		for range kinds[i].clients {
			load.Go(func() { kinds[i].run(ctx, p) })
		}
	}
	load.Go(func() { floodConnections(ctx, p) })
	for tick := time.NewTicker(normalEvery); ctx.Err() == nil; <-tick.C {
		normal.ask(s.ctx, t)
		select {
		case <-p.ended:
			t.Fatalf("the process ended (%v) after %d normal requests:\n%s", p.command.ProcessState, len(normal.took), p.last())
		default:
		}
	}
	load.Wait()
	peak := p.peakMemory()
	t.Logf("%v: peak memory %d MiB of %d, normal requests: %s", length, peak>>20, memoryLimit>>20, normal)
	for i := range kinds {
		t.Logf("%s", &kinds[i])
	}
	if group == "" && peak > memoryLimit { // otherwise the kernel has enforced it
		t.Errorf("peak memory %d bytes, want at most %d", peak, memoryLimit)
	}
	p.wantIdle()
	normal.ask(s.ctx, t)
}

// normalClient asks a short question and times the answer.
type normalClient struct {
	p    *process
	took []time.Duration
}

func (c *normalClient) ask(ctx context.Context, t *testing.T) {
	t.Helper()
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, 3*maxNormalTime)
	defer cancel()
	r := c.p.ask(ctx, request{Model: model, Messages: []message{{"user", "a normal question"}}, Stream: len(c.took)%2 == 0})
	took := time.Since(began)
	c.took = append(c.took, took)
	if !r.ok() || took > maxNormalTime {
		t.Errorf("normal request %d: %s after %v, want an answer within %v", len(c.took), r, took, maxNormalTime)
	}
}

func (c *normalClient) String() string {
	slices.Sort(c.took)
	at := func(share float64) time.Duration {
		return c.took[int(share*float64(len(c.took)-1))].Round(time.Millisecond)
	}
	return fmt.Sprintf("%d, median %v, 99 %% within %v, longest %v", len(c.took), at(0.5), at(0.99), at(1))
}

// launchLimited starts the program in that memory cgroup. Where this user may make none,
// the peak of its resident memory is compared, which counts the pages of its file too.
func launchLimited(t *testing.T, group, token string, environ []string) *process {
	t.Helper()
	if group == "" {
		t.Log("no memory cgroup can be made here: the peak is compared, and nothing enforces the limit")
		return launch(t, token, environ)
	}
	return launchAs(t, token, environ, "sh", "-c", `echo $$ >"$0"/cgroup.procs && exec "$@"`, group, binary, "serve")
}

// newMemoryGroup makes a cgroup with the memory limit, below this process's own. It
// returns its folder, or "" where that is not possible.
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
		t.Cleanup(func() { _ = os.Remove(group) }) // when the process has left it
		if os.WriteFile(filepath.Join(group, limit), []byte(strconv.Itoa(memoryLimit)), 0o644) == nil {
			return group
		}
	}
	return ""
}

// peakMemory is the most resident memory that the process has had, in bytes.
func (p *process) peakMemory() int64 {
	p.t.Helper()
	status, err := os.Open(fmt.Sprintf("/proc/%d/status", p.command.Process.Pid))
	if err != nil {
		p.t.Fatal(err)
	}
	defer status.Close() //nolint:errcheck // only read
	for lines := bufio.NewScanner(status); lines.Scan(); {
		if value, ok := strings.CutPrefix(lines.Text(), "VmHWM:"); ok {
			kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			if err != nil {
				p.t.Fatal(err)
			}
			return kib << 10
		}
	}
	p.t.Fatal("no VmHWM in /proc: the process has ended")
	return 0
}

// wantIdle waits until the process uses hardly any processor time: nobody asks for
// anything any more.
func (p *process) wantIdle() {
	p.t.Helper()
	const look = 2 * time.Second
	tick := time.NewTicker(look)
	defer tick.Stop()
	last := p.processorTicks()
	for range int(2 * mostTime / look) {
		<-tick.C
		now := p.processorTicks()
		if now-last < int64(look/time.Second)*100/10 { // a tenth of one processor, at 100 ticks a second
			return
		}
		last = now
	}
	p.t.Errorf("the process still works, %v after everybody left", 2*mostTime)
}

// processorTicks is the processor time that the process has used.
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

// floodConnections opens connections that say nothing, or half a request, and keeps them
// for a while.
func floodConnections(ctx context.Context, p *process) {
	const atOnce = 200
	for round := 0; ctx.Err() == nil; round++ {
		var open []net.Conn
		for i := range atOnce {
			c, err := net.DialTimeout("tcp", strings.TrimPrefix(p.url, "http://"), maxHostileTime)
			if err != nil {
				break
			}
			open = append(open, c)
			if i%2 == 0 {
				_, _ = io.WriteString(c, "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000000\r\n")
			}
		}
		wait(ctx, time.Second)
		for _, c := range open {
			_ = c.Close() // it may have been closed by the server
		}
	}
}

// wait waits, or until ctx ends.
func wait(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// floodFrames is the platform's side of endless replies: a question that holds one of
// their names gets its frames until its client leaves.
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
