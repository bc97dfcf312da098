package session

import "time"

// How finely, and for how long, it is remembered how each instance fared.
const (
	pulseTick = int64(250 * time.Millisecond)
	pulseLen  = 128
	mostPasts = 256 // notices that keep the time before them
)

// A Fare is how many follow-ups an instance had answered at a moment, since the beginning: those whose session was
// known, and all.
type Fare struct{ Known, All int64 }

// Since returns what an instance answered after an earlier moment.
func (f Fare) Since(before Fare) Fare { return Fare{f.Known - before.Known, f.All - before.All} }

// A Beat is how an instance had fared at a moment, in nanoseconds since 1970.
type Beat struct {
	At int64
	Fare
}

// A pulse remembers how all instances fared during the last half minute, in steps. It costs nothing between the steps.
type pulse struct {
	beats [pulseLen]struct {
		at    int64
		fares []Fare
	}
	next  int
	last  int64
	pasts int
}

// beat notes how the instances fare now.
func (p *pulse) beat(now int64, instances []Tally) {
	b := &p.beats[p.next%pulseLen]
	p.next++
	p.last, b.at, b.fares = now, now, b.fares[:0]
	for i := range instances {
		b.fares = append(b.fares, fareOf(&instances[i]))
	}
}

func fareOf(t *Tally) Fare { return Fare{t.Honoured, t.Total()} }

// fare returns how an instance fares now.
func (c *Correlator) fare(instance uint16) Fare {
	if int(instance) >= len(c.ByInstance) {
		return Fare{}
	}
	return fareOf(&c.ByInstance[instance])
}

// past returns how an instance fared up to now, oldest first.
func (p *pulse) past(instance uint16) []Beat {
	if p.pasts == mostPasts {
		return nil
	}
	p.pasts++
	var past []Beat
	for i := max(0, p.next-pulseLen); i < p.next; i++ {
		b := &p.beats[i%pulseLen]
		if int(instance) < len(b.fares) {
			past = append(past, Beat{b.at, b.fares[instance]})
		} else {
			past = append(past, Beat{At: b.at})
		}
	}
	return past
}
