package diagnose_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"limpet.dev/diagnose"
	"limpet.dev/session"
)

// lossKinds are the answers in the order of the confusion matrix; "" is "not known".
var lossKinds = []string{diagnose.LossRouting, diagnose.LossStoreMiss, diagnose.LossStoreLatency, diagnose.LossStoreError, ""}

func failed(s *story, reason string, also session.AppFacts) func(*session.Record) {
	id := s.vocab.Reasons.ID(reason)
	return func(r *session.Record) {
		r.App = session.AppSeen | session.AppError | also
		r.Reason, r.Status = id, 500
	}
}

// stored has the application say where the state lives, from its first event on.
func stored(s *story, where string) func(*session.Record) {
	id := s.vocab.Stores.ID(where)
	return func(r *session.Record) { r.Store = id }
}

// lossStories plant one kind each, in several shapes: plant breaks the session of one client, who is on app1.
var lossStories = []struct {
	name, kind, storage string
	plant               func(s *story, client uint64)
}{
	{"memory, sent to another instance", diagnose.LossRouting, "memory", func(s *story, c uint64) { s.then(c, "app2", "/cart", c, 0, unknown) }},
	{"files, sent to another instance", diagnose.LossRouting, "file", func(s *story, c uint64) { s.then(c, "app2", "/cart", c, 0, s.word("unknown")) }},
	{"memory, moved by a second balancer behind", diagnose.LossRouting, "memory", func(s *story, c uint64) {
		behind := func(name string) func(*session.Record) {
			return func(r *session.Record) { r.AppOn = s.vocab.Instances.ID(name) }
		}
		s.then(c, "app1", "/cart", c, 0, behind("inner1")).then(c, "app1", "/cart", c, 0, unknown, behind("inner2"))
	}},
	{"storage not known, found again where it was", diagnose.LossRouting, "", func(s *story, c uint64) { s.then(c, "app2", "/cart", c, 0, unknown).then(c, "app1", "/cart", c, 0) }},
	{"redis flushed", diagnose.LossStoreMiss, "redis", func(s *story, c uint64) { s.then(c, "app1", "/cart", c, 0, s.word("unknown")) }},
	{"redis flushed, asked by another instance", diagnose.LossStoreMiss, "redis", func(s *story, c uint64) { s.then(c, "app2", "/cart", c, 0, unknown) }},
	{"memory gone on the instance that had it", diagnose.LossStoreMiss, "memory", func(s *story, c uint64) { s.then(c, "app1", "/cart", c, 0, unknown) }},
	{"redis times out", diagnose.LossStoreLatency, "redis", func(s *story, c uint64) { s.then(c, "app1", "/cart", c, 0, failed(s, "timeout", 0)) }},
	{"redis gives in after a long wait", diagnose.LossStoreLatency, "redis", func(s *story, c uint64) {
		s.then(c, "app2", "/cart", c, 0, failed(s, "connection reset", session.AppSlow))
	}},
	{"a time-out taken for a miss", diagnose.LossStoreLatency, "redis", func(s *story, c uint64) { s.then(c, "app1", "/cart", c, 0, s.word("Timed out")) }},
	{"redis refuses connections", diagnose.LossStoreError, "redis", func(s *story, c uint64) { s.then(c, "app1", "/cart", c, 0, failed(s, "connection refused", 0)) }},
	{"redis refuses a write", diagnose.LossStoreError, "redis", func(s *story, c uint64) {
		s.then(c, "app2", "/cart/add", c, 0, failed(s, "READONLY", session.AppWrite), post)
	}},

	{"the key differs", "", "cookie", func(s *story, c uint64) { s.then(c, "app2", "/cart", c, 0, s.word("bad-signature")) }},
	{"bound to an address", "", "redis", func(s *story, c uint64) { s.then(c, "app1", "/cart", c, 0, s.word("ip-mismatch")) }},
	{"storage not known, sent to another instance", "", "", func(s *story, c uint64) { s.then(c, "app2", "/cart", c, 0, unknown) }},
}

// Proves S69. Each of the four kinds is planted in several shapes, and each lost session gets the kind that was planted; where
// nothing at hand says, none is claimed. The matrix is printed with -v.
func TestEachLossSaysWhatFailed(t *testing.T) {
	const each = 4
	matrix := map[[2]string]int{}
	for _, tt := range lossStories {
		s := tell(t)
		s.ev.Declared.Storage = tt.storage
		for c := uint64(1); c <= each; c++ {
			s.then(c, "app1", "/login", 0, c, signIn).then(c, "app1", "/cart", c, 0)
		}
		s.wait(time.Second)
		for c := uint64(1); c <= each; c++ {
			tt.plant(s, c)
		}
		r := s.report()
		if len(r.Breaks) != each {
			t.Errorf("%s: %d breaks, want %d", tt.name, len(r.Breaks), each)
		}
		for _, b := range r.Breaks {
			matrix[[2]string{tt.kind, b.Loss}]++
			if b.Loss != tt.kind {
				t.Errorf("%s: session lost by %q, want %q", tt.name, b.Loss, tt.kind)
			}
		}
		l := r.Totals.Losses
		if sum := l.Routing + l.StoreMiss + l.StoreLatency + l.StoreError + l.Unknown; sum != r.Totals.Breaks {
			t.Errorf("%s: kinds add up to %d, breaks are %d", tt.name, sum, r.Totals.Breaks)
		}
		for _, story := range r.Stories {
			if story.Loss != tt.kind {
				t.Errorf("%s: its story says %q, want %q", tt.name, story.Loss, tt.kind)
			}
		}
	}
	t.Log("\n" + confusion(matrix))
	for _, kind := range lossKinds {
		if matrix[[2]string{kind, kind}] == 0 {
			t.Errorf("%q was planted and never found", kind)
		}
	}
}

// The application's own word about its store outweighs what was declared.
func TestLossFollowsTheStoreThatEventsName(t *testing.T) {
	s := tell(t)
	s.ev.Declared.Storage = "redis"
	s.then(1, "app1", "/login", 0, 1, signIn, stored(s, "memory")).then(1, "app1", "/cart", 1, 0).then(1, "app2", "/cart", 1, 0, unknown)
	if r := s.report(); len(r.Breaks) != 1 || r.Breaks[0].Loss != diagnose.LossRouting {
		t.Errorf("breaks = %+v, want one lost by routing", r.Breaks)
	}
}

func confusion(matrix map[[2]string]int) string {
	var out strings.Builder
	name := func(kind string) string {
		if kind == "" {
			return "not known"
		}
		return kind
	}
	fmt.Fprintf(&out, "%-14s", "planted")
	for _, said := range lossKinds {
		fmt.Fprintf(&out, "%15s", name(said))
	}
	for _, planted := range lossKinds {
		fmt.Fprintf(&out, "\n%-14s", name(planted))
		for _, said := range lossKinds {
			fmt.Fprintf(&out, "%15d", matrix[[2]string{planted, said}])
		}
	}
	return out.String()
}
