package clientside

import (
	"slices"
	"strings"

	"limpet.dev/cookie"
)

// overall looks at cookies as such, beside what happened to them in the captures.
func (a *analysis) overall() {
	session := a.mainLine(SessionCookie)
	for _, key := range a.order {
		name, _, _ := strings.Cut(key, "\x00")
		seen := a.lines[key]
		if a.role[name] == AffinityCookie {
			a.givesAway(name, seen)
			if session != nil {
				a.compare(name, seen, session)
			}
		}
		if a.role[name] == SessionCookie {
			a.legacy(name, seen)
			a.openTo(name, seen)
		}
	}
	for _, f := range a.findings {
		a.concerned(f)
	}
	a.notReturned()
}

// mainLine is the first line that sets a cookie of a role.
func (a *analysis) mainLine(r Role) *lineSeen {
	for _, key := range a.order {
		name, _, _ := strings.Cut(key, "\x00")
		if a.role[name] == r {
			return a.lines[key]
		}
	}
	return nil
}

// givesAway tells an affinity cookie whose value names an internal address.
func (a *analysis) givesAway(name string, seen *lineSeen) {
	c := a.affinity(name)
	if !c.says.internal() {
		return
	}
	f := a.finding("affinity-leaks-address", name, "")
	f.Severity, f.Request = Warning, a.where(seen.step)
	f.Evidence = union(f.Evidence, []string{c.product + " writes " + c.says.words() + " into it, readable for everybody"})
	switch c.product {
	case "F5 BIG-IP":
		f.Why = "set cookie-encryption required in the cookie persistence profile (F5 K6917)"
	case "Envoy":
		f.Why = "put an encrypting filter in front, or use ring hash with a generated cookie"
	default:
		f.Why = "let the balancer write an opaque value"
	}
}

// compare holds an affinity cookie against the session cookie: where the session goes, the affinity has to go too.
func (a *analysis) compare(name string, seen, session *lineSeen) {
	aff, err1 := cookie.Parse(seen.line)
	ses, err2 := cookie.Parse(session.line)
	if err1 != 0 || err2 != 0 {
		return
	}
	var weaker []string
	var changes []string
	if ses.SameSite == cookie.None && aff.SameSite != cookie.None && !a.twin(name) {
		weaker = append(weaker, "the session goes along with requests from other sites (SameSite=None), the affinity does not")
		changes = append(changes, "Secure", "SameSite=None")
	}
	if aff.Secure && !ses.Secure {
		weaker = append(weaker, "the session goes over plain http, the affinity does not (Secure)")
		changes = append(changes, "-Secure")
	}
	if ses.Domain != "" && aff.Domain == "" {
		weaker = append(weaker, "the session goes to all hosts below its domain, the affinity to one host only")
	}
	affPath, sesPath := pathOf(seen), pathOf(session)
	if !cookie.PathMatch(sesPath, affPath) {
		weaker = append(weaker, "the affinity's path "+affPath+" does not cover the session's path "+sesPath)
		changes = append(changes, "Path="+sesPath)
	}
	if aff.Partitioned != ses.Partitioned {
		weaker = append(weaker, "only one of the two is Partitioned: in frames they live in different jars")
	}
	if len(weaker) > 0 {
		f := a.finding("affinity-weaker-than-session", name, "")
		f.Severity, f.Request = Warning, a.where(seen.step)
		f.Evidence = union(f.Evidence, weaker)
		if len(changes) > 0 {
			f.Fix = edit(seen.line, changes...)
		}
	}
	a.diesFirst(name, seen, session, &aff, &ses)
}

// twin reports an affinity cookie that has a copy for requests from other sites (AWSALBCORS and its like).
func (a *analysis) twin(name string) bool {
	for _, other := range []string{name + "CORS", name + "SameSite"} {
		if a.role[other] != "" {
			return true
		}
	}
	return false
}

// diesFirst tells an affinity that ends before the session does.
func (a *analysis) diesFirst(name string, seen, session *lineSeen, aff, ses *cookie.Line) {
	if a.affinity(name).renews {
		return
	}
	if (aff.HasMaxAge || !aff.Expires.IsZero()) && !deleting(seen.line) {
		end := aff.Expires
		if aff.HasMaxAge {
			end = seen.step.at.Add(aff.MaxAge)
		}
		longer := !ses.HasMaxAge && ses.Expires.IsZero()
		sesEnd := ses.Expires
		if ses.HasMaxAge {
			sesEnd = session.step.at.Add(ses.MaxAge)
		}
		if longer && end.Sub(seen.step.at).Hours() >= 12 || !longer && !end.Before(sesEnd) {
			return
		}
		f := a.finding("affinity-cookie-expires-first", name, "")
		f.Severity, f.Request = Warning, a.where(seen.step)
		f.Evidence = union(f.Evidence, []string{"the affinity lives " + lifetime(seen.line) + ", the session " + lifetime(session.line)})
		f.Fix = edit(seen.line, "-Max-Age", "-Expires")
		f.Why = "then both end with the browser"
		if !longer && ses.HasMaxAge {
			f.Fix = edit(seen.line, "-Expires", "Max-Age="+itoa(int(ses.MaxAge.Seconds())))
			f.Why = ""
		}
	}
}

func pathOf(seen *lineSeen) string {
	std, _ := cookie.ClientNamed("rfc6265bis")
	v := std.Judge(seen.line, setting(seen.step), seen.step.at)
	if v.Cookie.Path == "" {
		return "/"
	}
	return v.Cookie.Path
}

// legacy tells what clients make of SameSite that misread it.
func (a *analysis) legacy(name string, seen *lineSeen) {
	old := oldWebKit(seen.step.agent)
	l, refused := cookie.Parse(seen.line)
	if refused != 0 || l.SameSite == cookie.Unset {
		return
	}
	var concerned []string
	for _, c := range shownClients() {
		v := c.Judge(seen.line, setting(seen.step), seen.step.at)
		why := v.Why
		if v.Outcome != cookie.Rejected {
			why = c.Withholds(&v.Cookie, cookie.Link(elsewhere, seen.step.req.URL), seen.step.at.Add(kinds[1].wait)) | v.Notes
		}
		if why.Has(cookie.SameSiteNoneMisread) {
			concerned = append(concerned, c.Name)
		}
	}
	external := externalLogin(name)
	if !old && !external && (l.SameSite != cookie.None || len(concerned) == 0) {
		return
	}
	f := a.finding("samesite-legacy-client", name, "")
	f.Severity = Info
	f.Request = a.where(seen.step)
	f.Clients = concerned
	f.Reasons = []string{cookie.SameSiteNoneMisread.String()}
	if old {
		f.Severity = Error
		f.Evidence = union(f.Evidence, []string{"this client misreads SameSite=" + l.SameSite.String() + ": WebKit of iOS 12 and macOS 10.14 takes None for Strict, and holds Lax back at the end of redirects from another site"})
	} else if external {
		f.Severity = Warning
		f.Evidence = union(f.Evidence, []string{name + " carries a sign-in at another site; WebKit of iOS 12 and macOS 10.14 loses it with SameSite=" + l.SameSite.String()})
	}
	f.Fix = edit(seen.line, "-SameSite")
	f.Why = "for these User-Agents only, or as a second cookie under another name; other clients keep the attribute"
}

// oldWebKit reports the systems whose WebKit misreads SameSite (WebKit bug 198181).
func oldWebKit(agent string) bool {
	return re(`(?:iP\w+|iOS|iPhone)\D*(?:OS )?12[_.]|\biOS 12|OS 12_|Mac OS X 10_14`).MatchString(agent)
}

// externalLogin reports cookies in which frameworks keep a sign-in that is under way at another site.
func externalLogin(name string) bool {
	return re(`(?i)identity\.external|correlation|nonce|openidconnect|saml|oauth`).MatchString(name)
}

// openTo tells with which kinds of request the session cookie stays at home in today's clients, where no capture shows
// what the site needs. It informs: most sites need none of them.
func (a *analysis) openTo(name string, seen *lineSeen) {
	l, refused := cookie.Parse(seen.line)
	if refused != 0 || len(a.steps) > 3 || a.worse(name) {
		return
	}
	rules := []string{"samesite-cross-site-post", "third-party-cookie-blocked"}
	switch l.SameSite {
	case cookie.Strict:
		rules = []string{"samesite-strict-redirect", "samesite-cross-site-post", "third-party-cookie-blocked"}
	case cookie.None:
		return
	case cookie.Lax:
		if re(`(?i)token|jwt`).MatchString(name) { // what scripts and embedded apps use
			rules = []string{"third-party-cookie-blocked", "samesite-cross-site-post"}
		}
	}
	for _, rule := range rules {
		f := a.finding(rule, name, "open")
		f.Severity = Info
		if rule == "samesite-strict-redirect" {
			f.Severity = Warning
		}
		f.Evidence = union(f.Evidence, []string{"it follows from the header; no capture shows whether the site needs this"})
		req := kinds[map[string]int{"samesite-strict-redirect": 1, "samesite-cross-site-post": 3, "third-party-cookie-blocked": 4}[rule]].make(seen.step.req.URL)
		f.Clients = withholding(seen.line, setting(seen.step), req, seen.step.at, seen.step.at.Add(kinds[3].wait))
		std, _ := cookie.ClientNamed("chrome")
		if v := std.Judge(seen.line, setting(seen.step), seen.step.at); v.Outcome != cookie.Rejected {
			why := std.Withholds(&v.Cookie, req, seen.step.at.Add(kinds[3].wait))
			f.Reasons = words(why)
			f.Fix, f.Why = fixSending(rule, &v.Cookie, &step{req: req, method: req.Method}, why)
		}
	}
}

// worse reports whether something was already found for a cookie.
func (a *analysis) worse(name string) bool {
	return slices.ContainsFunc(a.findings, func(f *Finding) bool { return f.Cookie == name && f.Severity == Error })
}

// concerned fills in which clients behave as the one of the capture did.
func (a *analysis) concerned(f *Finding) {
	if len(f.Clients) > 0 || f.Request == nil || len(f.Reasons) == 0 {
		return
	}
	var seen *lineSeen
	for _, key := range a.order {
		if name, _, _ := strings.Cut(key, "\x00"); name == f.Cookie {
			seen = a.lines[key]
		}
	}
	for _, s := range a.steps {
		if seen != nil && s.n == f.Request.N && a.inputs[s.input].Path == f.Request.Input {
			f.Clients = withholding(seen.line, setting(seen.step), s.req, seen.step.at, s.at)
			return
		}
	}
}

// notReturned tells affinity cookies that were set and not presented by a client that presents none at all.
func (a *analysis) notReturned() {
	for name, role := range a.role {
		n := a.stats[name]
		if role != AffinityCookie || n == nil || n.set == 0 || n.sent > 0 {
			continue
		}
		var first *step
		for _, s := range a.steps {
			if s.known && len(s.sent) == 0 && len(s.set) == 0 && s.n > 1 {
				first = s
				break
			}
		}
		if first == nil {
			continue
		}
		f := a.finding("affinity-cookie-not-returned", name, "")
		f.Severity = Error
		a.seen(f, first)
		f.Reasons = union(f.Reasons, []string{cookie.NoCookieStore.String(), cookie.CredentialsOmitted.String()})
		f.Evidence = union(f.Evidence, []string{a.affinity(name).product + " set it, and no later request of this client carries it"})
	}
}
