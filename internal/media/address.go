package media

import (
	"net/netip"
)

// refusedNetworks are the networks that are not public although netip does not say so.
var refusedNetworks = parseNetworks(
	"0.0.0.0/8",       // this network
	"100.64.0.0/10",   // carrier-grade NAT, and the metadata of a cloud
	"192.0.0.0/24",    // protocol assignments
	"192.0.2.0/24",    // documentation
	"192.88.99.0/24",  // 6to4 relays
	"198.18.0.0/15",   // benchmarks
	"198.51.100.0/24", // documentation
	"203.0.113.0/24",  // documentation
	"240.0.0.0/4",     // reserved, and broadcast
	"::/8",            // unspecified, loopback, IPv4-mapped and IPv4-compatible
	"64:ff9b::/96",    // NAT64
	"64:ff9b:1::/48",  // NAT64 for local use
	"100::/64",        // discarded
	"2001::/23",       // protocol assignments, Teredo among them
	"2001:db8::/32",   // documentation
	"2002::/16",       // 6to4
	"3fff::/20",       // documentation
	"5f00::/16",       // segment routing
	"fec0::/10",       // site-local
)

func parseNetworks(texts ...string) []netip.Prefix {
	networks := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		networks[i] = netip.MustParsePrefix(text)
	}
	return networks
}

// isPublic reports whether an address is one of the Internet: not of this machine, of a private
// network, or of a form that contains another address.
func isPublic(a netip.Addr) bool {
	if a.Zone() != "" || a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast() || a.IsMulticast() || a.IsUnspecified() {
		return false
	}
	if !a.IsGlobalUnicast() {
		return false
	}
	for _, n := range refusedNetworks {
		if n.Contains(a) {
			return false
		}
	}
	return true
}
