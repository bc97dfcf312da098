package session

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"
)

// The short way of the usual request and the long way come to the same.
func TestShortWayEqualsLongWay(t *testing.T) {
	for seed := range uint64(12) {
		run := func(slow bool) (string, *Correlator) {
			rng := rand.New(rand.NewPCG(seed, 3))
			vocab := NewVocabulary()
			for _, route := range []string{"/", "/login", "/logout", "/cart", "/checkout", "/static/x", "/a", "/b", "/c"} {
				vocab.Routes.ID(route)
			}
			var done string
			c := NewCorrelator(vocab, Settings{Idle: time.Duration(seed%2) * time.Minute, Silence: 20 * time.Minute, Done: func(tl *Timeline) { done += fmt.Sprintf("%+v\n", *tl) }})
			c.slow = slow
			now := int64(1e18)
			for i := range 3000 {
				now += rng.Int64N(int64(3 * time.Second))
				r := Record{Kind: Request, Start: now - rng.Int64N(int64(100*time.Millisecond)), Cart: -1, Bytes: int32(rng.IntN(9000)), Line: uint32(i), Presented: uint64(rng.IntN(40)),
					Instance: uint16(1 + rng.IntN(20)/19), Route: uint16(1 + rng.IntN(9)), Client: uint64(1 + rng.IntN(30)), Port: uint16(rng.IntN(3)), Status: []uint16{200, 200, 200, 204, 302, 401, 500}[rng.IntN(7)],
					Method: []Method{GET, GET, GET, POST}[rng.IntN(4)], Has: HasStatus | HasSession | HasSetSession | HasClient, Agent: uint16(rng.IntN(3)),
					Affinity: uint32(rng.IntN(3)), NewAffin: uint32(rng.IntN(20) / 19), Input: uint16(rng.IntN(300))}
				r.End = r.Start + rng.Int64N(int64(time.Second))
				if rng.IntN(12) == 0 {
					r.Set = uint64(1 + rng.IntN(40))
				}
				if rng.IntN(10) == 0 {
					r.Flags = Flags(rng.IntN(16))
				}
				r.Flow = Flow{Affinity: AffinityState(rng.IntN(9)), Set: AffinitySet(rng.IntN(7)), Unserved: rng.IntN(30) == 0, Redispatched: rng.IntN(30) == 0}
				c.Add(&r, nil)
			}
			c.Close()
			return done, c
		}
		shortDone, short := run(false)
		longDone, long := run(true)
		if shortDone != longDone {
			t.Errorf("seed %d: the sessions differ", seed)
		}
		if short.Counts != long.Counts {
			t.Errorf("seed %d: counts\n%+v\nwant\n%+v", seed, short.Counts, long.Counts)
		}
		if !reflect.DeepEqual(short.Population, long.Population) {
			t.Errorf("seed %d: the populations differ", seed)
		}
	}
}
