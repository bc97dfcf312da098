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

// Address4 is client for an IPv4 address that stands at b[from:to], at least 20 bytes behind b's beginning. It tells what is
// none, or written unusually, and then leaves r as it is. It has no branch for each byte or number: their lengths
// cannot be predicted.
func (d *Reducer) Address4(b []byte, from, to int, r *Record) bool {
	n := uint(to - from)
	if n-7 > 15-7 || to < 20 || to > len(b) {
		return false
	}
	t := (*[20]byte)(b[to-20:])
	low, high := binary.LittleEndian.Uint64(t[4:]), binary.LittleEndian.Uint64(t[12:])
	dots := (zeroBytes(low^'.'*eachByte) | zeroBytes(high^'.'*eachByte)<<8) >> (16 - n&15) // bit 0 is b[from]
	two := dots & (dots - 1)
	one := two & (two - 1)   // without the first dot, and without the first two
	ends := 1<<(n&15) | dots // a bit behind each number
	before := ends<<1 | 1    // a bit where each begins
	if one == 0 || one&(one-1) != 0 || ends&before != 0 || (before<<1|before<<2|before<<3)&ends != ends {
		return false
	}
	first, second, last := uint(bits.TrailingZeros64(dots)), uint(bits.TrailingZeros64(two)), uint(bits.TrailingZeros64(one))
	at := 16 - n // in t, four bytes in front of the address
	x := digits(four(t, at+first), first) | digits(four(t, at+second), second-first-1)<<32
	y := digits(four(t, at+last), last-second-1) | digits(binary.LittleEndian.Uint32(t[16:]), n-last-1)<<32
	const over9 = 0x76 * eachByte
	if ((x+over9)|x|(y+over9)|y)&(0x80*eachByte) != 0 {
		return false
	}
	x, y = decimals(x), decimals(y)
	if (x|y)&(0x300<<32|0x300) != 0 { // more than 255
		return false
	}
	r.Net = uint32(x)<<24 | uint32(x>>32)<<16 | uint32(y)<<8
	r.Client = d.addressKey(r.Net | uint32(y>>32))
	return true
}

const eachByte = 0x0101010101010101

// zeroBytes returns a bit for each byte of x that is 0, the lowest first.
func zeroBytes(x uint64) uint64 { return zeroHighs(x) >> 7 * 0x0102040810204080 >> 56 }

// zeroHighs returns the high bit of each byte of x that is 0.
func zeroHighs(x uint64) uint64 {
	const low7 = 0x7f * eachByte
	return ^((x&low7 + low7) | x | low7)
}

// four returns the four bytes at t[i], i at most 15.
func four(t *[20]byte, i uint) uint32 {
	i &= 15
	return binary.LittleEndian.Uint32(t[i : i+4])
}

// digits returns the values of the highest n bytes of w, which should be digits; the others become 0.
func digits(w uint32, n uint) uint64 {
	return uint64((w ^ '0'*(eachByte&0xffffffff)) & (0xffffffff << (8 * (4 - n) & 31)))
}

// decimals returns the numbers that the digits in both halves of x make.
func decimals(x uint64) uint64 {
	const last = 0xff<<32 | 0xff
	return x>>24&last + x>>16&last*10 + x>>8&last*100
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
