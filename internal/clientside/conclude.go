package clientside

import (
	"fmt"
	"slices"
	"strings"
)

// conclude orders the findings and says everything in one sentence.
func (a *analysis) conclude() {
	r := a.report
	r.Inputs = a.inputs
	for _, f := range a.findings {
		if f.Severity == Info && f.Times > 0 && a.roleOf(f.Cookie) == OtherCookie && f.Rule == "cookie-refused" && len(a.findings) > 20 {
			continue
		}
		r.Findings = append(r.Findings, *f)
	}
	slices.SortStableFunc(r.Findings, func(x, y Finding) int {
		if d := order(x.Severity) - order(y.Severity); d != 0 {
			return d
		}
		return rank(a.roleOf(x.Cookie)) - rank(a.roleOf(y.Cookie))
	})
	a.limits()
	r.Unknown = orEmpty(a.unknown)
	r.Findings = orEmpty(r.Findings)
	read := 0
	for _, in := range a.inputs {
		read += in.Exchanges
	}
	top := topFinding(r.Findings)
	switch {
	case top != nil:
		r.Verdict = Problems
		r.Headline = headline(top)
	case read == 0:
		r.Verdict, r.Headline = NotProven, "Nothing could be read."
	case len(r.Cookies) == 0 && !a.anyCookie():
		r.Verdict, r.Headline = NotProven, "No cookie is in these captures: whether a session is kept cannot be told from them."
	case silencing(r.Changes) != nil:
		r.Verdict = Problems
		c := silencing(r.Changes)
		r.Headline = fmt.Sprintf("%s changed its %s, and clients stop sending it with some requests.", c.Cookie, c.Fields[0].Attribute)
	default:
		r.Verdict, r.Headline = Clean, "No cookie was refused or kept back where it was needed."
	}
}

func order(s Severity) int { return slices.Index([]Severity{Error, Warning, Info}, s) }

// topFinding is the first that matters, nil for none.
func topFinding(list []Finding) *Finding {
	if len(list) == 0 || list[0].Severity == Info {
		return nil
	}
	return &list[0]
}

func silencing(changes []Change) *Change {
	for i := range changes {
		if len(changes[i].Silenced) > 0 {
			return &changes[i]
		}
	}
	return nil
}

func (a *analysis) anyCookie() bool {
	for _, s := range a.steps {
		if len(s.sent) > 0 {
			return true
		}
	}
	return false
}

// headline is the verdict of one finding: the request, the cookie, the rule, the clients.
func headline(f *Finding) string {
	var b strings.Builder
	b.WriteString(f.Cookie + ": " + lowerFirst(f.Title))
	if r := f.Request; r != nil && f.Times > 0 && !strings.HasPrefix(r.URL, "(") {
		fmt.Fprintf(&b, ", first at %s %s", r.Method, r.URL)
	}
	if len(f.Reasons) > 0 {
		b.WriteString(" (" + strings.Join(f.Reasons, ", ") + ")")
	}
	return b.String() + "."
}

func lowerFirst(s string) string {
	if len(s) > 1 && s[1] >= 'a' && s[1] <= 'z' {
		return strings.ToLower(s[:1]) + s[1:]
	}
	return s
}

// limits says what the inputs cannot tell.
func (a *analysis) limits() {
	assumed, undatedSteps, joined := 0, 0, len(a.steps)
	unknownSent := 0
	for _, s := range a.steps {
		if s.assumed {
			assumed++
		}
		if !s.dated {
			undatedSteps++
		}
		if !s.known {
			unknownSent++
		}
	}
	if assumed > 0 {
		a.tell(fmt.Sprintf("%d of %d exchanges do not say which address was asked; https://shop.example/ is put in its place. Domain, Path and Secure are judged by it.", assumed, joined))
	}
	if undatedSteps == joined && joined > 1 {
		a.tell("no exchange has a time: lifetimes and the two minutes of Lax+POST are counted as if one second lay between any two.")
	}
	if unknownSent == joined && joined > 0 && !slices.Contains(a.sanitised, true) {
		a.tell("no request's header was captured: what clients presented is not known, only what answers set.")
	}
	for _, in := range a.inputs {
		if in.Error != "" {
			a.tell(in.Path + " could not be read to its end: " + in.Error)
		}
	}
}
