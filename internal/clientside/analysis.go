package clientside

import (
	"errors"
	"time"

	"limpet.dev/capture"
	"limpet.dev/cookie"
	"limpet.dev/topology"
)

// Options say what the captures are about.
type Options struct {
	Session string             // the session cookie's name; "" finds it
	Configs []*topology.Config // balancers on the way
	Issued  bool               // the captures show what the application issued, not what clients got
}

// A Source is one capture: Read lends its exchanges, as capture.Read does.
type Source struct {
	Path string
	Read func(do func(*capture.Exchange) error) (capture.About, error)
}

// maxSteps bounds memory: exchanges beyond it are counted and not looked at.
const maxSteps = 200_000

// An analysis is one run.
type analysis struct {
	opt        Options
	inputs     []Input
	sanitised  []bool
	steps      []*step
	pages      map[string]cookie.URL
	clock      time.Time
	role       map[string]Role
	affinities map[string]affinityCookie
	findings   []*Finding
	byKey      map[string]*Finding
	unknown    []string
	report     *Report
	lines      map[string]*lineSeen // latest Set-Cookie line of each cookie and host
	order      []string
	stats      map[string]*count
}

// A count is how often a cookie was seen.
type count struct{ set, sent, withheld int }

// Examine reads the captures in order, the earlier before the later, and says what it saw.
func Examine(sources []Source, opt Options) *Report {
	a := newAnalysis(opt)
	a.examine(sources)
	return a.report
}

func newAnalysis(opt Options) *analysis {
	return &analysis{opt: opt, pages: map[string]cookie.URL{}, clock: undated, role: map[string]Role{}, affinities: map[string]affinityCookie{},
		byKey: map[string]*Finding{}, report: &Report{Schema: Schema}, lines: map[string]*lineSeen{}, stats: map[string]*count{}}
}

func (a *analysis) examine(sources []Source) {
	for i, src := range sources {
		a.read(i, src)
	}
	a.roles()
	for i := range sources {
		a.walk(i)
	}
	a.overall()
	a.views()
	a.changes(len(sources))
	a.rewrites()
	a.conclude()
}

// read takes over one capture.
func (a *analysis) read(i int, src Source) {
	a.inputs = append(a.inputs, Input{Path: src.Path})
	a.sanitised = append(a.sanitised, false)
	in := &a.inputs[i]
	beyond, from := 0, len(a.steps)
	about, err := src.Read(func(x *capture.Exchange) error {
		if len(a.steps) >= maxSteps {
			beyond++
			return nil
		}
		s, ok := a.stepOf(i, x)
		if !ok {
			return nil
		}
		if s.req.Kind == cookie.Navigation && s.page != "" {
			a.pages[s.page] = s.req.URL
		}
		if s.dated {
			if in.From.IsZero() || s.at.Before(in.From) {
				in.From = s.at
			}
			if s.at.After(in.To) {
				in.To = s.at
			}
		}
		a.steps = append(a.steps, s)
		return nil
	})
	in.Kind, in.Creator, in.Exchanges, in.Skipped = string(about.Kind), about.Creator, about.Exchanges, about.Skipped
	if in.Sanitised = about.Sanitised(); in.Sanitised {
		a.sanitised[i] = true
		if about.Redacted == 0 {
			for _, s := range a.steps[from:] {
				s.known, s.setKnown = false, false
			}
		}
		a.tell(src.Path + ": cookies were taken out before it came here (a sanitised export?). Whether a request carried the session, and what answers set, cannot be told; record it again without sanitising, or scrub a full one with limpet scrub.")
	}
	if beyond > 0 {
		in.Skipped = map[string]int{"exchanges beyond the first 200,000": beyond}
	}
	if broken, ok := errors.AsType[*capture.BrokenError](err); ok {
		in.Error = broken.Error()
	} else if err != nil {
		in.Error = err.Error()
	}
}

func (a *analysis) tell(text string) { a.unknown = append(a.unknown, text) }

// of returns the steps of one input.
func (a *analysis) of(input int) []*step {
	var out []*step
	for _, s := range a.steps {
		if s.input == input {
			out = append(out, s)
		}
	}
	return out
}
