package session

// turns notes what is different from the session's request before: its client's address, its affinity value, and where the
// application knew it, if that is not where the balancer says that it sends it. It reports whether another client shares the
// session.
func (c *Correlator) turns(n int32, l *life, r *Record, v *Visit) (mixed bool) {
	if k := uint32(r.Client); k != 0 {
		if l.client != 0 && l.client != k {
			c.AddressChanges++
			v.Readdressed = true
			mixed = c.shared(n, l, r)
		}
		l.client = k
	}
	v.SameAffinity = v.Affinity != 0 && v.Affinity == l.affinity
	v.KnownOn = c.elsewhere[n]
	return mixed
}

// knownOn remembers where the application knew a session by its own name, where the balancer has another name for it: a
// balancer that chooses again may stand between the two.
func (c *Correlator) knownOn(n int32, v *Visit) {
	if v.Outcome != Honoured && !v.SetNew {
		return
	}
	if v.AppOn != v.Instance || c.elsewhere[n] != 0 {
		c.elsewhere[n] = v.AppOn
	}
}
