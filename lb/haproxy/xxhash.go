package haproxy

import (
	"encoding/binary"
	"math/bits"
)

// XXH32 and XXH64 (xxHash specification 0.1.1), which HAProxy uses for dynamic cookies and for
// hash-key on IPv6 addresses.

const (
	p64a uint64 = 11400714785074694791
	p64b uint64 = 14029467366897019727
	p64c uint64 = 1609587929392839161
	p64d uint64 = 9650029242287828579
	p64e uint64 = 2870177450012600261

	p32a uint32 = 2654435761
	p32b uint32 = 2246822519
	p32c uint32 = 3266489917
	p32d uint32 = 668265263
	p32e uint32 = 374761393
)

func round64(acc, in uint64) uint64 { return bits.RotateLeft64(acc+in*p64b, 31) * p64a }

func xxh64(b []byte, seed uint64) uint64 {
	n := uint64(len(b))
	h := seed + p64e
	if len(b) >= 32 {
		v := [4]uint64{seed + p64a + p64b, seed + p64b, seed, seed - p64a}
		for ; len(b) >= 32; b = b[32:] {
			for i := range v {
				v[i] = round64(v[i], binary.LittleEndian.Uint64(b[8*i:]))
			}
		}
		h = bits.RotateLeft64(v[0], 1) + bits.RotateLeft64(v[1], 7) + bits.RotateLeft64(v[2], 12) + bits.RotateLeft64(v[3], 18)
		for _, x := range v {
			h = (h^round64(0, x))*p64a + p64d
		}
	}
	h += n
	for ; len(b) >= 8; b = b[8:] {
		h = bits.RotateLeft64(h^round64(0, binary.LittleEndian.Uint64(b)), 27)*p64a + p64d
	}
	if len(b) >= 4 {
		h = bits.RotateLeft64(h^uint64(binary.LittleEndian.Uint32(b))*p64a, 23)*p64b + p64c
		b = b[4:]
	}
	for _, c := range b {
		h = bits.RotateLeft64(h^uint64(c)*p64e, 11) * p64a
	}
	h = (h ^ h>>33) * p64b
	h = (h ^ h>>29) * p64c
	return h ^ h>>32
}

func xxh32(b []byte, seed uint32) uint32 {
	n := uint32(len(b))
	h := seed + p32e
	if len(b) >= 16 {
		v := [4]uint32{seed + p32a + p32b, seed + p32b, seed, seed - p32a}
		for ; len(b) >= 16; b = b[16:] {
			for i := range v {
				v[i] = bits.RotateLeft32(v[i]+binary.LittleEndian.Uint32(b[4*i:])*p32b, 13) * p32a
			}
		}
		h = bits.RotateLeft32(v[0], 1) + bits.RotateLeft32(v[1], 7) + bits.RotateLeft32(v[2], 12) + bits.RotateLeft32(v[3], 18)
	}
	h += n
	for ; len(b) >= 4; b = b[4:] {
		h = bits.RotateLeft32(h+binary.LittleEndian.Uint32(b)*p32c, 17) * p32d
	}
	for _, c := range b {
		h = bits.RotateLeft32(h+uint32(c)*p32e, 11) * p32a
	}
	h = (h ^ h>>15) * p32b
	h = (h ^ h>>13) * p32c
	return h ^ h>>16
}
