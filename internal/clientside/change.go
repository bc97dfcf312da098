package clientside

import (
	"slices"
	"strings"
	"time"

	"limpet.dev/capture"
	"limpet.dev/cookie"
)

// A version is a way in which a cookie was set, with when it was seen first and last.
type version struct {
	line        string
	step        *step
	first, last time.Time
	dated       bool
}

// changes finds cookies that are set in another way later than before, in one capture or from one to the next, dates it,
// and says with which requests which clients fall silent.
func (a *analysis) changes(captures int) {
	versions := map[string][]version{}
	var order []string
	for _, s := range a.steps {
		for _, line := range s.set {
			if deleting(line) {
				continue
			}
			key := capture.NameOf(line) + "\x00" + s.url.Hostname()
			vs := versions[key]
			if vs == nil {
				order = append(order, key)
			}
			if n := len(vs); n > 0 && sameShape(vs[n-1].line, line) {
				vs[n-1].last = s.at
				vs[n-1].line = line
				continue
			}
			versions[key] = append(vs, version{line, s, s.at, s.at, s.dated})
		}
	}
	for _, key := range order {
		vs := versions[key]
		for i := 1; i < len(vs); i++ {
			if wavers(vs) && vs[i].step.input == vs[i-1].step.input {
				break // two ways to set it, in turn: no change at a moment
			}
			a.change(key, &vs[i-1], &vs[i])
		}
	}
	a.renamed(captures)
	a.report.Changes = orEmpty(a.report.Changes)
}

// wavers reports versions that come back.
func wavers(vs []version) bool {
	for i := range vs {
		for j := i + 2; j < len(vs); j++ {
			if sameShape(vs[i].line, vs[j].line) && vs[i].step.input == vs[j].step.input {
				return true
			}
		}
	}
	return false
}

// sameShape reports lines with the same attributes; dates count by whether there is one, lengths of values not.
func sameShape(a, b string) bool { return len(diff(a, b)) == 0 }

// diff lists the attributes by which two lines differ.
func diff(was, is string) []Diff {
	a, b := traits(was), traits(is)
	var out []Diff
	for i := range a {
		if a[i].Is != b[i].Is {
			out = append(out, Diff{a[i].Attribute, a[i].Is, b[i].Is})
		}
	}
	return out
}

// traits are a line's attributes in a fixed order.
func traits(line string) []Diff {
	l, _ := cookie.Parse(line)
	flag := func(on bool) string {
		if on {
			return "set"
		}
		return ""
	}
	life := ""
	switch {
	case l.HasMaxAge:
		life = l.MaxAge.String()
	case !l.Expires.IsZero():
		life = "a date"
	}
	path := ""
	if l.Path != "" {
		path = attributesOf("x=1; Path=" + l.Path)[len("; Path="):]
	}
	prefix := ""
	for _, p := range []string{"__Host-Http-", "__Host-", "__Secure-", "__Http-"} {
		if len(l.Name) >= len(p) && strings.EqualFold(l.Name[:len(p)], p) {
			prefix = p
			break
		}
	}
	return []Diff{
		{"Domain", "", strings.ToLower(l.Domain)}, {"Path", "", path}, {"Secure", "", flag(l.Secure)}, {"HttpOnly", "", flag(l.HttpOnly)},
		{"SameSite", "", l.SameSite.String()}, {"Partitioned", "", flag(l.Partitioned)}, {"lifetime", "", life}, {"name prefix", "", prefix},
	}
}

// change reports one change and whom it silences.
func (a *analysis) change(key string, was, is *version) {
	name, host, _ := strings.Cut(key, "\x00")
	c := Change{Cookie: name, Host: host, Fields: diff(was.line, is.line), Silenced: []Silence{}}
	if was.dated {
		c.After = was.last
	}
	if is.dated {
		c.Before = is.first
	}
	for _, k := range kinds {
		c.Silenced = append(c.Silenced, silencedBy(k, was, is)...)
	}
	if len(c.Silenced) > 0 && a.role[name] != OtherCookie {
		c.Fix = shown(was.line)
	}
	a.report.Changes = append(a.report.Changes, c)
}

// silencedBy lists the clients that sent the cookie with a kind of request as it was and do not as it is, by rule.
func silencedBy(k kind, was, is *version) []Silence {
	byWhy := map[string]*Silence{}
	var order []string
	for _, c := range shownClients() {
		if c.Rules.Jar == cookie.NoJar {
			continue
		}
		if goes(c, k, was) != 0 {
			continue
		}
		why := goes(c, k, is)
		if why == 0 {
			continue
		}
		key := why.String()
		if byWhy[key] == nil {
			byWhy[key] = &Silence{Kind: k.name, Why: words(why)}
			order = append(order, key)
		}
		byWhy[key].Clients = append(byWhy[key].Clients, c.Name)
	}
	var out []Silence
	for _, key := range order {
		out = append(out, *byWhy[key])
	}
	return out
}

// goes says why a client does not send a cookie, set as in a version, with a kind of request; zero: it does.
func goes(c *cookie.Client, k kind, v *version) cookie.Reasons {
	verdict := c.Judge(v.line, setting(v.step), v.first)
	if verdict.Outcome == cookie.Rejected {
		return verdict.Why
	}
	return c.Withholds(&verdict.Cookie, k.make(v.step.req.URL), v.first.Add(k.wait))
}

// renamed tells a session cookie that the later capture sets under another name, or not at all.
func (a *analysis) renamed(captures int) {
	if captures < 2 {
		return
	}
	in := make([]map[string]*step, captures)
	for i := range in {
		in[i] = map[string]*step{}
	}
	for _, s := range a.steps {
		for _, line := range s.set {
			if name := capture.NameOf(line); a.role[name] == SessionCookie && !deleting(line) && in[s.input][name] == nil {
				in[s.input][name] = s
			}
		}
	}
	for i := 1; i < captures; i++ {
		if a.sanitised[i] || a.sanitised[i-1] || len(a.of(i)) == 0 {
			continue
		}
		for _, name := range sortedNames(in[i-1]) {
			if in[i][name] != nil {
				continue
			}
			next := ""
			for _, other := range sortedNames(in[i]) {
				if in[i-1][other] == nil {
					next = other
				}
			}
			c := Change{Cookie: name, Host: in[i-1][name].url.Hostname(), Fields: []Diff{{"name", name, next}}, Silenced: []Silence{}, After: a.inputs[i-1].To, Before: a.inputs[i].From}
			if next == "" {
				a.stripped(name, in[i-1][name], i)
			}
			a.report.Changes = append(a.report.Changes, c)
		}
	}
}

// stripped tells a cookie that one capture shows being set and the other, of the same addresses, does not: something
// between the two places takes it out.
func (a *analysis) stripped(name string, origin *step, later int) {
	for _, s := range a.of(later) {
		if s.url.Path != origin.url.Path || s.method != origin.method || !s.setKnown {
			continue
		}
		f := a.finding("cookie-stripped-by-cdn", name, "")
		f.Severity = a.weight(name, Error)
		a.seen(f, s)
		f.Reasons = []string{cookie.StrippedByProxy.String()}
		f.Evidence = union(f.Evidence, []string{a.inputs[origin.input].Path + " shows that " + origin.method + " " + origin.url.Path + " sets it; here the same request's answer does not"})
		if s.cdn {
			f.Evidence = union(f.Evidence, []string{"the answer passed a cache or CDN (Via, X-Cache or the like)"})
		}
		f.Fix = "Cache-Control: private, no-store"
		f.Why = "on this answer, and let the CDN forward Cookie and Set-Cookie for this path"
		return
	}
}

func sortedNames(m map[string]*step) []string {
	var names []string
	for n := range m {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}
