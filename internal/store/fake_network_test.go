package store

import (
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// proxy forwards connections between a store and its server, and simulates failures.
type proxy struct {
	listener net.Listener
	target   string
	wg       sync.WaitGroup
	requests atomic.Int64 // reads from the client

	mu    sync.Mutex
	conns map[net.Conn]bool
	mode  mode
}

type mode int

const (
	passing mode = iota
	refusing
	holding // accepts connections and sends nothing
)

func newProxy(t testing.TB, target string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	requireNoError(t, err)
	p := &proxy{listener: l, target: target, conns: map[net.Conn]bool{}}
	p.wg.Go(p.accept)
	t.Cleanup(func() {
		requireNoError(t, l.Close())
		p.setMode(refusing, true)
		p.wg.Wait()
	})
	return p
}

// refuse closes all connections, and each new connection at once.
func (p *proxy) refuse() { p.setMode(refusing, true) }

// stall stops forwarding but keeps connections open.
func (p *proxy) stall() { p.setMode(holding, false) }

// restore forwards new connections.
func (p *proxy) restore() { p.setMode(passing, true) }

func (p *proxy) setMode(m mode, closing bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mode = m
	if closing {
		for c := range p.conns {
			_ = c.Close()
		}
	}
}

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.wg.Go(func() { p.serve(client) })
	}
}

func (p *proxy) serve(client net.Conn) {
	defer p.track(client)()
	server, err := net.Dial("tcp", p.target)
	if err != nil {
		return
	}
	defer p.track(server)()
	var both sync.WaitGroup
	both.Go(func() { p.copy(server, client, &p.requests) })
	both.Go(func() { p.copy(client, server, new(atomic.Int64)) })
	both.Wait()
}

// track adds a connection to those that refuse closes, until the returned function is called.
func (p *proxy) track(c net.Conn) func() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns[c] = true
	if p.mode == refusing {
		_ = c.Close()
	}
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.conns, c)
		_ = c.Close()
	}
}

// copy forwards what it reads, and counts the reads.
func (p *proxy) copy(to, from net.Conn, reads *atomic.Int64) {
	defer to.Close() //nolint:errcheck // the other side notices, or has gone
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		reads.Add(1)
		p.mu.Lock()
		held := p.mode == holding
		p.mu.Unlock()
		if n > 0 && !held {
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// eventually waits until the condition is true, because the store notices a restored database only at its next probe.
func eventually(t testing.TB, condition func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(20 * time.Second)
	for !condition() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("condition = false for 20s, want true")
		}
	}
}
