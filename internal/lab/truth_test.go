package lab

import (
	"testing"
	"time"

	"limpet.dev/session"
	"limpet.dev/witness"
)

// told is one request of a story: when it was, what the client sent, what the shop knew.
type told struct {
	at   time.Duration
	out  outcome
	x    seen
	gets issue
}

func hit() seen { return seen{handled: true, looked: true, result: witness.Hit, touched: true} }
func miss(reason string) seen {
	return seen{handled: true, looked: true, result: witness.Miss, reason: reason}
}

// TestBiographyTellsLossFromEnd goes through the words of architecture.md, section 1, one story each.
func TestBiographyTellsLossFromEnd(t *testing.T) {
	const s = time.Second
	login := told{at: 0, out: outcome{status: 303}, x: seen{handled: true}, gets: issue{credential: "A", user: "u"}}
	sends := func(at time.Duration, x seen) told {
		return told{at: at, out: outcome{presented: "A", status: 200}, x: x}
	}
	ended := hit()
	ended.ended = true
	relogin := told{at: 4 * s, out: outcome{presented: "A", status: 303}, x: miss("unknown"), gets: issue{credential: "B", user: "u"}}
	tests := []struct {
		name            string
		story           []told
		followups, lost int64
		broken          string // kind of the first life's break, "" none
		recovered       bool
		lives           int
	}{
		{"served", []told{login, sends(s, hit())}, 1, 0, "", false, 1},
		{"lost and never back", []told{login, sends(s, miss("unknown")), sends(2*s, miss("unknown"))}, 2, 2, "lost", false, 1},
		{"lost, bounced back", []told{login, sends(s, miss("unknown")), sends(2*s, hit())}, 2, 1, "lost", true, 1},
		{"lost, new login", []told{login, sends(s, miss("unknown")), relogin}, 2, 2, "lost", true, 2},
		{"idle too long", []told{login, sends(11*s, miss("unknown"))}, 0, 0, "", false, 1},
		{"idle, says the store", []told{login, sends(9*s, miss("idle"))}, 0, 0, "", false, 1},
		{"kept alive by use", []told{login, sends(6*s, hit()), sends(12*s, miss("unknown"))}, 2, 1, "lost", false, 1},
		{"too old", []told{login, sends(9*s, hit()), sends(18*s, hit()), sends(27*s, hit()), sends(31*s, miss("unknown"))}, 3, 0, "", false, 1},
		{"logged out", []told{login, sends(s, ended), sends(2*s, miss("unknown"))}, 1, 0, "", false, 1},
		{"never issued", []told{sends(s, miss("unknown"))}, 0, 0, "", false, 0},
		{"balancer's own error", []told{login, {at: s, out: outcome{presented: "A", status: 503}}}, 1, 0, "", false, 1},
		{"static file", []told{login, sends(s, seen{handled: true})}, 1, 0, "", false, 1},
		{"no answer", []told{login, {at: s, out: outcome{presented: "A", failed: true}}}, 0, 0, "", false, 1},
		{"held back", []told{login, {at: s, out: outcome{heldBack: "A", status: 303}, x: seen{handled: true}}}, 1, 0, "withheld", false, 1},
		{"rotated", []told{login, {at: s, out: outcome{presented: "A", status: 303}, x: hit(), gets: issue{credential: "B", previous: "A", user: "u"}},
			{at: 2 * s, out: outcome{presented: "B", status: 200}, x: hit()}}, 2, 0, "", false, 1},
	}
	start := time.Date(2026, 1, 2, 10, 0, 0, 0, time.UTC)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var sums tally
			b := &biography{client: "c001", key: session.Key{1}, idle: 10 * s, absolute: 30 * s, tally: &sums, registry: newRegistry(), byCredential: map[string]*life{}}
			for i := range tt.story {
				e := &tt.story[i]
				at := start.Add(e.at)
				e.x.at = at
				if e.gets.credential != "" {
					e.gets.at = at
					e.x.issued = []issue{e.gets}
				}
				b.settle(e.x, e.out, at)
			}
			if f, l := sums.followups.Load(), sums.lost.Load(); f != tt.followups || l != tt.lost {
				t.Errorf("%d follow-ups, %d lost; want %d, %d", f, l, tt.followups, tt.lost)
			}
			if len(b.lives) != tt.lives {
				t.Fatalf("%d lives, want %d", len(b.lives), tt.lives)
			}
			if len(b.lives) == 0 {
				return
			}
			first := b.lives[0]
			kind := ""
			if first.broken != nil {
				kind = first.broken.kind
			}
			if kind != tt.broken || first.recovered.IsZero() == tt.recovered {
				t.Errorf("kind %q recovered %v, want %q %v", kind, !first.recovered.IsZero(), tt.broken, tt.recovered)
			}
		})
	}
}
