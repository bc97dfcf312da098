package diagnose_test

import (
	"strings"
	"testing"
	"time"

	"limpet.dev/session"
)

// Proves S33. Five planted faults of presentation, each named, and nothing else named beside it; the same between
// different clients, or as it should be, is none.
func TestPresentationFaults(t *testing.T) {
	const want = "credential-"
	rotate := func(s *story, from, to uint64) {
		s.then(1, "app1", "/account", from, to, func(r *session.Record) { r.App = session.AppSeen | session.AppHit | session.AppRotate })
	}
	for _, tt := range []struct {
		name, rule string
		tell       func(*story)
	}{
		{"missing once", "missing", func(s *story) {
			s.then(1, "app1", "/a", 1, 0).then(1, "app1", "/api/stock", 0, 0).then(1, "app1", "/a", 1, 0)
		}},
		{"twice in one request", "duplicate", func(s *story) {
			s.then(1, "app1", "/a", 1, 0, func(r *session.Record) { r.Flags |= session.Twice })
		}},
		{"another one, that nobody handed out", "changed", func(s *story) {
			s.then(1, "app1", "/a", 1, 0).then(1, "app1", "/a", 77, 0)
		}},
		{"the old one although it was replaced", "stale", func(s *story) {
			rotate(s, 1, 2)
			s.wait(5*time.Second).then(1, "app1", "/a", 1, 0)
		}},
		{"the old one after the new one", "reordered", func(s *story) {
			rotate(s, 1, 2)
			s.wait(5*time.Second).then(1, "app1", "/a", 2, 0).then(1, "app1", "/a", 1, 0).then(1, "app1", "/a", 2, 0)
		}},
		{"the old one after a new session", "reordered", func(s *story) {
			s.then(1, "app2", "/a", 1, 2, unknown).then(1, "app2", "/a", 2, 0).wait(5*time.Second).then(1, "app1", "/a", 1, 0)
		}},
		{"under way while it was replaced", "", func(s *story) {
			rotate(s, 1, 2)
			s.then(1, "app1", "/a", 1, 0)
		}},
		{"a static file without it", "", func(s *story) {
			s.then(1, "app1", "/a", 1, 0).then(1, "app1", "/static/logo.png", 0, 0).then(1, "app1", "/a", 1, 0)
		}},
		{"a stranger on another connection", "", func(s *story) {
			s.then(1, "app1", "/a", 1, 0).then(1, "app1", "/a", 0, 0, func(r *session.Record) { r.Port = 7 }).then(1, "app1", "/a", 1, 0)
			s.then(1, "app1", "/a", 77, 0, func(r *session.Record) { r.Port = 9 })
		}},
		{"never again after a request without it", "", func(s *story) {
			s.then(1, "app1", "/a", 1, 0).then(1, "app1", "/a", 0, 0)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := tell(t)
			for c := uint64(20); c < 24; c++ {
				s.then(c, "app1", "/login", 0, c, signIn).then(c, "app1", "/a", c, 0)
			}
			s.then(1, "app1", "/login", 0, 1, signIn).then(1, "app1", "/a", 1, 0)
			tt.tell(s)
			r := s.report()
			var named []string
			for _, f := range r.Findings {
				if strings.HasPrefix(f.Rule, want) {
					named = append(named, strings.TrimPrefix(f.Rule, want))
					if f.File != "haproxy.log" || f.Line == 0 || !strings.Contains(f.Title, "Firefox (1)") || !strings.Contains(f.Title, "of 1 session") {
						t.Errorf("finding = %+v, want its line, the client family and one session", f)
					}
				}
			}
			if got := strings.Join(named, ","); got != tt.rule {
				t.Errorf("named %q, want %q", got, tt.rule)
			}
			q := question(t, r, "present its credential")
			if bad := tt.rule != ""; bad != (q.Outcome == "no") || bad != (len(q.Evidence) == 1) {
				t.Errorf("the assessment says %+v", q)
			}
		})
	}
}
