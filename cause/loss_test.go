package cause_test

import (
	"testing"

	"limpet.dev/cause"
	"limpet.dev/diagnose"
)

// failedBy says for causes of which the recorded cases show it what failed between a session and its request; of the
// category routing it is always routing.
var failedBy = map[string]string{
	"session-store-node-local":          diagnose.LossRouting,
	"failover-without-replication":      diagnose.LossRouting,
	"health-check-too-aggressive":       diagnose.LossRouting,
	"store-eviction":                    diagnose.LossStoreMiss,
	"store-ttl-wrong":                   diagnose.LossStoreMiss,
	"namespace-changes-per-build":       diagnose.LossStoreMiss,
	"store-flushed-with-cache":          diagnose.LossStoreMiss,
	"store-failover-writes-fail":        diagnose.LossStoreError,
	"signing-key-differs-between-nodes": "",
	"signing-key-regenerated-on-start":  "",
	"session-ip-binding":                "",
}

// TestCasesSayWhatFailed: in the recorded cases, too, each session that its planted cause cost names the kind of failure that
// the cause makes. Proves S69.
func TestCasesSayWhatFailed(t *testing.T) {
	for _, c := range readCases(t) {
		own, ok := cause.Find(c.Cause)
		want, listed := failedBy[c.Cause]
		if ok && own.Category == cause.Routing {
			want, listed = diagnose.LossRouting, true
		}
		if !listed {
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			n := 0
			for _, b := range diagnoseCase(t, c).Breaks {
				if b.Cause != c.Cause || b.Kind != "lost" {
					continue
				}
				n++
				if b.Loss != want {
					t.Errorf("session %s, lost at %s: %q, want %q", b.Session, b.Source, b.Loss, want)
				}
			}
			if n == 0 {
				t.Error("no session was lost by the planted cause")
			}
		})
	}
}
