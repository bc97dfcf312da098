package session

import (
	"math/rand/v2"
	"testing"
)

// A table holds what a map holds, with buckets that overflow, keys that come and go, and values that are replaced.
func TestTableHoldsWhatAMapHolds(t *testing.T) {
	for seed := range uint64(6) {
		rng := rand.New(rand.NewPCG(seed, 11))
		tab, want := newTable(), map[uint64]int32{}
		key := func() uint64 { // few different buckets in one half of the runs
			if seed%2 == 0 {
				return 1 + rng.Uint64N(5000)
			}
			return (1+rng.Uint64N(40))<<40 | rng.Uint64N(9)
		}
		for range 60_000 {
			k, v := key(), rng.Int32N(3)
			switch had, there := want[k]; {
			case rng.IntN(3) > 0:
				tab.put(k, v)
				want[k] = v
			case there && had == v:
				tab.del(k, v)
				delete(want, k)
			default:
				tab.del(k, v) // another one's, or not there
			}
			k = key()
			expect, there := want[k]
			if !there {
				expect = -1
			}
			if got := tab.get(k); got != expect {
				t.Fatalf("seed %d: key %x: %d, want %d", seed, k, got, expect)
			}
		}
		if tab.used != len(want) {
			t.Errorf("seed %d: %d keys, want %d", seed, tab.used, len(want))
		}
	}
}
