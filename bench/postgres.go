package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
)

// roundTripProxy forwards connections to a database and counts round trips: how often the client of a connection waits
// for the server after it has sent something.
type roundTripProxy struct {
	net.Listener
	server string
	trips  atomic.Int64
}

// newRoundTripProxy returns a proxy for the server of a database URL, and the URL to connect to instead. It serves
// until it is closed.
func newRoundTripProxy(ctx context.Context, database string) (*roundTripProxy, string, error) {
	u, err := url.Parse(database)
	if err != nil || u.Host == "" {
		return nil, "", errors.New("want a URL with a host")
	}
	p := &roundTripProxy{server: u.Host}
	if u.Port() == "" {
		p.server += ":5432"
	}
	if p.Listener, err = new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0"); err != nil {
		return nil, "", err
	}
	u.Host = p.Addr().String()
	go p.serve(ctx)
	return p, u.String(), nil
}

func (p *roundTripProxy) serve(ctx context.Context) {
	for {
		client, err := p.Accept()
		if err != nil {
			return // closed
		}
		go p.forward(ctx, client)
	}
}

// forward serves one connection.
func (p *roundTripProxy) forward(ctx context.Context, client net.Conn) {
	defer client.Close() //nolint:errcheck // nothing is lost: the other side has ended
	server, err := new(net.Dialer).DialContext(ctx, "tcp", p.server)
	if err != nil {
		return
	}
	var isServerNext atomic.Bool // the last bytes came from the client
	var copies sync.WaitGroup
	copies.Go(func() {
		defer server.Close() //nolint:errcheck // as above
		copyChunks(server, client, func() {
			if !isServerNext.Swap(true) {
				p.trips.Add(1)
			}
		})
	})
	copyChunks(client, server, func() { isServerNext.Store(false) })
	copies.Wait()
}

// copyChunks copies until an error, and calls onChunk before it writes what it has read.
func copyChunks(to io.Writer, from io.Reader, onChunk func()) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			onChunk()
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// measureRoundTrips counts the round trips to PostgreSQL of a continued turn, with a process of its own and one client.
// Those of the background (leases, clean-up) are contained.
func (b *bench) measureRoundTrips(ctx context.Context) error {
	t := b.find(namePostgres)
	if t == nil {
		return nil
	}
	proxy, through, err := newRoundTripProxy(ctx, b.opts.postgres)
	if err != nil {
		return fmt.Errorf("-postgres: %w", err)
	}
	defer proxy.Close() //nolint:errcheck // a listener loses nothing
	p := *t.program
	p.environ = nil
	for _, variable := range t.program.environ {
		if name, _, _ := strings.Cut(variable, "="); name == "ACHUAN_DATABASE_URL" {
			variable = name + "=" + through
		}
		p.environ = append(p.environ, variable)
	}
	s, err := p.start(ctx)
	if err != nil {
		return err
	}
	defer s.stop()
	counted := t.clone(s)
	l := load{mode: modeAtOnce, count: firstCount, clients: 1, conversations: 20, turns: 10}
	stock, err := counted.prepare(ctx, l)
	if err != nil {
		return err
	}
	before, turns := proxy.trips.Load(), 0
	for c := stock.take(); c != nil; c = stock.take() {
		c.ask(l.mode, l.count, 0)
		if _, err := counted.ask(ctx, c, l.count, nil); err != nil {
			return err
		}
		turns++
		stock.put(c)
	}
	b.add(rowRoundTrips, t, float64(proxy.trips.Load()-before)/float64(turns))
	return nil
}
