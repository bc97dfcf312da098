package cause_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"limpet.dev/cause"
	"limpet.dev/diagnose"
	"limpet.dev/internal/ingest"
	"limpet.dev/internal/lab"
	"limpet.dev/lb/products"
)

// nearMisses names, for each cause, a recorded case of something else in which its detector sees a clue.
var nearMisses = []struct{ cause, looksLike string }{
	{"affinity-absent", "signing-key-differs-between-nodes/seed1"},                                                         // requests wander in both; here any instance with the right key reads the cookie
	{"affinity-cookie-not-returned", "store-flushed-with-cache/app-without-jar-seed5"},                                     // an app drops the balancer's cookie and is found everywhere all the same
	{"affinity-reset-on-reload", "health-check-too-aggressive/reload-seed5"},                                               // a reload in the same minute, with an affinity that survives it
	{"deploy-no-session-drain", "health-check-too-aggressive/seed1"},                                                       // instances go out and come back; no process started
	{"health-check-too-aggressive", "deploy-no-session-drain/seed1"},                                                       // the same, with process starts
	{"samesite-cross-site-post", "affinity-reset-on-reload/payment-posts-seed8"},                                           // a few sessions are lost at payment, more at the reload
	{"signing-key-differs-between-nodes", "signing-key-regenerated-on-start/seed1"},                                        // cookies are refused too; here only since instances started anew
	{"store-flushed-with-cache", "affinity-reset-on-reload/seed4"},                                                         // all in one moment too, but only sessions that moved
	{"namespace-changes-per-build", "deploy-no-session-drain/seed1"},                                                       // the release changes too; here the state ends with the process
	{"secure-cookie-proto-unknown", "store-flushed-with-cache/scheme-lost-seed10"},                                         // a few never got their cookie, more lost their session in one instant
	{"session-store-node-local", "affinity-absent/seed1"},                                                                  // the same moves; here the state lives in memory
	{"setcookie-cached-leak", "store-flushed-with-cache/shared-cache-seed11"},                                              // a few sessions are mixed up, more are lost in one instant
	{"signing-key-regenerated-on-start", "signing-key-differs-between-nodes/restart-seed6"},                                // an instance is restarted; cookies were refused before, too
	{"store-eviction", "store-ttl-wrong/seed4"},                                                                            // whoever rests is lost; here one instance gives less time
	{"store-failover-writes-fail", "store-flushed-with-cache/roles-change-seed6"},                                          // a few writes are refused, more sessions are gone in one instant
	{"store-ttl-wrong", "store-eviction/seed1"},                                                                            // gone before their time; here at any age
	{"affinity-cookie-not-issued", "store-flushed-with-cache/harmless-affinity-cookie-not-issued-seed5"},                   // a corner of the site has no affinity; the store is shared
	{"affinity-cookie-path-scope", "store-flushed-with-cache/harmless-affinity-cookie-path-scope-seed5"},                   // the cookie is for one path only; the store is shared
	{"affinity-remap-on-scale", "store-flushed-with-cache/harmless-affinity-remap-on-scale-seed5"},                         // an instance is added at the moment of the flush
	{"affinity-id-inconsistent-across-lbs", "store-flushed-with-cache/harmless-affinity-id-inconsistent-across-lbs-seed8"}, // two balancers disagree; the store is shared
	{"affinity-second-hop", "store-flushed-with-cache/harmless-affinity-second-hop-seed5"},                                 // a second balancer deals requests out; the store is shared
	{"affinity-source-ip-unreliable", "store-flushed-with-cache/harmless-affinity-source-ip-unreliable-seed5"},             // addresses change; the store is shared
	{"affinity-cookie-expires-first", "affinity-reset-on-reload/seed2"},                                                    // sessions had paused when the balancer forgot them, all in one moment
	{"failover-without-replication", "deploy-no-session-drain/seed1"},                                                      // instances are gone, on purpose and one after the other
}

func readCases(t *testing.T) []*lab.Case {
	t.Helper()
	cases, err := lab.ReadCases("testdata")
	if err != nil {
		t.Fatal(err)
	}
	return cases
}

// TestEveryCauseHasCases: three on the emulator, one with the real balancer, and a near miss.
func TestEveryCauseHasCases(t *testing.T) {
	cases := readCases(t)
	for _, c := range cause.All() {
		if c.Lab.Journey != "" {
			checkJourneys(t, cases, c.ID)
			continue
		}
		plain, real := 0, 0
		for _, k := range cases {
			if k.Cause == c.ID && strings.HasPrefix(k.Name, c.ID+"/seed") {
				plain++
				if !strings.Contains(k.Story, "emulated") {
					real++
				}
			}
		}
		if plain < 4 || real < 1 {
			t.Errorf("%s has %d cases, %d of them with a real balancer; limpet lab record %s makes them", c.ID, plain, real, c.ID)
		}
		if !slices.ContainsFunc(nearMisses, func(n struct{ cause, looksLike string }) bool { return n.cause == c.ID }) {
			t.Errorf("%s has no near miss", c.ID)
		}
	}
}

// checkJourneys: a cause that captures show has a case of it, and a near miss in which nothing is lost.
func checkJourneys(t *testing.T, cases []*lab.Case, id string) {
	t.Helper()
	if !slices.ContainsFunc(cases, func(k *lab.Case) bool { return k.Cause == id }) {
		t.Errorf("%s has no case; LIMPET_RECORD=cause/testdata go test ./internal/clientside records them", id)
	}
	if !slices.ContainsFunc(cases, func(k *lab.Case) bool { return k.Name == "none/near-"+id }) {
		t.Errorf("%s has no near miss", id)
	}
}

// TestCasesAreDiagnosed runs every case through every detector: the planted cause ranks first, and the
// broken sessions are exactly those that really broke, whatever logged out or expired beside them; in healthy
// cases none. Proves S29.
func TestCasesAreDiagnosed(t *testing.T) {
	for _, c := range readCases(t) {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			report := diagnoseCase(t, c)
			checkBreaks(t, c, report)
			first := lab.NoFault
			if len(report.Hypotheses) > 0 {
				first = report.Hypotheses[0].Cause
			}
			if first != c.Cause {
				t.Errorf("ranked first: %s, want %s", first, c.Cause)
			}
			for _, b := range report.Breaks {
				if b.Cause != c.Cause && (c.Also == "" || b.Cause != c.Also) {
					t.Errorf("session %s broke at %s because of %s, want %s", b.Session, b.At.Format("15:04:05.000"), b.Cause, cmp.Or(c.Also, c.Cause))
				}
			}
		})
	}
}

// TestCasesWithoutRecordsAreDiagnosed: change records and declarations support a cause, they never make one.
func TestCasesWithoutRecordsAreDiagnosed(t *testing.T) {
	for _, c := range readCases(t) {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			report := diagnoseCase(t, c, "changes.jsonl", "limpet.yaml")
			if c.Cause == lab.NoFault || slices.Contains(c.Needs, "limpet.yaml") {
				if report.Verdict != diagnose.VerdictHealthy {
					t.Errorf("verdict %s for a healthy run", report.Verdict)
				}
				return
			}
			if len(report.Hypotheses) == 0 || report.Hypotheses[0].Cause != c.Cause {
				t.Errorf("ranked first: %s, want %s", ranking(report), c.Cause)
			}
		})
	}
}

// TestNearMisses: a cause that a case only looks like is seen, and does not rank first.
func TestNearMisses(t *testing.T) {
	cases := readCases(t)
	for _, n := range nearMisses {
		t.Run(n.cause, func(t *testing.T) {
			t.Parallel()
			i := slices.IndexFunc(cases, func(c *lab.Case) bool { return c.Name == n.looksLike })
			if i < 0 {
				t.Fatalf("there is no case %s", n.looksLike)
			}
			c := cases[i]
			if c.Cause == n.cause {
				t.Fatalf("%s is a case of it", c.Name)
			}
			if report := diagnoseCase(t, c); len(report.Hypotheses) > 0 && report.Hypotheses[0].Cause == n.cause {
				t.Errorf("ranks first in %s", c.Name)
			}
			if !seenIn(t, c, n.cause) {
				t.Errorf("its detector sees nothing in %s: that is no near miss", c.Name)
			}
		})
	}
}

// seenIn reports whether a cause's detector makes out a clue for it in some cluster of a case.
func seenIn(t *testing.T, c *lab.Case, id string) bool {
	t.Helper()
	ev, err := ingest.Load(t.Context(), ingest.Options{Paths: []string{extract(t, c)}, Products: products.All()})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range diagnose.Observe(ev) {
		for _, clue := range o.Clues[id] {
			if !clue.Against {
				return true
			}
		}
	}
	return false
}

func diagnoseCase(t *testing.T, c *lab.Case, without ...string) *diagnose.Report {
	t.Helper()
	report, err := ingest.Diagnose(t.Context(), ingest.Options{
		Paths: []string{extract(t, c)}, Products: products.All(), Ignore: func(name string) bool { return slices.Contains(without, name) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func extract(t *testing.T, c *lab.Case) string {
	t.Helper()
	dir := t.TempDir()
	if err := c.Extract(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

// checkBreaks compares the broken sessions one by one.
func checkBreaks(t *testing.T, c *lab.Case, report *diagnose.Report) {
	t.Helper()
	found := map[string]bool{}
	for _, b := range report.Breaks {
		found[b.Session] = true
		if !c.Really(b.Session) {
			t.Errorf("session %s did not really break", b.Session)
		}
	}
	for _, life := range c.Broken {
		if !slices.ContainsFunc(life, func(p string) bool { return found[p] }) {
			t.Errorf("session %s broke and is not reported", life[len(life)-1])
		}
	}
	if len(report.Breaks) != len(c.Broken) {
		t.Errorf("%d breaks, want %d", len(report.Breaks), len(c.Broken))
	}
}

func ranking(r *diagnose.Report) string {
	var words []string
	for _, h := range r.Hypotheses {
		words = append(words, fmt.Sprintf("%s %.2f", h.Cause, h.Confidence))
	}
	return strings.Join(words, ", ")
}
