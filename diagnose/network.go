package diagnose

import (
	"net/netip"

	"limpet.dev/session"
)

// network returns a client's network: IPv4 /24, IPv6 /48. Whole addresses never leave the process.
func network(v *session.Visit) string {
	if v.Net == 0 && v.Net6 == 0 {
		return ""
	}
	if v.Flags&session.IPv6 != 0 {
		var b [16]byte
		b[0], b[1], b[2], b[3] = byte(v.Net>>24), byte(v.Net>>16), byte(v.Net>>8), byte(v.Net)
		b[4], b[5] = byte(v.Net6>>8), byte(v.Net6)
		return netip.PrefixFrom(netip.AddrFrom16(b), 48).String()
	}
	b := [4]byte{byte(v.Net >> 24), byte(v.Net >> 16), byte(v.Net >> 8), 0}
	return netip.PrefixFrom(netip.AddrFrom4(b), 24).String()
}
