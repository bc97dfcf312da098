package session

import (
	"fmt"
	"hash/maphash"
	"testing"
)

// Names and addresses that differ in a single bit of any byte keep numbers and keys of their own.
func TestNeighboursStayApart(t *testing.T) {
	names := NewNames(60_000)
	cache := names.Cache(1<<4, nil)
	d := NewReducer(NewVocabulary(), Hasher{Seed: maphash.MakeSeed()}, nil, nil)
	seen := map[uint16]string{}
	for n := 1; n < 40; n++ {
		for at := range n {
			for bit := range 8 {
				b := []byte("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNO")[:n]
				b[at] ^= 1 << bit
				id := cache.ID(b)
				if was, ok := seen[id]; ok && was != string(b) {
					t.Fatalf("%q and %q are one", was, b)
				}
				seen[id] = string(b)
			}
		}
	}
	keys := map[uint64]string{}
	for i := range 4096 {
		addr := fmt.Sprintf("10.%d.%d.%d", i>>8, i>>4&15, i&15)
		var r, short Record
		d.client([]byte(addr), &r)
		text := "from an address " + addr
		if !d.Address4([]byte(text), len(text)-len(addr), len(text), &short) || short != r {
			t.Fatalf("%s: %+v, want %+v", addr, short, r)
		}
		if was, ok := keys[r.Client]; ok {
			t.Fatalf("%s and %s are one", was, addr)
		}
		keys[r.Client] = addr
	}
}

// Address4 refuses what is no address of four numbers up to 255.
func TestAddress4Refuses(t *testing.T) {
	d := NewReducer(NewVocabulary(), Hasher{Seed: maphash.MakeSeed()}, nil, nil)
	for _, addr := range []string{"1.2.3", "1.2.3.4.5", "1.2.3.256", "1..3.4", ".1.2.3.4", "1.2.3.4.", "1.2.3.a", "1.2.3.1234", "0001.2.3.4", "::ffff:1.2", "fe80::1:2:3", "1.2.3.-4"} {
		var r Record
		text := "from an address " + addr
		if d.Address4([]byte(text), len(text)-len(addr), len(text), &r) {
			t.Errorf("%s was read as %+v", addr, r)
		}
	}
}
