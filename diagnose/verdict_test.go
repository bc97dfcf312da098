package diagnose_test

import (
	"strings"
	"testing"
	"time"

	"limpet.dev/diagnose"
	"limpet.dev/session"
)

func denied(r *session.Record) { r.Status = 401 }

// By the log alone one refused session among many may have expired; where it is said when sessions expire, where many are refused,
// or where something happened that loses sessions, it is a loss.
func TestOneRefusalInALogIsASuspicion(t *testing.T) {
	for _, tt := range []struct {
		name    string
		refused uint64
		change  func(*story)
		want    diagnose.Verdict
	}{
		{"one", 1, func(*story) {}, diagnose.VerdictNotProven},
		{"five", 5, func(*story) {}, diagnose.VerdictLost},
		{"the lifetime is known", 1, func(s *story) { s.set.Idle = time.Hour }, diagnose.VerdictLost},
		{"its instance was taken out", 1, func(s *story) { s.notice(session.Health, "app1", false) }, diagnose.VerdictLost},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := tell(t)
			s.set.Events, s.ev.Events = false, false
			for c := uint64(1); c <= 20; c++ {
				s.then(c, "app1", "/login", 0, c, signIn)
			}
			for range 5 {
				for c := uint64(1); c <= 20; c++ {
					s.then(c, "app1", "/account", c, 0)
				}
			}
			tt.change(s)
			for c := uint64(1); c <= tt.refused; c++ {
				s.then(c, "app2", "/account", c, 0, denied)
			}
			r := s.report()
			if r.Verdict != tt.want || len(r.Breaks) != int(tt.refused) {
				t.Fatalf("verdict %s with %d breaks, want %s with %d", r.Verdict, len(r.Breaks), tt.want, tt.refused)
			}
			if tt.want == diagnose.VerdictNotProven && !strings.Contains(r.Summary, "1 of 20 sessions look lost") {
				t.Errorf("summary %q does not say what was seen", r.Summary)
			}
		})
	}
}

// Clients that change their address all the time are no proof of a shared credential, as long as the browser stays the same.
func TestChangingAddressesAreNoLeak(t *testing.T) {
	for _, tt := range []struct {
		name    string
		changes int64 // of address, in the whole run
		agents  []string
		want    int
	}{
		{"few change their address", 5, []string{"Firefox", "Firefox"}, 1},
		{"many do", 40, []string{"Firefox", "Firefox"}, 0},
		{"many do, and the browser is another", 40, []string{"Firefox", "Chrome"}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := tell(t)
			s.then(1, "app1", "/start", 0, 1).then(1, "app1", "/cart", 1, 0)
			s.report()
			tl := session.Timeline{Visits: make([]session.Visit, 2)}
			for i := range tl.Visits {
				tl.Visits[i] = session.Visit{Start: s.now + int64(i), Outcome: session.Honoured, Agent: s.vocab.Agents.ID(tt.agents[i]), Readdressed: i > 0}
			}
			tl.Visits[1].Mark = session.MixedUp
			s.ev.Troubled = []session.Timeline{tl}
			s.ev.Population.ByNewAddress = session.Tally{Held: tt.changes, Honoured: tt.changes}
			if r := diagnose.Run(&s.ev); len(r.Breaks) != tt.want {
				t.Errorf("%d sessions mixed up, want %d", len(r.Breaks), tt.want)
			}
		})
	}
}
