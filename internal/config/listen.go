package config

import (
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// IsLoopback reports whether a listen address (host:port) can be reached from
// this machine only. An empty host means all addresses; of host names only
// localhost is known.
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

// Reachable returns an address on which this machine reaches a server that listens
// on the given one.
func Reachable(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return listen
	}
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}

// validListen reports whether a listen address is host:port with a numeric port.
func validListen(address string) bool {
	host, port, err := net.SplitHostPort(address)
	if err != nil || strings.ContainsAny(host, " \t/@") {
		return false
	}
	_, ok := portNumber(port, 0)
	return ok
}

// portNumber reads a port of at least least, in decimal digits alone.
func portNumber(text string, least uint64) (int, bool) {
	n, err := strconv.ParseUint(text, 10, 16)
	return int(n), err == nil && n >= least
}

// resolveListen puts the address that PORT stands for in the place of
// ACHUAN_LISTEN, when that one is not given.
func (c *collection) resolveListen() {
	if _, ok := c.values[nameListen]; ok {
		return
	}
	port, ok := c.values[namePort]
	if !ok {
		return
	}
	n, ok := portNumber(port.text, 1)
	if !ok {
		c.refuse(namePort)
		return
	}
	c.values[nameListen] = given{"0.0.0.0:" + strconv.Itoa(n), port.from + ", " + namePort}
}
