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

// process is a running server.
type process struct {
	command *exec.Cmd
	address string        // host and port
	drained chan struct{} // closed when its log has ended
}

var addressLine = regexp.MustCompile(`address=(127\.0\.0\.1:\d+)`)

// start starts a server in dir, with environ, PATH and HOME as its environment, and waits until it logs its address.
// It discards the rest of the log.
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
	var output strings.Builder
	for {
		line, err := lines.ReadString('\n')
		output.WriteString(line)
		if found := addressLine.FindStringSubmatch(line); found != nil {
			p.address = found[1]
			break
		}
		if err != nil {
			return nil, fmt.Errorf("%s did not start: %w\n%s", path, p.command.Wait(), output.String())
		}
	}
	go func() {
		defer close(p.drained)
		_, _ = io.Copy(io.Discard, lines) // ends when the process ends
	}()
	return p, nil
}

func (p *process) stop() {
	_ = p.command.Process.Signal(syscall.SIGKILL) // the process may have ended, and it stores nothing
	<-p.drained
	_ = p.command.Wait() // the error is "signal: killed"
}

// tick is the unit of the times in /proc/PID/stat. USER_HZ is 100 on all architectures of Go.
const tick = 10 * time.Millisecond

// cpu returns the CPU time of the process in user and kernel mode.
func (p *process) cpu() (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.command.Process.Pid))
	if err != nil {
		return 0, err
	}
	return parseCPU(string(stat))
}

// parseCPU returns utime + stime of /proc/PID/stat. They are the 12th and 13th fields after the name, which is in
// parentheses and may contain any characters.
func parseCPU(stat string) (time.Duration, error) {
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) < 13 {
		return 0, fmt.Errorf("/proc/PID/stat has %d fields after the name", len(fields))
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

// memory returns the value of a key in /proc/PID/status, such as VmRSS, in bytes.
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
