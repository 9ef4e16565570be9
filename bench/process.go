package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process is a server that is measured from outside.
type process struct {
	command *exec.Cmd
	address string        // where it serves
	drained chan struct{} // closed when its log has ended
}

var serves = regexp.MustCompile(`address=(127\.0\.0\.1:\d+)`)

// start starts a server in dir, with environ and PATH only, and waits until it
// logs its address. What it logs later is read and dropped.
func start(ctx context.Context, dir string, environ []string, path string, args ...string) (*process, error) {
	p := &process{command: exec.CommandContext(ctx, path, args...), drained: make(chan struct{})}
	p.command.Dir = dir
	p.command.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir}, environ...)
	log, err := p.command.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := p.command.Start(); err != nil {
		return nil, err
	}
	lines := bufio.NewReader(log)
	var said strings.Builder
	for {
		line, err := lines.ReadString('\n')
		said.WriteString(line)
		if found := serves.FindStringSubmatch(line); found != nil {
			p.address = found[1]
			break
		}
		if err != nil {
			return nil, fmt.Errorf("%s did not start: %w\n%s", path, p.command.Wait(), said.String())
		}
	}
	go func() {
		defer close(p.drained)
		_, _ = io.Copy(io.Discard, lines) // ends with the process, however that ends
	}()
	return p, nil
}

func (p *process) stop() {
	_ = p.command.Process.Signal(syscall.SIGKILL) // gone already, or has nothing to lose
	<-p.drained
	_ = p.command.Wait() // "signal: killed"
}

// tick is the unit of the times in /proc/PID/stat: USER_HZ, 100 on all that Go runs on.
const tick = 10 * time.Millisecond

// cpu is the time that the process has spent, in itself and in the kernel.
func (p *process) cpu() (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.command.Process.Pid))
	if err != nil {
		return 0, err
	}
	return parseCPU(string(stat))
}

// parseCPU reads utime and stime out of /proc/PID/stat: the 12th and 13th fields
// behind the name, which stands in parentheses and may hold anything.
func parseCPU(stat string) (time.Duration, error) {
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) < 13 {
		return 0, fmt.Errorf("/proc/PID/stat has %d fields behind the name", len(fields))
	}
	var ticks int64
	for _, field := range fields[11:13] {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * tick, nil
}

// memory reads a line of /proc/PID/status, such as VmRSS, in bytes.
func (p *process) memory(key string) (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.command.Process.Pid))
	if err != nil {
		return 0, err
	}
	return parseMemory(string(status), key)
}

func parseMemory(status, key string) (int64, error) {
	_, rest, found := strings.Cut("\n"+status, "\n"+key+":")
	line, _, _ := strings.Cut(rest, "\n")
	fields := strings.Fields(line)
	if !found || len(fields) != 2 || fields[1] != "kB" {
		return 0, fmt.Errorf("/proc/PID/status has no %s in kB", key)
	}
	kilobytes, err := strconv.ParseInt(fields[0], 10, 64)
	return kilobytes << 10, err
}
