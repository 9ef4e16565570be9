package httpapi

import (
	"net"
	"net/netip"
	"net/url"
	"strings"
)

// hostname returns the host of a Host header or of an address, without port,
// brackets and a last dot, in lower case.
func hostname(hostport string) string {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// isLoopbackHost reports whether a hostname can only mean this machine. No name
// that someone else may resolve does.
func isLoopbackHost(name string) bool {
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(name)
	return err == nil && ip.IsLoopback()
}

// isPrivateName reports whether a hostname ends in a domain that the public DNS never
// has: a container and its host know each other by such names, and so do machines of
// one home (mDNS).
func isPrivateName(name string) bool {
	return strings.HasSuffix(name, ".internal") || strings.HasSuffix(name, ".local")
}

// isLocalHost reports whether a hostname cannot be a name in the public DNS, which
// an attacker could point at this machine: an IP, or a name without a dot.
func isLocalHost(name string) bool {
	if _, err := netip.ParseAddr(name); err == nil {
		return true
	}
	return name != "" && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-_") == ""
}

// originHost returns the hostname of an Origin header, "" when it has none:
// "null", or what is no origin.
func originHost(origin string) string {
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" {
		return ""
	}
	return hostname(u.Host)
}
