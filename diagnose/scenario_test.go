package diagnose_test

import (
	"testing"
	"time"

	"limpet.dev/diagnose"
	"limpet.dev/session"
)

// Proves S72. A surge of traffic comes together with a changed cookie: the clients that do not send the balancer's cookie back since
// then lose their sessions. What clients do with cookies ranks first, not the load.
func TestSurgeWithChangedCookiePutsTheClientFirst(t *testing.T) {
	s := tell(t).pool(cookieRule)
	s.ev.Declared.Storage = "memory"
	valid := func(r *session.Record) {
		r.Flow.Affinity, r.Affinity = session.AffinityValid, 7
	}
	first := func(r *session.Record) {
		signIn(r)
		r.Flow.Affinity, r.Flow.Set, r.NewAffin = session.AffinityNone, session.SetInserted, 7
	}
	none := func(r *session.Record) {
		r.Flow.Affinity, r.Flow.Set, r.NewAffin = session.AffinityNone, session.SetInserted, 8
		r.Agent = s.vocab.Agents.ID("Safari")
	}
	for c := uint64(1); c <= 20; c++ { // the quiet hour
		s.then(c, "app1", "/login", 0, c, first).then(c, "app1", "/cart", c, 0, valid)
	}
	s.wait(time.Minute)
	s.ev.Changes = []session.Change{{At: time.Unix(0, s.now).UTC(), Kind: "config", What: "cookie SRV now with SameSite=Strict for the campaign"}}
	for c := uint64(21); c <= 99; c++ { // the surge
		s.now -= int64(90 * time.Millisecond)
		s.then(c, "app1", "/login", 0, c, first, func(r *session.Record) {
			if c%3 == 0 {
				r.Agent = s.vocab.Agents.ID("Safari")
			}
		})
		if c%3 != 0 {
			s.then(c, "app1", "/cart", c, 0, valid)
			continue
		}
		s.then(c, "app2", "/cart", c, 0, none, unknown)
	}
	r := s.report()
	if len(r.Hypotheses) == 0 || r.Hypotheses[0].Category != "client" || r.Hypotheses[0].Breaks < 20 {
		t.Fatalf("ranked: %s, want a cause of the clients first", ranked(r))
	}
	if q := question(t, r, "first differ"); q.Outcome != "yes" || q.Answer[:10] != "the client" {
		t.Errorf("first difference: %s, want the client", q.Answer)
	}
}

// Proves S73. The same users with the same identifiers alternate between servers, and only one of them knows each: what should bind
// clients to instances, or let state travel, ranks first.
func TestAlternatingServersPutAffinityAndReplicationFirst(t *testing.T) {
	s := tell(t).pool()
	s.ev.Declared.Storage = "memory"
	off := func(r *session.Record) { r.Flow.Affinity = session.AffinityOff }
	for c := uint64(1); c <= 12; c++ {
		s.then(c, "app1", "/login", 0, c, signIn, off)
		for range 3 {
			s.then(c, "app2", "/cart", c, 0, unknown, off).then(c, "app1", "/cart", c, 0, off)
		}
	}
	r := s.report()
	if len(r.Hypotheses) == 0 || r.Hypotheses[0].Cause != "affinity-absent" && r.Hypotheses[0].Cause != "session-store-node-local" {
		t.Fatalf("ranked: %s, want affinity or replication first", ranked(r))
	}
	for _, b := range r.Breaks {
		if b.From != "app1" || b.To != "app2" {
			t.Errorf("a break from %s to %s", b.From, b.To)
		}
	}
}

func ranked(r *diagnose.Report) string {
	text := ""
	for _, h := range r.Hypotheses {
		text += h.Cause + " "
	}
	return text
}
