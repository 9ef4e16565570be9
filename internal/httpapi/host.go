package httpapi

import (
	"net"
	"net/netip"
	"net/url"
	"strings"
)

// hostname returns the host of a Host header or of an address in lower case, without the
// port, brackets and a final dot.
func hostname(hostport string) string {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// isLoopbackHost reports whether a hostname means this machine for every resolver.
func isLoopbackHost(name string) bool {
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(name)
	return err == nil && ip.IsLoopback()
}

// isPrivateName reports whether a hostname ends in a domain that does not exist in the
// public DNS. A container and its host use such names, and so do the machines of a home
// network (mDNS).
func isPrivateName(name string) bool {
	return strings.HasSuffix(name, ".internal") || strings.HasSuffix(name, ".local")
}

// isLocalHost reports whether a hostname cannot be in the public DNS, where an attacker
// could point it at this machine: it is an IP address or a name without a dot.
func isLocalHost(name string) bool {
	if _, err := netip.ParseAddr(name); err == nil {
		return true
	}
	return name != "" && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-_") == ""
}

// originHost returns the hostname of an Origin header, or "" for "null" and for anything
// that is not an origin.
func originHost(origin string) string {
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" {
		return ""
	}
	return hostname(u.Host)
}
