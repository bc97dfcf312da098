package session

// A reading counts how an instance fared with state that another one had last.
type reading struct{ good, bad int32 }

// reads reports whether state of the one is known to the other as a rule.
func (t *reading) reads() bool { return t.good >= 3 && t.good > 3*t.bad }

// stillKnown reports whether an instance is likely to know a troubled session: its state is not gone, and lies there, or
// where that instance reads.
func (c *Correlator) stillKnown(l *life, instance uint16) bool {
	return l.home != 0 && c.reading(l.home, instance).reads()
}
