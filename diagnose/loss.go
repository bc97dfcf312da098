package diagnose

import (
	"strings"

	"limpet.dev/cause"
	"limpet.dev/session"
)

// What failed between a session and its request (S69).
const (
	LossRouting      = "routing"       // the request reached an instance that never had the state
	LossStoreMiss    = "store miss"    // who should have had the state did not
	LossStoreLatency = "store latency" // the store did not answer in time
	LossStoreError   = "store error"   // the store answered with an error
)

// Losses counts breaks by what failed. They always add up to Totals.Breaks.
type Losses struct {
	Routing      int64 `json:"routing"`
	StoreMiss    int64 `json:"store_miss"`
	StoreLatency int64 `json:"store_latency"`
	StoreError   int64 `json:"store_error"`
	Unknown      int64 `json:"unknown"` // no store and no instance failed, or nothing at hand says which
}

func (l *Losses) add(kind string) {
	switch kind {
	case LossRouting:
		l.Routing++
	case LossStoreMiss:
		l.StoreMiss++
	case LossStoreLatency:
		l.StoreLatency++
	case LossStoreError:
		l.StoreError++
	default:
		l.Unknown++
	}
}

// losses says for every break what failed, and counts.
func (d *run) losses() {
	for _, b := range d.breaks {
		b.loss = d.lossOf(&b.Break)
		d.report.Totals.Losses.add(b.loss)
	}
}

// lossOf says what failed between a session and its request, "" where nothing at hand does: sessions that live in the
// cookie have no store, and a client that withholds its credential asks none. An error of the store is what the application
// says itself, wherever the request went; a miss counts by where the state should have been.
func (d *run) lossOf(b *cause.Break) string {
	if b.Kind != "lost" && b.Kind != "incomplete" || d.inCookie() || refused(b.Reason) {
		return ""
	}
	failed, missed := b.Result&session.AppError != 0, b.Result&session.AppMiss != 0
	late := tooLate(b.Reason)
	switch {
	case late && (failed || missed), b.Result&session.AppSlow != 0 && (failed || !missed):
		return LossStoreLatency
	case failed:
		return LossStoreError
	case elsewhere(b) && d.perInstance(b):
		return LossRouting
	case missed && (d.shared() || !elsewhere(b)):
		return LossStoreMiss
	}
	return ""
}

// elsewhere reports whether the request reached another instance than the one with the state, by the balancer's word or,
// behind a second balancer, by the application's own.
func elsewhere(b *cause.Break) bool {
	return b.Moved || b.On != "" && b.KnownOn != "" && b.On != b.KnownOn
}

// perInstance reports whether the state of a broken session lived on one instance: declared, seen in events, or shown by
// that instance, which knew the session again later.
func (d *run) perInstance(b *cause.Break) bool {
	switch s := d.storage(); {
	case s == "memory" || cause.NodeLocal(s):
		return true
	case d.shared():
		return false
	}
	return b.FoundOn != "" && (b.FoundOn == b.From || b.FoundOn == b.KnownOn)
}

// refused reports whether the application had the credential's state, or needed none, and turned it down all the same.
func refused(reason string) bool {
	return unverified(reason) || strings.HasSuffix(reason, "mismatch")
}

// tooLate reports whether an application's reason is that something did not answer in time.
func tooLate(reason string) bool {
	reason = strings.ToLower(reason)
	return strings.Contains(reason, "timeout") || strings.Contains(reason, "timed out") || strings.Contains(reason, "deadline")
}
