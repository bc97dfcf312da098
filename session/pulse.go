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
	at    [pulseLen]int64 // of the steps, a ring
	fares []Fare          // width for each step
	width int
	next  int
	last  int64
	pasts int
}

// beat notes how the instances fare now.
func (p *pulse) beat(now int64, instances []Tally) {
	if len(instances) > p.width {
		p.widen(2 * len(instances))
	}
	k := p.next % pulseLen
	p.next++
	p.last, p.at[k] = now, now
	row := p.fares[k*p.width : (k+1)*p.width]
	clear(row)
	for i := range instances {
		row[i] = fareOf(&instances[i])
	}
}

// widen makes room for more instances.
func (p *pulse) widen(width int) {
	wide := make([]Fare, pulseLen*width)
	for k := range pulseLen {
		copy(wide[k*width:(k+1)*width], p.fares[k*p.width:(k+1)*p.width])
	}
	p.fares, p.width = wide, width
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
		k := i % pulseLen
		b := Beat{At: p.at[k]}
		if int(instance) < p.width {
			b.Fare = p.fares[k*p.width+int(instance)]
		}
		past = append(past, b)
	}
	return past
}
