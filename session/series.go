package session

// A Series counts follow-ups over time in steps of equal length. When the window outgrows it,
// steps are merged two by two, so that it never holds more than maxSteps.
type Series struct {
	Start int64 // nanoseconds; the first step's beginning
	Step  int64 // nanoseconds
	Steps []Step

	last      int   // the step asked for last
	lastStart int64 // and when it began
}

// A Step is one step of a Series.
type Step struct{ Followups, Honoured, Moved, Breaks int32 }

const (
	maxSteps  = 4096
	firstStep = int64(1e9)
)

// at returns the step that time ns falls into.
func (s *Series) at(ns int64) *Step {
	if uint64(ns-s.lastStart) < uint64(s.Step) { // which saves a division
		return &s.Steps[s.last]
	}
	s.last = s.find(ns)
	s.lastStart = s.Start + int64(s.last)*s.Step
	return &s.Steps[s.last]
}

// find returns the index of the step that time ns falls into, and makes it if there is none.
func (s *Series) find(ns int64) int {
	if s.Step == 0 {
		s.Step = firstStep
		s.Start = ns - ns%firstStep
	}
	i := ns - s.Start
	if uint64(i) < uint64(len(s.Steps))*uint64(s.Step) {
		return int(i / s.Step)
	}
	if i < 0 {
		s.extendBack(ns)
		i = ns - s.Start
	}
	for i/s.Step >= maxSteps {
		s.merge()
		i = ns - s.Start
	}
	for int64(len(s.Steps)) <= i/s.Step {
		s.Steps = append(s.Steps, Step{})
	}
	return int(i / s.Step)
}

// extendBack makes room for a time before the start.
func (s *Series) extendBack(ns int64) {
	for {
		n := (s.Start - ns + s.Step - 1) / s.Step
		if n+int64(len(s.Steps)) <= maxSteps {
			s.Steps = append(make([]Step, n, int(n)+len(s.Steps)), s.Steps...)
			s.Start -= n * s.Step
			return
		}
		s.merge()
	}
}

// merge doubles the step.
func (s *Series) merge() {
	if s.Start%(2*s.Step) != 0 { // keep steps at whole multiples
		s.Steps = append([]Step{{}}, s.Steps...)
		s.Start -= s.Step
	}
	half := (len(s.Steps) + 1) / 2
	for i := range half {
		a := s.Steps[2*i]
		if 2*i+1 < len(s.Steps) {
			b := s.Steps[2*i+1]
			a = Step{a.Followups + b.Followups, a.Honoured + b.Honoured, a.Moved + b.Moved, a.Breaks + b.Breaks}
		}
		s.Steps[i] = a
	}
	s.Steps = s.Steps[:half]
	s.Step *= 2
}

func (s *Series) add(v *Visit) {
	st := s.at(v.Start)
	st.Followups++
	if v.Outcome == Honoured {
		st.Honoured++
	}
	if v.Routing == Moved {
		st.Moved++
	}
}

// AddBreak counts a break at a time.
func (s *Series) AddBreak(ns int64) { s.at(ns).Breaks++ }
