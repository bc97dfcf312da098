package haproxy

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math/bits"
	"net/netip"
	"strconv"
)

// The hash functions of src/hash.c and include/haproxy/intops.h; all arithmetic is unsigned 32-bit.

// fullHash is the "avalanche".
func fullHash(a uint32) uint32 {
	a = (a + 0x7ed55d16) + (a << 12)
	a = (a ^ 0xc761c23c) ^ (a >> 19)
	a = (a + 0x165667b1) + (a << 5)
	a = (a + 0xd3a2646c) ^ (a << 9)
	a = (a + 0xfd7046c5) + (a << 3)
	a = (a ^ 0xb55a4f09) ^ (a >> 16)
	return a * 3221225473
}

func sdbm(key []byte) uint32 {
	var h uint32
	for _, c := range key {
		h = uint32(c) + (h << 6) + (h << 16) - h
	}
	return h
}

func djb2(key []byte) uint32 {
	h := uint32(5381)
	for _, c := range key {
		h = h*33 + uint32(c)
	}
	return h
}

func wt6(key []byte) uint32 {
	h0, h1 := uint32(0xa53c965a), uint32(0x5ca6953a)
	s0, s1 := uint32(6), uint32(18)
	for _, c := range key {
		h0 = ^(h0 ^ uint32(c))
		h1 = ^(h1 + uint32(c))
		t := bits.RotateLeft32(h1, int(s0))
		h1 = bits.RotateLeft32(h0, int(s1))
		h0 = t
		t = ((h0 >> 16) ^ h1) & 0xffff
		s0, s1 = t&0x1f, t>>11
	}
	return h0 ^ h1
}

// sum hashes a key as the hash-type directive says.
func (h hashRule) sum(key []byte) uint32 {
	var v uint32
	switch h.function {
	case "djb2":
		v = djb2(key)
	case "wt6":
		v = wt6(key)
	case "crc32":
		v = crc32.ChecksumIEEE(key)
	case "none":
		n, _ := strconv.ParseUint(string(key), 10, 64)
		v = uint32(n)
	default:
		v = sdbm(key)
	}
	return h.mix(v)
}

func (h hashRule) mix(v uint32) uint32 {
	if h.avalanche {
		return fullHash(v)
	}
	return v
}

// source hashes a client address: as a number, whatever the function.
func (h hashRule) source(a netip.Addr) uint32 {
	a = a.Unmap()
	if a.Is4() {
		b := a.As4()
		return h.mix(binary.BigEndian.Uint32(b[:]))
	}
	b := a.As16()
	var v uint32
	for i := 0; i < 16; i += 4 {
		v ^= binary.BigEndian.Uint32(b[i:])
	}
	return h.mix(v)
}

// dynamicCookie is the value of a server's dynamic cookie: XXH64 of the key, the address in network
// order and the port as four bytes, in 16 hexadecimal digits; "" for an address that is not literal.
func dynamicCookie(key, address string) string {
	ap, ok := splitAddress(address)
	if !ok {
		return ""
	}
	buf := append([]byte(key), ap.Addr().Unmap().AsSlice()...)
	buf = binary.BigEndian.AppendUint32(buf, uint32(ap.Port()))
	return fmt.Sprintf("%016x", xxh64(buf, 0))
}
