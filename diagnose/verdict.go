package diagnose

import (
	"slices"

	"limpet.dev/session"
)

// verdict follows the rules of limpet.report/v1.
func (d *run) verdict() Verdict {
	switch {
	case len(d.breaks) > 0 && !d.suspicion():
		return VerdictLost
	case len(d.breaks) == 0 && d.counts.Followups > 0 && d.counts.Honoured > 0:
		return VerdictHealthy
	}
	return VerdictNotProven
}

// suspicion reports whether the breaks prove nothing: the balancer's log is all that judges answers, nobody says when sessions
// expire, and one or two of many sessions were refused with nothing about them that healthy ones lack.
func (d *run) suspicion() bool {
	return !d.Events && d.Declared.Idle == 0 && len(d.breaks) <= fewSuspects && d.counts.Honoured >= fewestPauses && !slices.ContainsFunc(d.breaks, patterned)
}

// patterned reports whether a break is of another kind than a refused session, or came with an event that loses sessions.
func patterned(b *settled) bool {
	return b.Kind != session.Lost.String() || b.TakenOut() || b.FromStarted != nil || b.ToStarted != nil || b.Reloaded != nil ||
		b.Affinity >= session.AffinityInvalid || b.SameAffinity && b.Moved
}
