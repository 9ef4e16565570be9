package pipenet

import (
	"errors"
	"io"
	"net"
	"testing"
)

func TestListener(t *testing.T) {
	l := Listen()
	go func() {
		conn := l.Dial()
		_, _ = io.WriteString(conn, "hi")
		_ = conn.Close()
	}()
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(conn); string(got) != "hi" || err != nil {
		t.Errorf("ReadAll() = %q, %v, want hi, nil", got, err)
	}
	for range 2 {
		if err := l.Close(); err != nil {
			t.Errorf("Close() = %v, want nil", err)
		}
	}
	if conn, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept() after Close = %v, %v, want %v", conn, err, net.ErrClosed)
	}
}
