package session

import (
	"bytes"
	"encoding/binary"
	"math/bits"
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
	r.Client = d.addressKey(v<<8 | part&255)
	r.Net = v << 8 // three parts were shifted in; the last is left out
}

// Address4 is client for an IPv4 address that stands at b[from:to], at least 16 bytes behind b's beginning. It tells what is
// none, or written unusually, and then leaves r as it is. It has no branch for each byte: the lengths of numbers
// cannot be predicted.
func (d *Reducer) Address4(b []byte, from, to int, r *Record) bool {
	if n := uint(to - from); n-7 > 15-7 || to < 16 || to > len(b) {
		return false
	}
	low, high := binary.LittleEndian.Uint64(b[to-16:]), binary.LittleEndian.Uint64(b[to-8:])
	dots := (zeroBytes(low^'.'*eachByte) | zeroBytes(high^'.'*eachByte)<<8) >> (16 - uint(to-from))
	first := bits.TrailingZeros64(dots)
	dots &= dots - 1
	second := bits.TrailingZeros64(dots)
	dots &= dots - 1
	third := bits.TrailingZeros64(dots)
	if dots == 0 || dots&(dots-1) != 0 {
		return false
	}
	p, wrong1 := octet(b, from+first, first)
	q, wrong2 := octet(b, from+second, second-first-1)
	s, wrong3 := octet(b, from+third, third-second-1)
	t, wrong4 := octet(b, to, to-from-third-1)
	if wrong1|wrong2|wrong3|wrong4 != 0 || p|q|s|t > 255 {
		return false
	}
	r.Net = p<<24 | q<<16 | s<<8
	r.Client = d.addressKey(r.Net | t)
	return true
}

const eachByte = 0x0101010101010101

// zeroBytes returns a bit for each byte of x that is 0, the lowest first.
func zeroBytes(x uint64) uint64 {
	const low7 = 0x7f * eachByte
	return ^((x&low7 + low7) | x | low7) >> 7 * 0x0102040810204080 >> 56
}

// octet returns the number of n digits that ends at b[end]; wrong is not 0 if n is not 1 to 3 or something else stands there.
func octet(b []byte, end, n int) (v, wrong uint32) {
	w := (binary.LittleEndian.Uint32(b[end-4:]) ^ '0'*(eachByte&0xffffffff)) & (0xffffffff << (8 * (4 - uint(n)) & 31))
	if uint(n-1) > 2 {
		wrong = 1
	}
	wrong |= (w + 0x76767676 | w) & 0x80808080
	return w>>24 + w>>16&255*10 + w>>8&255*100, wrong
}

// addressKey returns the key of an IPv4 address.
func (d *Reducer) addressKey(v uint32) uint64 { return nonZero(mix(uint64(v)^d.salt, 4)) }

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
