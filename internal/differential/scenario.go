package differential

import (
	"iter"

	"limpet.dev/cookie"
	"limpet.dev/internal/client"
)

// A Place is a page of the site.
type Place struct{ Scheme, Host, Path string }

// A Step is one action: from a page, perhaps from inside a frame of it, to a target.
type Step struct {
	Verb        client.Verb
	Page        Place // opened first; zero: the user acts
	Inside      Place // a frame in Page; zero: the page itself
	Via         []Hop // redirects in front of Target
	Target      Place
	Credentials cookie.Credentials
	Preflight   bool     // the fetch has a header that wants a question first
	CORS        string   // as in Answer
	Status      int      // of the target's answer
	Lines       []string // Set-Cookie lines of the target's answer; for Write, what script assigns
}

// A Hop is a redirect.
type Hop struct {
	Place
	Status int
	Lines  []string
}

// A Scenario sets cookies and then makes one more request: the probe. Each line is a case.
type Scenario struct {
	ID    int
	Set   []Step
	Probe Step
}

// Cases counts the lines.
func (s *Scenario) Cases() int {
	n := 0
	for range s.lines() {
		n++
	}
	return n
}

// lines yields every Set-Cookie line with the step that brings it.
func (s *Scenario) lines() iter.Seq2[string, *Step] {
	return func(yield func(string, *Step) bool) {
		for i := range s.Set {
			step := &s.Set[i]
			for _, hop := range step.Via {
				for _, line := range hop.Lines {
					if !yield(line, step) {
						return
					}
				}
			}
			for _, line := range step.Lines {
				if !yield(line, step) {
					return
				}
			}
		}
	}
}
