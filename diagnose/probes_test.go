package diagnose_test

import (
	"strings"
	"testing"
	"time"

	"limpet.dev/diagnose"
	"limpet.dev/session"
	"limpet.dev/topology"
)

// checked gives both instances a health check that needs a second to give up.
func (s *story) checked() *story {
	s.pool(cookieRule)
	for i := range s.ev.Tiers[0].Config.Pools[0].Instances {
		s.ev.Tiers[0].Config.Pools[0].Instances[i].Check = &topology.HealthCheck{Kind: "http", Method: "GET", Path: "/health", Timeout: time.Second,
			RemoveMin: time.Second, RemoveMax: 2 * time.Second, Pos: topology.Pos{File: "haproxy.cfg", Line: 40 + i}}
	}
	return s
}

func (s *story) people(instance string, from, to uint64) *story {
	for c := from; c <= to; c++ {
		s.then(c, instance, "/login", 0, c, signIn)
	}
	return s
}

func finding(r *diagnose.Report, rule string) (diagnose.Finding, int) {
	var first diagnose.Finding
	n := 0
	for _, f := range r.Findings {
		if f.Rule == rule {
			if n++; n == 1 {
				first = f
			}
		}
	}
	return first, n
}

// Proves S50. An instance is taken out while it serves sessions: the window and the counts are those that were planted.
func TestEarlyFailover(t *testing.T) {
	s := tell(t).checked().people("app1", 1, 4).people("app2", 5, 8)
	s.wait(5*time.Second).then(1, "app1", "/a", 1, 0).wait(2 * time.Second) // long before the probe began to fail
	for range 2 {
		for c := uint64(1); c <= 4; c++ {
			s.then(c, "app1", "/a", c, 0)
		}
	}
	s.notice(session.Health, "app1", false)
	down := s.now
	s.then(2, "app1", "/a", 2, 0) // was under way
	s.then(1, "app2", "/cart", 1, 0, unknown)
	s.wait(time.Second).notice(session.Health, "app1", true).then(3, "app1", "/a", 3, 0)
	r := s.report()
	f, n := finding(r, "early-failover")
	if n != 1 || f.Severity != "error" || f.File != "haproxy.cfg" || f.Line != 40 {
		t.Fatalf("findings = %+v, want one error at the check", r.Findings)
	}
	h := r.Health[0]
	if h.Served == nil || h.Served.Restarted || h.Served.WhileOut != 1 {
		t.Fatalf("served = %+v, want one request while it was out", h.Served)
	}
	// The window begins with the first step inside the second before the removal; the first of the eight requests stands before it or in it.
	if w := time.Unix(0, down).Sub(h.Served.From); w <= 0 || w > time.Second {
		t.Errorf("window of %s, want within the second for which the probe failed", w)
	}
	want := int64(0)
	for _, q := range s.records {
		if q.Kind == session.Request && q.Presented != 0 && q.Start > h.Served.From.UnixNano() && q.Start <= down {
			want++
		}
	}
	// The request that moved the clock to the step is not yet in its sum.
	if got := h.Served.Honoured; got != want+1 || h.Served.Followups != got || got < 5 {
		t.Errorf("%d of %d honoured in the window, %d were sent", got, h.Served.Followups, want+1)
	}
	if q := question(t, r, "health checks agree"); q.Outcome != "no" || len(q.Evidence) != 1 || q.Evidence[0].Source != "haproxy.cfg:40" {
		t.Errorf("the assessment says %+v", q)
	}
}

// A removal is not early when the instance was really gone, or when its requests failed too.
func TestNoEarlyFailover(t *testing.T) {
	for _, tt := range []struct {
		name string
		tell func(*story)
	}{
		{"its process started anew", func(s *story) {
			for c := uint64(1); c <= 6; c++ {
				s.then(c, "app1", "/a", c, 0)
			}
			s.notice(session.Health, "app1", false).wait(time.Second).notice(session.Start, "app1", true).notice(session.Health, "app1", true)
		}},
		{"its requests failed", func(s *story) {
			for c := uint64(1); c <= 6; c++ {
				s.then(c, "app1", "/a", c, 0, func(r *session.Record) { r.App = session.AppSeen | session.AppError })
			}
			s.notice(session.Health, "app1", false).wait(time.Second).notice(session.Health, "app1", true)
		}},
		{"nobody asked it", func(s *story) {
			s.notice(session.Health, "app1", false).wait(time.Second).notice(session.Health, "app1", true)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := tell(t).checked().people("app1", 1, 6)
			s.wait(5 * time.Second)
			tt.tell(s)
			r := s.then(1, "app1", "/a", 1, 0).report()
			if f, n := finding(r, "early-failover"); n != 0 {
				t.Errorf("found %+v", f)
			}
		})
	}
}

// Proves S51. A store is broken behind a probe that asks for a static page: found, on that instance alone.
func TestMisreportedHealth(t *testing.T) {
	fails := func(r *session.Record) { r.App = session.AppSeen | session.AppError; r.Status = 500 }
	for _, tt := range []struct {
		name string
		tell func(*story)
		want int
	}{
		{"the probe succeeds throughout", func(s *story) {
			s.then(1, "app1", "/cart", 1, 0, fails).then(2, "app1", "/cart", 2, 0, fails).then(1, "app1", "/cart", 1, 0, fails)
		}, 1},
		{"the balancer takes it out for that", func(s *story) {
			s.then(1, "app1", "/cart", 1, 0, fails).then(2, "app1", "/cart", 2, 0, fails).then(1, "app1", "/cart", 1, 0, fails)
			s.wait(time.Second).notice(session.Health, "app1", false)
		}, 0},
		{"two failures are no pattern", func(s *story) {
			s.then(1, "app1", "/cart", 1, 0, fails).then(2, "app1", "/cart", 2, 0, fails)
		}, 0},
		{"misses are no failed operations", func(s *story) {
			s.then(1, "app1", "/cart", 1, 0, unknown).then(2, "app1", "/cart", 2, 0, unknown).then(3, "app1", "/cart", 3, 0, unknown)
		}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := tell(t).checked().people("app1", 1, 4).people("app2", 5, 8)
			tt.tell(s)
			for c := uint64(5); c <= 8; c++ {
				s.then(c, "app2", "/cart", c, 0)
			}
			r := s.report()
			f, n := finding(r, "health-misreported")
			if n != tt.want {
				t.Fatalf("findings = %+v, want %d", r.Findings, tt.want)
			}
			if n == 1 && (f.Line != 40 || !strings.Contains(f.Title, "of app1 ") || !strings.Contains(f.Title, "3 operations of 2 sessions") || !strings.Contains(f.Title, "GET /health")) {
				t.Errorf("finding = %+v", f)
			}
		})
	}
}
