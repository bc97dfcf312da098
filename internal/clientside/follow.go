package clientside

import (
	"net/url"
	"strings"
	"time"

	"limpet.dev/capture"
	"limpet.dev/cookie"
)

// A Seen is one exchange of a capture as a session's timeline takes it: what was presented, what was set, what was kept
// back and why.
type Seen struct {
	N                     int
	At                    time.Time
	Dated                 bool
	Method                string
	URL                   *url.URL
	Status                int
	From                  string // scheme and host of the page that caused it, "" the user or not known
	Agent                 string
	Location              string
	RequestID, TraceID    string
	Session, Set          capture.Secret // of the session cookie
	Held                  capture.Secret // what the client had and did not send, or was given and did not keep
	Why                   string         // by which rule
	Affinity, SetAffinity capture.Secret
	Cleared               bool
}

// Follow reads one capture and tells its exchanges with the application in order, with the report on its cookies. The
// session cookie is opt's, or found.
// Before are captures taken nearer to the application: what they show being set and this one does not was taken out between.
func Follow(src Source, opt Options, before ...Source) ([]Seen, string, *Report) {
	a := newAnalysis(opt)
	a.examine([]Source{src})
	name := a.mainCookie()
	if name == "" && len(before) > 0 {
		return stripped(src, opt, before)
	}
	return a.follow(name), name, a.report
}

// stripped follows a capture in which no session cookie appears, with what other captures show.
func stripped(src Source, opt Options, before []Source) ([]Seen, string, *Report) {
	a := newAnalysis(opt)
	a.examine(append(before, src))
	last := len(before)
	for _, f := range a.findings {
		if f.Rule != "cookie-stripped-by-cdn" || f.Request == nil || f.Request.Input != src.Path {
			continue
		}
		value := a.issued(f.Cookie, last)
		for _, s := range a.of(last) {
			if s.n > f.Request.N && s.known && s.counts() && value != "" {
				a.report.Notes = append(a.report.Notes, Note{Input: last, N: s.n, Cookie: f.Cookie, Why: cookie.StrippedByProxy.Set(), Held: capture.Secret(value), Counts: true, Never: true})
			}
		}
		a.steps = a.of(last)
		return a.follow(f.Cookie), f.Cookie, a.report
	}
	b := newAnalysis(opt)
	b.examine([]Source{src})
	return b.follow(""), "", b.report
}

// issued is the value that a capture before the last one shows being set, "" none.
func (a *analysis) issued(name string, last int) string {
	for _, s := range a.steps {
		for _, line := range s.set {
			if s.input < last && capture.NameOf(line) == name && !deleting(line) {
				return valueOf(line)
			}
		}
	}
	return ""
}

// follow tells the exchanges of a's capture.
func (a *analysis) follow(name string) []Seen {
	held := map[int]Note{}
	for _, n := range a.report.Notes {
		if n.Counts && n.Cookie == name && !n.Set {
			held[n.N] = n
		}
	}
	sites := map[string]bool{}
	for _, s := range a.steps {
		if s.touches(name) {
			sites[s.req.URL.Site()] = true
		}
	}
	var out []Seen
	for _, s := range a.steps {
		if len(sites) > 0 && !sites[s.req.URL.Site()] {
			continue
		}
		x := Seen{N: s.n, At: s.at, Dated: s.dated, Method: s.method, URL: s.url, Status: s.status, From: s.from, Agent: s.agent, RequestID: s.requestID, TraceID: s.traceID}
		if s.location != nil {
			x.Location = s.location.String()
		}
		a.credentials(&x, s, name)
		if n, ok := held[s.n]; ok && n.Held != "" && (n.Never || len(s.consequences(name)) > 0) {
			if x.Session == "" || n.Why.Has(cookie.Shadowed) || n.Why.Has(cookie.Overwritten) {
				x.Session, x.Held, x.Why = "", n.Held, n.Why.String()
			}
		}
		out = append(out, x)
	}
	return out
}

// credentials fills in what was presented and set.
func (a *analysis) credentials(x *Seen, s *step, name string) {
	for _, p := range s.sent {
		switch {
		case p.Name == name && x.Session == "":
			x.Session = p.Value
		case a.role[p.Name] == AffinityCookie:
			x.Affinity = p.Value
		}
	}
	for _, line := range s.set {
		switch lineName := capture.NameOf(line); {
		case lineName == name && deleting(line):
			x.Cleared = true
		case lineName == name && x.Set == "":
			x.Set = capture.Secret(valueOf(line))
		case a.role[lineName] == AffinityCookie:
			x.SetAffinity = capture.Secret(valueOf(line))
		}
	}
}

func (s *step) touches(name string) bool {
	for _, p := range s.sent {
		if p.Name == name {
			return true
		}
	}
	for _, line := range s.set {
		if capture.NameOf(line) == name {
			return true
		}
	}
	return false
}

// mainCookie is the session cookie that is seen most, "" for none.
func (a *analysis) mainCookie() string {
	best, most := "", -1
	for name, role := range a.role {
		if role != SessionCookie {
			continue
		}
		n := 0
		if c := a.stats[name]; c != nil {
			n = c.set + c.sent + c.withheld
		}
		if n > most || n == most && strings.Compare(name, best) < 0 {
			best, most = name, n
		}
	}
	return best
}
