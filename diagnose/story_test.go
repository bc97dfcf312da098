package diagnose_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"limpet.dev/cause"
	"limpet.dev/diagnose"
	"limpet.dev/session"
	"limpet.dev/topology"
)

// A story is requests of several clients through one balancer, told by a test, and the diagnosis of them.
type story struct {
	t       *testing.T
	vocab   *session.Vocabulary
	records []session.Record
	now     int64
	ev      diagnose.Evidence
	set     session.Settings
}

var storyStart = time.Date(2026, 1, 2, 10, 0, 0, 0, time.UTC)

func tell(t *testing.T) *story {
	t.Helper()
	s := &story{t: t, vocab: session.NewVocabulary(), now: storyStart.UnixNano()}
	s.ev.Log, s.ev.Events, s.set.Events = true, true, true
	s.ev.Facts = session.HasSession | session.HasSetSession | session.HasStatus | session.HasInstance | session.HasClient | session.HasUserAgent | session.HasFlow
	return s
}

// credentials holds what credential number n looks like, at n times 8.
var credentials = func() []byte {
	var b []byte
	for n := range 100 {
		b = fmt.Appendf(b, "secret%02d", n)
	}
	return b
}()

func span(n uint64) session.Span {
	if n == 0 {
		return session.Span{}
	}
	return session.Span{At: uint32(8 * n), Len: 8}
}

// then sends one request of client (1, 2 …), 100 ms after the one before; presented and set are credentials, 0 none.
func (s *story) then(client uint64, instance, route string, presented, set uint64, change ...func(*session.Record)) *story {
	s.now += int64(100 * time.Millisecond)
	r := session.Record{Kind: session.Request, Start: s.now, End: s.now + int64(10*time.Millisecond), Presented: presented, Set: set, Client: client, Port: uint16(1000 + client),
		Status: 200, Bytes: 4000, Cart: -1, Method: session.GET, Instance: s.vocab.Instances.ID(instance), AppOn: s.vocab.Instances.ID(instance),
		Route: s.vocab.Routes.ID(route), Agent: s.vocab.Agents.ID("Firefox"), Has: s.ev.Facts, Line: uint32(len(s.records) + 1),
		PresentedAt: span(presented), SetAt: span(set)}
	if s.set.Events {
		r.App = session.AppSeen
		switch {
		case set != 0 && presented == 0:
			r.App |= session.AppCreate
		case presented != 0:
			r.App |= session.AppHit
		}
	}
	for _, c := range change {
		c(&r)
	}
	s.records = append(s.records, r)
	return s
}

func (s *story) wait(d time.Duration) *story { s.now += int64(d); return s }

// notice adds a change of an instance's state now.
func (s *story) notice(kind session.Kind, instance string, up bool) *story {
	s.records = append(s.records, session.Record{Kind: kind, Start: s.now, Instance: s.vocab.Instances.ID(instance), Up: up})
	return s
}

func (s *story) word(reason string) func(*session.Record) {
	id := s.vocab.Reasons.ID(reason)
	return func(r *session.Record) { r.App = session.AppSeen | session.AppMiss; r.Reason = id }
}

func post(r *session.Record)   { r.Method = session.POST }
func signIn(r *session.Record) { r.Method = session.POST; r.User = r.Client; r.App |= session.AppUser }
func stale(r *session.Record)  { r.App = session.AppSeen | session.AppStale }
func unknown(r *session.Record) {
	r.App = session.AppSeen | session.AppMiss
}
func destroy(s *story, reason string) func(*session.Record) {
	id := s.vocab.Reasons.ID(reason)
	return func(r *session.Record) {
		r.Method = session.POST
		r.App = session.AppSeen | session.AppHit | session.AppDestroy
		r.Reason = id
	}
}
func cart(n int32) func(*session.Record)   { return func(r *session.Record) { r.Cart = n } }
func shows(n uint32) func(*session.Record) { return func(r *session.Record) { r.State = n } }
func wrote(r *session.Record)              { r.App |= session.AppWrite; r.Method = session.POST }

// report diagnoses the story so far.
func (s *story) report() *diagnose.Report {
	s.t.Helper()
	set := s.set
	set.Done = func(tl *session.Timeline) {
		if tl.Moves > 0 {
			s.ev.MovedTotal++
			s.ev.Moved = append(s.ev.Moved, *tl)
		}
		if len(tl.Visits) > 0 {
			s.ev.Troubled = append(s.ev.Troubled, *tl)
		}
	}
	c := session.NewCorrelator(s.vocab, set)
	c.AddBatch(s.records, credentials, 0)
	c.Close()
	s.ev.Counts, s.ev.Population, s.ev.Names, s.ev.Notices = c.Counts, &c.Population, s.vocab, c.Notices()
	s.ev.Whole = c.Examples.Timelines()
	s.ev.Inputs = []diagnose.Input{{Path: "haproxy.log", Kind: "log"}}
	s.ev.Declared.Idle, s.ev.Declared.Absolute = set.Idle, set.Absolute
	r := diagnose.Run(&s.ev)
	t := r.Totals
	if sum := t.Honoured + t.Lost + t.Incomplete + t.Withheld + t.Unserved + t.Unknown; sum != t.Followups {
		s.t.Errorf("outcomes add up to %d, follow-ups are %d", sum, t.Followups)
	}
	if sum := t.FirstSeen + t.Held + t.Moved + t.Unserved + t.Withheld; sum != t.Followups {
		s.t.Errorf("routings add up to %d, follow-ups are %d", sum, t.Followups)
	}
	var breaks int64
	for _, h := range r.Hypotheses {
		breaks += h.Breaks
	}
	if breaks+t.Unexplained != t.Breaks {
		s.t.Errorf("hypotheses explain %d breaks, %d are unexplained, %d there are", breaks, t.Unexplained, t.Breaks)
	}
	return r
}

// pool gives the balancer a configuration with one pool of app1 and app2.
func (s *story) pool(affinity ...topology.Affinity) *story {
	s.ev.Tiers = []diagnose.TierConfig{{Name: "edge", Product: "haproxy", Config: &topology.Config{Product: "haproxy",
		Listeners: []topology.Listener{{Name: "fe", HTTP: true, Routes: []topology.Route{{Pool: "be"}}, Pos: topology.Pos{File: "haproxy.cfg", Line: 3}}},
		Pools: []topology.Pool{{Name: "be", HTTP: true, Pos: topology.Pos{File: "haproxy.cfg", Line: 9}, Affinity: affinity,
			Instances: []topology.Instance{{Name: "app1"}, {Name: "app2"}}}}}}}
	return s
}

var cookieRule = topology.Affinity{Method: topology.MethodInsert, Carrier: "cookie SRV", Cookie: "SRV", Pos: topology.Pos{File: "haproxy.cfg", Line: 11}}

// Proves S1. Proves S2. Two sessions bounce, one stays: the pair is named, and the shares are exact.
func TestMovedSessionsAreListedWithTheirPair(t *testing.T) {
	s := tell(t)
	for c := uint64(1); c <= 3; c++ {
		s.then(c, "app1", "/login", 0, c, signIn)
	}
	s.then(1, "app2", "/cart", 1, 0).then(2, "app1", "/cart", 2, 0).then(2, "app2", "/a", 2, 0).then(3, "app1", "/cart", 3, 0).then(3, "app1", "/a", 3, 0)
	r := s.report()
	if len(r.Moved) != 2 || r.MovedKept.Total != 2 {
		t.Fatalf("moved = %+v, want two sessions", r.Moved)
	}
	if m := r.Moved[0]; m.Before.Instance != "app1" || m.After.Instance != "app2" || m.Before.Path != "/login" || m.After.Path != "/cart" || m.After.Source != "haproxy.log:4" {
		t.Errorf("pair = %+v", m)
	}
	if r.Affinity.HeldRate != 0.6 {
		t.Errorf("held = %v, want 3 of 5", r.Affinity.HeldRate)
	}
	if r.Verdict != diagnose.VerdictHealthy {
		t.Errorf("verdict = %s: a move alone is no loss", r.Verdict)
	}
	shares := map[string]diagnose.Share{}
	for _, list := range [][]diagnose.Share{r.Affinity.ByRoute, r.Affinity.ByInstance, r.Affinity.ByClient} {
		for _, sh := range list {
			shares[sh.Name] = sh
		}
	}
	if shares["/cart"].Held != 2 || shares["/cart"].Moved != 1 || shares["app2"].Moved != 2 || shares["Firefox"].Held != 3 {
		t.Errorf("shares = %+v", shares)
	}
}

// Proves S3. Proves S7.
func TestStaleStateIsIncompleteNotLost(t *testing.T) {
	s := tell(t).then(1, "app1", "/login", 0, 1, signIn).then(1, "app1", "/cart", 1, 0).then(1, "app2", "/cart", 1, 0, stale)
	r := s.report()
	if len(r.Breaks) != 1 || r.Breaks[0].Kind != "incomplete" || r.Totals.Lost != 0 {
		t.Fatalf("breaks = %+v", r.Breaks)
	}
	if r.Breaks[0].Family != string(cause.InconsistentData) || r.Breaks[0].Cause == "" {
		t.Errorf("family %q and cause %q, want both axes", r.Breaks[0].Family, r.Breaks[0].Cause)
	}
}

// Proves S4. Proves S29. Every way in which a session can end has its own label; only failure is a break.
func TestEndsOfASession(t *testing.T) {
	for _, tt := range []struct {
		name  string
		tell  func(*story)
		count func(diagnose.Totals) int64
		lost  bool
	}{
		{"logout", func(s *story) {
			s.then(1, "app1", "/logout", 1, 0, destroy(s, "logout")).then(1, "app1", "/cart", 1, 0, unknown)
		}, func(t diagnose.Totals) int64 { return t.Ends.Logout }, false},
		{"idle expiry", func(s *story) { s.wait(30*time.Minute).then(1, "app1", "/cart", 1, 0, s.word("idle")) },
			func(t diagnose.Totals) int64 { return t.Ends.Idle }, false},
		{"absolute expiry", func(s *story) { s.then(1, "app1", "/cart", 1, 0, s.word("absolute")) },
			func(t diagnose.Totals) int64 { return t.Ends.Absolute }, false},
		{"rotation at login", func(s *story) {
			s.then(1, "app1", "/login", 1, 2, func(r *session.Record) { r.Method = session.POST; r.App |= session.AppRotate }).then(1, "app1", "/cart", 2, 0)
		}, func(t diagnose.Totals) int64 { return t.Ends.Rotation }, false},
		{"eviction", func(s *story) { s.then(1, "app1", "/cart", 1, 0, s.word("evicted")) }, func(t diagnose.Totals) int64 { return t.Lost }, true},
		{"failure", func(s *story) { s.then(1, "app2", "/cart", 1, 0, s.word("unknown")) }, func(t diagnose.Totals) int64 { return t.Lost }, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := tell(t).then(1, "app1", "/start", 0, 1, post)
			s.then(1, "app1", "/cart", 1, 0)
			tt.tell(s)
			r := s.report()
			if n := tt.count(r.Totals); n != 1 {
				t.Errorf("counted %d times, want once: %+v", n, r.Totals)
			}
			if lost := r.Totals.Breaks > 0; lost != tt.lost {
				t.Errorf("lost = %v, want %v", lost, tt.lost)
			}
		})
	}
}

// Proves S5. Proves S91. A cart that shrinks by itself is found, one that its owner empties is not.
func TestCartThatShrinksByItself(t *testing.T) {
	s := tell(t).then(1, "app1", "/login", 0, 1, signIn).then(1, "app1", "/cart", 1, 0, cart(3)).then(1, "app2", "/cart", 1, 0, cart(0))
	s.then(2, "app1", "/login", 0, 2, signIn).then(2, "app1", "/cart", 2, 0, cart(3)).then(2, "app2", "/cart/remove", 2, 0, cart(0), wrote).then(2, "app1", "/cart", 2, 0, cart(0))
	r := s.report()
	if len(r.Breaks) != 1 || r.Breaks[0].Kind != "incomplete" || r.Breaks[0].Cart != 3 {
		t.Fatalf("breaks = %+v, want one, with the three items that were there", r.Breaks)
	}
	if r.Totals.CartsLost != 1 || r.Totals.BrokenSessions != 1 || r.Totals.UsersBroken != 1 || r.Totals.LoggedInBroken != 1 {
		t.Errorf("impact = %+v", r.Totals)
	}
}

// Proves S6.
func TestSettingsThatFlipAreReportedWithTheirPeriod(t *testing.T) {
	s := tell(t).then(1, "app1", "/start", 0, 1, post, shows(7))
	for i := range 6 {
		s.then(1, []string{"app2", "app1"}[i%2], "/preferences", 1, 0, shows([]uint32{9, 7}[i%2]))
	}
	r := s.report()
	for _, f := range r.Findings {
		if f.Rule == "settings-flip" {
			if !strings.Contains(f.Title, "every 100ms") {
				t.Errorf("title = %q, want the period", f.Title)
			}
			return
		}
	}
	t.Errorf("findings = %+v, want settings-flip", r.Findings)
}

// Proves S8. Proves S9. Proves S10.
func TestSessionMapSaysDeclaredObservedContradicted(t *testing.T) {
	for _, tt := range []struct {
		name, second, status string
	}{{"holds as configured", "app1", "observed"}, {"bounces although configured", "app2", "contradicted"}} {
		t.Run(tt.name, func(t *testing.T) {
			s := tell(t).pool(cookieRule)
			s.ev.Declared = cause.Declared{Cookie: "SHOP", Storage: "memory"}
			for c := uint64(1); c < 9; c++ {
				s.then(c, "app1", "/start", 0, c, post).then(c, tt.second, "/cart", c, 0)
			}
			r := s.report()
			if len(r.SessionMap) != 1 {
				t.Fatalf("map = %+v", r.SessionMap)
			}
			m := r.SessionMap[0]
			if m.Status != tt.status || m.Carrier != "cookie SHOP" || m.Storage != "memory" || m.Tier != "edge" || !strings.Contains(m.Affinity, "SRV") || len(m.Evidence) < 2 {
				t.Errorf("entry = %+v, want %s", m, tt.status)
			}
			tier := r.Tiers[0]
			if len(tier.Listeners) != 1 || tier.Listeners[0].Pools[0] != "be" || len(tier.Pools[0].Instances) != 2 {
				t.Errorf("tier = %+v, want listener, pool and members", tier)
			}
		})
	}
	s := tell(t).pool(cookieRule)
	s.then(1, "app1", "/", 0, 0)
	if m := s.report().SessionMap[0]; m.Status != "declared" {
		t.Errorf("without follow-ups the entry is %s, want declared", m.Status)
	}
}

// Proves S11. With nothing that tells sessions apart the verdict is not proven, and says what is missing.
func TestNotProvenSaysWhatIsMissing(t *testing.T) {
	s := tell(t)
	s.set.Events, s.ev.Events, s.ev.Facts = false, false, session.HasStatus
	for range 5 {
		s.then(1, "app1", "/cart", 0, 0)
	}
	r := s.report()
	if r.Verdict != diagnose.VerdictNotProven || len(r.Hypotheses) != 0 {
		t.Fatalf("verdict %s with %d hypotheses", r.Verdict, len(r.Hypotheses))
	}
	if !strings.Contains(r.Summary, "limpet logline haproxy") {
		t.Errorf("summary %q does not say what to add", r.Summary)
	}
	if len(r.Assessment) < 5 || r.Assessment[0].Outcome != "no" {
		t.Errorf("assessment = %+v", r.Assessment)
	}
	for _, h := range r.Hypotheses {
		if len(h.Supports) == 0 {
			t.Errorf("%s is printed without evidence", h.Cause)
		}
	}
}

// Proves S17.
func TestAffinityByAddressIsFlagged(t *testing.T) {
	rule := topology.Affinity{Method: topology.MethodSource, Carrier: "source address", Pos: topology.Pos{File: "haproxy.cfg", Line: 12}}
	s := tell(t).pool(rule)
	for c := uint64(1); c <= 60; c++ {
		s.then(c, "app1", "/start", 0, c, func(r *session.Record) { r.Client = 1 + c%2 })
	}
	r := s.report()
	if len(r.Findings) != 1 || r.Findings[0].Rule != "affinity-by-address" || r.Findings[0].Severity != "error" || r.Findings[0].Line != 12 {
		t.Fatalf("findings = %+v, want an error with its line", r.Findings)
	}
	if !strings.Contains(r.Findings[0].Title, "2 addresses for 60 sessions") {
		t.Errorf("title = %q", r.Findings[0].Title)
	}
	s = tell(t).pool(rule)
	s.then(1, "app1", "/start", 0, 1)
	if f := s.report().Findings; len(f) != 1 || f[0].Severity != "warning" {
		t.Errorf("from the configuration alone: %+v, want a warning", f)
	}
}

// Proves S30. A request sent to one instance while the state lives on another names both.
func TestMisrouteNamesBothInstances(t *testing.T) {
	s := tell(t).then(1, "app1", "/login", 0, 1, signIn).then(1, "app1", "/cart", 1, 0).then(1, "app2", "/cart", 1, 0, unknown)
	s.then(2, "app2", "/login", 0, 2, signIn).then(2, "app2", "/cart", 2, 0)
	r := s.report()
	if len(r.Breaks) != 1 || r.Breaks[0].From != "app1" || r.Breaks[0].To != "app2" || !strings.Contains(r.Breaks[0].Why+r.Breaks[0].Proof, "application event") {
		t.Errorf("breaks = %+v", r.Breaks)
	}
}

// Proves S44. Proves S45. Each removal is tied to the sessions that it moved and lost; flapping is priced an hour.
func TestHealthEventsArePriced(t *testing.T) {
	s := tell(t).pool(cookieRule)
	for c := uint64(1); c <= 4; c++ {
		s.then(c, "app1", "/login", 0, c, signIn).then(c, "app1", "/cart", c, 0)
	}
	s.wait(5*time.Second).notice(session.Health, "app1", false).then(1, "app2", "/cart", 1, 0, unknown).then(2, "app2", "/cart", 2, 0, unknown)
	s.wait(2*time.Second).notice(session.Health, "app1", true).then(3, "app1", "/cart", 3, 0)
	s.wait(5*time.Second).notice(session.Health, "app1", false).then(4, "app2", "/cart", 4, 0, unknown)
	s.wait(2*time.Second).notice(session.Health, "app1", true).then(3, "app1", "/cart", 3, 0)
	r := s.report()
	var lost, moved []int64
	for _, h := range r.Health {
		if h.To == "down" {
			lost, moved = append(lost, h.Lost), append(moved, h.Moved)
		}
	}
	if len(lost) != 2 || lost[0] != 2 || lost[1] != 1 || moved[0] != 2 || moved[1] != 1 {
		t.Errorf("lost %v, moved %v, want 2 and 1 of each", lost, moved)
	}
	found := false
	for _, f := range r.Findings {
		found = found || f.Rule == "health-flapping" && strings.Contains(f.Title, "went down 2 times")
	}
	if !found {
		t.Errorf("findings = %+v, want health-flapping", r.Findings)
	}
}

// Proves S74. A healthy system is called healthy, with the bound that the evidence allows.
func TestHealthyIsSaidWithItsBound(t *testing.T) {
	s := tell(t)
	for c := uint64(1); c <= 10; c++ {
		s.then(c, "app1", "/start", 0, c, post)
		for range 30 {
			s.then(c, "app1", "/cart", c, 0)
		}
	}
	r := s.report()
	if r.Verdict != diagnose.VerdictHealthy || r.Totals.BreakRateUpper != 0.01 || len(r.Hypotheses) != 0 {
		t.Errorf("verdict %s, bound %v, %d hypotheses; want healthy, 3/300, none", r.Verdict, r.Totals.BreakRateUpper, len(r.Hypotheses))
	}
}

// Proves S116. Proves S117. Proves S118. Continuity, sign-in errors and recovery equal what was planted.
func TestFiguresEqualWhatWasPlanted(t *testing.T) {
	s := tell(t)
	wrong := func(r *session.Record) { r.Method = session.POST; r.Status = 401; r.App = session.AppSeen }
	for c := uint64(1); c <= 4; c++ {
		s.then(c, "app1", "/login", 0, 0, wrong)
		s.then(c, "app1", "/login", 0, c, signIn).then(c, "app1", "/cart", c, 0).then(c, "app1", "/a", c, 0)
	}
	s.then(1, "app2", "/a", 1, 0, unknown).wait(900*time.Millisecond).then(1, "app2", "/login", 1, 11, signIn, func(r *session.Record) {
		r.App = session.AppSeen | session.AppMiss | session.AppCreate | session.AppUser
	})
	r := s.report()
	// 8 honoured, the lost one, and the lost credential presented once more at the way in.
	if r.Totals.Followups != 10 || r.Totals.ContinuityRate != 0.8 {
		t.Errorf("continuity %v of %d, want 0.8 of 10", r.Totals.ContinuityRate, r.Totals.Followups)
	}
	if r.Totals.BadPasswords != 4 || r.Totals.AuthErrors != 2 {
		t.Errorf("%d wrong passwords, %d sign-in errors; want 4 and 2, apart", r.Totals.BadPasswords, r.Totals.AuthErrors)
	}
	if got := r.Totals.Recovery.Mean; got != 1010 {
		t.Errorf("recovery took %v ms, want 1010 (a second, and the answer)", got)
	}
}

// Proves S120. Whoever lost a cart at the checkout stands before who lost an anonymous visit.
func TestCasesAreWeighedByWhatWasLost(t *testing.T) {
	s := tell(t)
	s.then(1, "app1", "/start", 0, 1, post).then(1, "app1", "/a", 1, 0).then(1, "app2", "/a", 1, 0, unknown)
	s.then(2, "app1", "/login", 0, 2, signIn).then(2, "app1", "/cart", 2, 0, cart(2)).then(2, "app2", "/checkout", 2, 0, unknown)
	r := s.report()
	if len(r.Stories) != 2 || len(r.Breaks) != 2 {
		t.Fatalf("%d stories, %d breaks, want two: %+v", len(r.Stories), len(r.Breaks), r.Breaks)
	}
	if r.Stories[0].Requests[0].Path != "/login" {
		t.Errorf("the first story is the anonymous visitor's")
	}
	if r.Breaks[1].Weight <= r.Breaks[0].Weight {
		t.Errorf("weights %v and %v: the cart at the checkout must weigh more", r.Breaks[0].Weight, r.Breaks[1].Weight)
	}
}

// Proves S92. Proves S93. Every cause has one root, one category and steps to take.
func TestEveryCauseHasOneRootAndSteps(t *testing.T) {
	roots := map[cause.Root]bool{cause.RoutingMisconfiguration: true, cause.StorageOutage: true, cause.ClientCompatibility: true}
	for _, c := range cause.All() {
		if !roots[c.Root] || c.Category == "" {
			t.Errorf("%s: root %q, category %q", c.ID, c.Root, c.Category)
		}
		if !strings.Contains(c.Runbook, "\n1. ") || !strings.Contains(c.Runbook, "\n3. ") || strings.TrimSpace(c.Remedy) == "" || strings.TrimSpace(c.Rollback) == "" {
			t.Errorf("%s lacks steps, remedy or rollback", c.ID)
		}
	}
}
