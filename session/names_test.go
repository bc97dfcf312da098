package session

import (
	"fmt"
	"hash/maphash"
	"math/rand/v2"
	"regexp"
	"strings"
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

// Address4 reads every address of four numbers that has no more than three digits each, as client does, and nothing that is
// nearly one.
func TestAddress4IsExact(t *testing.T) {
	d := NewReducer(NewVocabulary(), Hasher{Seed: maphash.MakeSeed()}, nil, nil)
	four := regexp.MustCompile(`^(25[0-5]|2[0-4]\d|[01]?\d?\d)(\.(25[0-5]|2[0-4]\d|[01]?\d?\d)){3}$`)
	rng := rand.New(rand.NewPCG(5, 6))
	for range 200_000 {
		b := fmt.Appendf(nil, "%d.%d.%d.%d", rng.IntN(300), rng.IntN(256)>>rng.IntN(8), rng.IntN(256)>>rng.IntN(8), rng.IntN(260))
		if rng.IntN(3) == 0 {
			b[rng.IntN(len(b))] = "..0189/:;a\xae"[rng.IntN(11)]
		}
		var short, long Record
		text := "0.1.2.3.from an address " + strings.Repeat(".", rng.IntN(2)) + string(b)
		ok := d.Address4([]byte(text), len(text)-len(b), len(text), &short)
		if d.client(b, &long); ok != four.Match(b) || ok && short != long {
			t.Fatalf("%s: %v, %+v, want %+v", b, ok, short, long)
		}
	}
}

// RouteID tells paths apart exactly as their routes do.
func TestRouteIDIsExact(t *testing.T) {
	names := NewNames(60_000)
	cache := names.Cache(1<<6, RouteOf)
	rng := rand.New(rand.NewPCG(7, 8))
	parts := []string{"a", "12", "7", "123456789", "1234567890123", "orders", "reviews", "v1", "1v", "catalogue", "x12", "", "12;a", "\xb1", "0:"}
	for range 100_000 {
		path := ""
		for range 1 + rng.IntN(4) {
			path += "/" + parts[rng.IntN(len(parts))]
		}
		if got, want := names.Name(cache.RouteID([]byte(path))), RouteOf([]byte(path)); got != want {
			t.Fatalf("%q: %q, want %q", path, got, want)
		}
	}
}
