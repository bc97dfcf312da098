package diagnose_test

import (
	"strings"
	"testing"

	"limpet.dev/diagnose"
	"limpet.dev/session"
)

// Proves S78. The first differing hop is the planted one, whichever it is.
func TestFirstDivergenceOfStories(t *testing.T) {
	affinity := func(state session.AffinityState) func(*session.Record) {
		return func(r *session.Record) { r.Flow.Affinity = state }
	}
	fails := func(r *session.Record) { r.App = session.AppSeen | session.AppError }
	for _, tt := range []struct {
		name, hop, hopName, broken string
		tell                       func(*story)
	}{
		{"the client leaves the balancer's cookie out", "client", "", "own cookie was not sent", func(s *story) {
			s.then(1, "app2", "/cart", 1, 0, unknown, affinity(session.AffinityNone))
		}},
		{"the client leaves the session's cookie out", "client", "", "credential was left out", func(s *story) {
			s.then(1, "app1", "/cart", 0, 0, post, func(r *session.Record) { r.Flags |= session.Foreign; r.App = 0 })
		}},
		{"the balancer sends it elsewhere", "tier", "edge", "another instance", func(s *story) {
			s.then(1, "app2", "/cart", 1, 0, unknown, affinity(session.AffinityValid))
		}},
		{"something behind the balancer chooses again", "tier", "behind edge", "chose again", func(s *story) {
			s.then(1, "app1", "/cart", 1, 0, unknown, affinity(session.AffinityValid), func(r *session.Record) { r.AppOn = s.vocab.Instances.ID("app2") })
		}},
		{"the process is a new one", "instance", "app1", "started anew", func(s *story) {
			s.notice(session.Start, "app1", true).then(1, "app1", "/cart", 1, 0, unknown, affinity(session.AffinityValid))
		}},
		{"the store fails", "store", "redis", "the store failed", func(s *story) {
			s.vocab.Stores.ID("redis")
			s.then(1, "app1", "/cart", 1, 0, fails, affinity(session.AffinityValid))
		}},
		{"the store does not have it", "store", "redis", "not found (evicted)", func(s *story) {
			s.vocab.Stores.ID("redis")
			s.then(1, "app1", "/cart", 1, 0, s.word("evicted"), affinity(session.AffinityValid))
		}},
		{"the application showed older state", "store", "", "older or partial", func(s *story) {
			s.then(1, "app1", "/cart", 1, 0, stale, affinity(session.AffinityValid))
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := tell(t).pool(cookieRule)
			s.then(9, "app1", "/", 0, 0)
			for c := uint64(1); c <= 5; c++ {
				s.then(c, "app1", "/login", 0, c, signIn).then(c, "app1", "/cart", c, 0, affinity(session.AffinityValid)).then(c, "app1", "/cart", c, 0, affinity(session.AffinityValid))
			}
			s.then(7, "app2", "/login", 0, 7, signIn).then(7, "app2", "/cart", 7, 0, affinity(session.AffinityValid))
			tt.tell(s)
			r := s.report()
			if len(r.Stories) != 1 || r.Stories[0].Divergence == nil {
				t.Fatalf("stories = %+v, want one with its first difference", r.Stories)
			}
			d := r.Stories[0].Divergence
			if d.Hop != tt.hop || d.Name != tt.hopName && tt.hopName != "" || !strings.Contains(d.Broken, tt.broken) {
				t.Errorf("differs at %s %q: %s; want %s %q: …%s…", d.Hop, d.Name, d.Broken, tt.hop, tt.hopName, tt.broken)
			}
			if d.Own || d.With == r.Stories[0].Session {
				t.Errorf("compared with itself although five healthy sessions did the like")
			}
			if q := question(t, r, "first differ"); !strings.Contains(q.Answer, "1 of 1") || len(q.Evidence) != 1 {
				t.Errorf("the assessment says %q with %v", q.Answer, q.Evidence)
			}
		})
	}
}

// question returns the step of the assessment whose question holds some words.
func question(t *testing.T, r *diagnose.Report, words string) diagnose.Step {
	t.Helper()
	for _, s := range r.Assessment {
		if strings.Contains(s.Step, words) {
			return s
		}
	}
	t.Fatalf("the assessment does not ask %q", words)
	return diagnose.Step{}
}
