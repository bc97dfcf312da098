package session

import (
	"bytes"
)

// client fills in the client's address key and its network: IPv4 /24, IPv6 /48.
func (d *Reducer) client(addr []byte, r *Record) {
	var v, part uint32
	for _, c := range addr {
		digit := uint32(c) - '0'
		if digit <= 9 {
			part = part*10 + digit
			continue
		}
		if c != '.' {
			d.client6(addr, r)
			return
		}
		v, part = v<<8|part&255, 0
	}
	if len(addr) == 0 {
		return
	}
	r.Client = nonZero(mix(uint64(v<<8|part&255)^d.salt, 4))
	r.Net = v << 8 // three parts were shifted in; the last is left out
}

func (d *Reducer) client6(addr []byte, r *Record) {
	r.Client = d.Bytes(addr)
	if bytes.IndexByte(addr, ':') >= 0 {
		r.Flags |= IPv6
		net := parse48(addr)
		r.Net, r.Net6 = uint32(net>>16), uint16(net)
	}
}

// parse48 returns the first 48 bits of an IPv6 address in text form.
func parse48(addr []byte) uint64 {
	var net uint64
	groups := 0
	for len(addr) > 0 && groups < 3 {
		if addr[0] == ':' { // "::": the rest is zero, or too short to matter
			break
		}
		var g uint64
		i := 0
		for ; i < len(addr) && addr[i] != ':'; i++ {
			if d := hexDigit(addr[i]); d >= 0 {
				g = g<<4 | uint64(d)
			}
		}
		net = net<<16 | g&0xffff
		groups++
		if i < len(addr) {
			i++
		}
		addr = addr[i:]
	}
	return net << (16 * (3 - groups))
}

// otherSite reports whether a Referer or Origin (an URL or a bare host) names another
// registrable-looking site than host. Only the last two labels are compared, so that
// www.shop.example and shop.example are one; the client engine knows the exact rules.
func otherSite(referer, host []byte) bool {
	from := referer
	if i := bytes.Index(from, []byte("://")); i >= 0 {
		from = from[i+3:]
	}
	from = hostOnly(from)
	if len(from) == 0 || string(from) == "null" {
		return string(from) == "null"
	}
	return !bytes.EqualFold(site(from), site(hostOnly(host)))
}

func hostOnly(b []byte) []byte {
	if i := bytes.IndexAny(b, "/?#"); i >= 0 {
		b = b[:i]
	}
	if len(b) > 0 && b[0] == '[' {
		if i := bytes.IndexByte(b, ']'); i >= 0 {
			return b[:i+1]
		}
	}
	if i := bytes.LastIndexByte(b, ':'); i >= 0 {
		b = b[:i]
	}
	return b
}

func site(host []byte) []byte {
	last := bytes.LastIndexByte(host, '.')
	if last < 0 || len(host) > 0 && host[len(host)-1] <= '9' && host[len(host)-1] >= '0' {
		return host // no domain, or an IPv4 address
	}
	if i := bytes.LastIndexByte(host[:last], '.'); i >= 0 {
		return host[i+1:]
	}
	return host
}
