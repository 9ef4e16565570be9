// Package pipenet has a network in memory. So a server and its clients can run in a bubble of testing/synctest, and a
// reader can stall at any byte, because a write waits until it is read. Only tests import it.
package pipenet

import (
	"net"
	"sync"
)

// Listener is a net.Listener whose connections are pipes in memory.
type Listener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

// Listen returns a listener.
func Listen() *Listener {
	return &Listener{conns: make(chan net.Conn), closed: make(chan struct{})}
}

// Dial returns a connection to the server. It waits until the server accepts it.
func (l *Listener) Dial() net.Conn {
	client, server := net.Pipe()
	l.conns <- server
	return client
}

// Accept returns the server's end of the next connection, or net.ErrClosed after Close.
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close ends Accept. Connections stay open.
func (l *Listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

// Addr returns an address without a port.
func (l *Listener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }
