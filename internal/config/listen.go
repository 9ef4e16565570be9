package config

import (
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// IsLoopback reports whether only this machine can reach a listen address (host:port). An empty host means all
// addresses. The only host name that it knows is localhost.
func IsLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	if strings.EqualFold(strings.TrimSuffix(host, "."), "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// DialAddress returns the address at which this machine reaches a server with that listen address.
func DialAddress(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return listen
	}
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}

// isValidListen reports whether a listen address is host:port with a numeric port.
func isValidListen(address string) bool {
	host, port, err := net.SplitHostPort(address)
	if err != nil || strings.ContainsAny(host, " \t/@") {
		return false
	}
	_, ok := parsePort(port, 0)
	return ok
}

// parsePort parses a port in decimal digits that is not below minPort.
func parsePort(text string, minPort uint64) (int, bool) {
	n, err := strconv.ParseUint(text, 10, 16)
	return int(n), err == nil && n >= minPort
}

// applyPort sets ACHUAN_LISTEN from PORT when ACHUAN_LISTEN is not set.
func (l *loader) applyPort() {
	if _, ok := l.values[nameListen]; ok {
		return
	}
	port, ok := l.values[namePort]
	if !ok {
		return
	}
	n, ok := parsePort(port.text, 1)
	if !ok {
		l.markNotAllowed(namePort)
		return
	}
	l.values[nameListen] = rawValue{"0.0.0.0:" + strconv.Itoa(n), port.source + ", " + namePort}
}
