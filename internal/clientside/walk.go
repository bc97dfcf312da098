package clientside

import (
	"slices"
	"strings"
	"time"

	"limpet.dev/capture"
	"limpet.dev/cookie"
	"limpet.dev/session"
)

// A walk goes through one capture with the jar of the client that made it.
type walk struct {
	*analysis
	client *cookie.Client
	jar    *cookie.Jar
	input  int
	guess  map[string]bool // names that were presented before they were set: their attributes are not known
	owner  map[string]owner
	reach  map[string]*reach
	lost   map[string]refusal // session cookies that were refused, by name
}

// A refusal is a cookie that the client should have kept.
type refusal struct {
	value string
	why   cookie.Reasons
	site  string
}

// An owner is who set a cookie last, to see services that overwrite one another's.
type owner struct {
	part, value string
	parts       map[string]string // what each part of the site set last
}

// reach is where a session cookie went and where not.
type reach struct {
	sent, missed map[string]bool
	why          cookie.Reasons
	first        *step
	cookie       cookie.Cookie
	missing      bool // some answer shows that it was needed
}

// lineSeen is how a cookie was set at one time.
type lineSeen struct {
	line string
	step *step
}

func (a *analysis) walk(input int) {
	steps := a.of(input)
	if len(steps) == 0 {
		return
	}
	w := &walk{analysis: a, client: a.clientOf(steps), input: input, guess: map[string]bool{}, owner: map[string]owner{}, reach: map[string]*reach{}, lost: map[string]refusal{}}
	w.jar = cookie.NewJar(w.client)
	for _, s := range steps {
		w.presented(s)
		w.received(s)
	}
	w.routes()
}

// clientOf returns the client that made a capture, by its User-Agent; what has no jar of its own (curl, a proxy) stands
// for the browser that is to come.
func (a *analysis) clientOf(steps []*step) *cookie.Client {
	for _, s := range steps {
		if s.agent == "" {
			continue
		}
		if c := cookie.ClientFor(s.agent); c != nil && (c.Class == cookie.Browser || c.Class == cookie.WebView) {
			return c
		}
		break
	}
	chrome, _ := cookie.ClientNamed("chrome")
	return chrome
}

// presented compares what a request should have carried with what it did.
func (w *walk) presented(s *step) {
	names := map[string]int{}
	for _, p := range s.sent {
		names[p.Name]++
		w.stat(p.Name).sent++
	}
	offers := w.jar.Explain(s.req, s.at)
	for name, n := range names {
		if n > 1 {
			w.twice(s, name, offers)
		}
	}
	w.headerSize(s)
	for i := range offers {
		w.offer(s, &offers[i], names)
	}
	for _, b := range s.notSent {
		if !slices.ContainsFunc(offers, func(o cookie.Offered) bool { return o.Cookie.Name == b.Name }) && w.role[b.Name] != OtherCookie && names[b.Name] == 0 {
			w.withheld(s, b.Name, nil, reasonsOf(b.Reasons), b.Reasons)
		}
	}
	for _, word := range s.forwards {
		if name, ok := strings.CutPrefix(word, "without "); ok && s.known && w.role[name] == "" {
			w.role[name] = SessionCookie
		}
	}
	w.strangers(s, names, offers)
	w.bare(s, names)
	w.neverKept(s, names)
	w.foreignValue(s)
}

// noteKept notes a cookie that stayed at home, by the engine's word.
func (w *walk) noteKept(s *step, o *cookie.Offered) {
	why := o.Why
	if why == 0 && s.known && s.req.Kind == cookie.Fetch {
		why = cookie.CredentialsOmitted.Set()
	}
	if why == 0 || why.Has(cookie.ExpiredLater) || why.Has(cookie.DifferentSite) {
		return
	}
	if w.misread(o) {
		why = cookie.SameSiteNoneMisread.Set()
	}
	w.report.Notes = append(w.report.Notes, Note{Input: s.input, N: s.n, Cookie: o.Cookie.Name, Why: why, Held: capture.Secret(o.Cookie.Value), Counts: s.counts() && s.known})
}

// misread reports a cookie that stays at home because the client takes None for Strict.
func (w *walk) misread(o *cookie.Offered) bool {
	if w.client.Rules.NoneMisread != cookie.NoneIsStrict || o.Why&strict == 0 {
		return false
	}
	for key, seen := range w.lines {
		if l, refused := cookie.Parse(seen.line); refused == 0 && l.SameSite == cookie.None && strings.HasPrefix(key, o.Cookie.Name+"\x00") {
			return true
		}
	}
	return false
}

// counts reports a request that a session belongs to: a page or a call of it.
func (s *step) counts() bool {
	switch s.req.Kind {
	case cookie.Navigation, cookie.Frame, cookie.Fetch:
		return s.status != 0 && !s.toTLS() && session.UsualClass(session.GET, s.url.Path) != session.AssetRoute
	}
	return false
}

// toTLS reports an answer that sends the client from http to https on the same host: nothing is lost on the way.
func (s *step) toTLS() bool {
	return s.location != nil && s.url.Scheme == "http" && s.location.Scheme == "https" && s.location.Hostname() == s.url.Hostname()
}

// neverKept follows a session cookie that the client refused: the requests that come without it.
func (w *walk) neverKept(s *step, names map[string]int) {
	for name, r := range w.lost {
		if !s.known || names[name] > 0 || r.site != s.req.URL.Site() || !s.counts() {
			continue
		}
		w.report.Notes = append(w.report.Notes, Note{Input: s.input, N: s.n, Cookie: name, Why: r.why, Held: capture.Secret(r.value), Counts: true, Never: true})
		w.consequence(w.finding(causeOfSetting(s, r.why), name, r.why.String()), s, name)
	}
}

// offer looks at one cookie of the jar in the light of one request.
func (w *walk) offer(s *step, o *cookie.Offered, names map[string]int) {
	name := o.Cookie.Name
	if w.role[name] == OtherCookie || w.guess[name] || s.cached {
		return
	}
	if w.role[name] == SessionCookie {
		w.reached(s, o, names[name] > 0)
	}
	if names[name] > 0 {
		return
	}
	said := browserSays(s.notSent, name)
	why := o.Why
	w.noteKept(s, o)
	if w.misread(o) {
		why = cookie.SameSiteNoneMisread.Set()
	}
	switch {
	case len(said) > 0:
		why = reasonsOf(said)
	case !s.known:
		return
	case why == 0 && s.req.Kind == cookie.Fetch:
		why = cookie.CredentialsOmitted.Set()
	case why == 0 && s.assumed:
		return
	}
	if why.Has(cookie.ExpiredLater) || why.Has(cookie.DifferentSite) || why.Has(cookie.PreflightNoCookies) {
		return
	}
	if (why.Has(cookie.NotOnPath) || why.Has(cookie.DomainMismatch)) && len(said) == 0 {
		return // routes tells about these together
	}
	if s.req.Kind == cookie.Resource && s.status < 400 || s.toTLS() {
		return // pictures and scripts do without, and so does a redirect to https
	}
	c := o.Cookie
	w.withheld(s, name, &c, why, said)
}

// withheld notes that a cookie stayed at home.
func (w *walk) withheld(s *step, name string, c *cookie.Cookie, why cookie.Reasons, said []string) {
	w.stat(name).withheld++
	rule := causeOfSending(s, c, why)
	f := w.finding(rule, name, why.String())
	f.Reasons, f.Severity = words(why), w.weight(name, Error)
	f.Browser = union(f.Browser, said)
	w.seen(f, s)
	if why == 0 {
		f.Severity = w.weight(name, Warning)
		f.Evidence = union(f.Evidence, []string{"by its attributes it should have been sent: something between, or the client's own settings, kept it"})
	}
	w.consequence(f, s, name)
	if c != nil {
		f.Fix, f.Why = fixSending(rule, c, s, why)
	}
}

// consequence says what the answer to a request without its session did.
func (w *walk) consequence(f *Finding, s *step, name string) {
	f.Evidence = union(f.Evidence, s.consequences(name))
}

// consequences are the signs in an answer that its request should have carried a session.
func (s *step) consequences(name string) []string {
	var out []string
	for _, line := range s.set {
		if capture.NameOf(line) == name && !deleting(line) {
			out = append(out, "the answer handed out a new "+name+" over the one that was kept back")
			break
		}
	}
	if s.status == 401 || s.status == 403 || s.status == 419 {
		out = append(out, "the answer refused it: "+statusWord(s.status))
	} else if s.location != nil && session.UsualClass(session.GET, s.location.Path) == session.LoginRoute {
		out = append(out, "the answer led to the login page")
	}
	return out
}

// twice notes a name that was presented more than once.
func (w *walk) twice(s *step, name string, offers []cookie.Offered) {
	f := w.finding("cookie-duplicate-scope", name, "")
	f.Severity = w.weight(name, Error)
	w.seen(f, s)
	var scopes []string
	for _, o := range offers {
		if o.Cookie.Name == name {
			scopes = append(scopes, scopeOf(&o.Cookie))
			if f.Fix == "" {
				f.Fix = expire(&o.Cookie)
			}
		}
	}
	for _, r := range s.forwards {
		if strings.Contains(strings.ToLower(r), "set at") {
			scopes = append(scopes, hosts.FindAllString(r, 4)...)
		}
	}
	if len(scopes) > 0 {
		f.Evidence = union(f.Evidence, []string{"both are kept: " + strings.Join(scopes, " and ")})
	}
	if f.Fix == "" {
		f.Fix = "Set-Cookie: " + name + "=; Path=/; Domain=" + siteOf(s) + "; Max-Age=0"
	}
	if len(s.consequences(name)) > 0 {
		w.shadowed(s, name, offers)
	}
}

// shadowed notes the cookie of two that was set last: the server took the other one.
func (w *walk) shadowed(s *step, name string, offers []cookie.Offered) {
	var latest *cookie.Cookie
	for i := range offers {
		if c := &offers[i].Cookie; c.Name == name && offers[i].Sent() && (latest == nil || c.Value != s.firstOf(name)) {
			latest = c
		}
	}
	if latest != nil {
		w.report.Notes = append(w.report.Notes, Note{Input: s.input, N: s.n, Cookie: name, Why: cookie.Shadowed.Set(), Held: capture.Secret(latest.Value), Counts: true, Never: true})
	}
}

func (s *step) firstOf(name string) string {
	for _, p := range s.sent {
		if p.Name == name {
			return p.Value.Reveal()
		}
	}
	return ""
}

var hosts = re(`(?i)\.?[a-z][a-z0-9-]{0,40}(?:\.[a-z][a-z0-9-]{0,40})+`)

// scopeOf names a stored cookie and where it goes, without identifiers in its path.
func scopeOf(c *cookie.Cookie) string {
	domain := hostWord(c.Domain)
	if !c.HostOnly {
		domain = "*." + domain
	}
	return c.Name + " (" + domain + session.RouteOf([]byte(c.Path)) + ")"
}

// strangers takes cookies into the jar that were set before the capture began; their attributes are not known.
func (w *walk) strangers(s *step, names map[string]int, offers []cookie.Offered) {
	for name := range names {
		if slices.ContainsFunc(offers, func(o cookie.Offered) bool { return o.Cookie.Name == name && o.Sent() }) || w.guess[name] {
			continue
		}
		if name != "" && w.role[name] == SessionCookie {
			if o, ok := expectedAbsent(offers, name); ok {
				w.finding("presented-against-the-rules", name, "").note(w, s, "the engine expected it to stay at home ("+o.Why.String()+"); this client, or what caused the request, differs from what was assumed")
				continue
			}
		}
		w.guess[name] = true
	}
}

func expectedAbsent(offers []cookie.Offered, name string) (cookie.Offered, bool) {
	for _, o := range offers {
		if o.Cookie.Name == name && !o.Sent() {
			return o, true
		}
	}
	return cookie.Offered{}, false
}

// bare looks at a request that carries no session although something says that it should: words beside it, its
// coming from another site, or an affinity cookie that was set and did not come back.
func (w *walk) bare(s *step, names map[string]int) {
	if !s.known || len(names) > 0 {
		return
	}
	foreign := !s.req.From.IsZero() && (s.assumed || !s.req.From.SameSite(&s.req.URL, true))
	switch {
	case w.jar.Len() > 0 || s.req.Kind != cookie.Navigation: // the jar says more, and loads do without
	case foreign && s.method == "POST", s.method == "POST" && postBack(s.url.Path):
		f := w.finding("samesite-cross-site-post", w.sessionName(s), "")
		f.Severity, f.Reasons = Warning, []string{"SameSiteLax", "SameSiteUnspecifiedTreatedAsLax"}
		w.seen(f, s)
		f.Evidence = union(f.Evidence, []string{"a POST from another site came without the session; which attribute the cookie has was not captured"})
	case foreign && w.named(s):
		f := w.finding("samesite-strict-redirect", w.sessionName(s), "")
		f.Severity, f.Reasons = Warning, []string{"SameSiteStrict"}
		w.seen(f, s)
	}
}

// named reports whether words beside the request say which cookie is missing.
func (w *walk) named(s *step) bool {
	return slices.ContainsFunc(s.forwards, func(r string) bool { return strings.HasPrefix(r, "without ") })
}

func (w *walk) sessionName(s *step) string {
	for _, r := range s.forwards {
		if name, ok := strings.CutPrefix(r, "without "); ok {
			return name
		}
	}
	for name, r := range w.role {
		if r == SessionCookie {
			return name
		}
	}
	return "the session cookie"
}

// postBack reports a path to which providers post.
func postBack(path string) bool {
	p := strings.ToLower(path)
	for _, word := range []string{"callback", "return", "/acs", "saml", "signin-oidc", "webhook", "notify", "/sso"} {
		if strings.Contains(p, word) {
			return true
		}
	}
	return false
}

// received has the jar take in an answer's cookies.
func (w *walk) received(s *step) {
	verdicts := w.jar.SetAll(s.set, s.req, s.at)
	for i, v := range verdicts {
		line := s.set[i]
		name := capture.NameOf(line)
		w.stat(name).set++
		delete(w.guess, name)
		if deleting(line) {
			continue
		}
		key := name + "\x00" + s.url.Host
		if old := w.lines[key]; old == nil {
			w.order = append(w.order, key)
			w.lines[key] = &lineSeen{line, s}
		} else if old.step.input == s.input || attributes(old.line) == attributes(line) {
			*old = lineSeen{line, s}
		}
		said := browserSays(s.notSet, name)
		if delete(w.lost, name); v.Outcome == cookie.Rejected || len(said) > 0 {
			w.refused(s, line, &v, said)
		}
		w.scopes(s, name)
		w.collision(s, name, line)
		w.nearLimit(s, line)
		w.leak(s, name)
	}
}

// refused notes that a client did not keep a cookie.
func (w *walk) refused(s *step, line string, v *cookie.Verdict, said []string) {
	why := v.Why
	if len(said) > 0 {
		why = reasonsOf(said)
	}
	name := capture.NameOf(line)
	if w.role[name] != OtherCookie {
		w.report.Notes = append(w.report.Notes, Note{Input: s.input, N: s.n, Cookie: name, Set: true, Why: v.Why})
		w.lost[name] = refusal{valueOf(line), why, s.req.URL.Site()}
	}
	rule := causeOfSetting(s, why)
	f := w.finding(rule, name, why.String())
	f.Severity, f.Reasons = w.weight(name, Error), words(why)
	f.Browser = union(f.Browser, said)
	w.seen(f, s)
	if len(f.Clients) == 0 {
		f.Clients = w.refusing(line, s)
	}
	f.Fix, f.Why = fixSetting(why, line, s)
}

// scopes notes a name that now lies in the jar twice for one request.
func (w *walk) scopes(s *step, name string) {
	if w.role[name] == OtherCookie {
		return
	}
	n := 0
	var both []string
	var first cookie.Cookie
	for _, o := range w.jar.Explain(s.req, s.at) {
		if o.Cookie.Name == name && o.Sent() {
			if n++; n == 1 {
				first = o.Cookie
			}
			both = append(both, scopeOf(&o.Cookie))
		}
	}
	if n > 1 {
		f := w.finding("cookie-duplicate-scope", name, "")
		f.Severity = w.weight(name, Error)
		w.seen(f, s)
		f.Evidence = union(f.Evidence, []string{"both are kept: " + strings.Join(both, " and ")})
		f.Fix = expire(&first)
	}
}

// collision notes services on one host that overwrite one another's cookie.
func (w *walk) collision(s *step, name, line string) {
	if w.role[name] != SessionCookie {
		return
	}
	part := firstPart(s.url.Path)
	pair, _, _ := strings.Cut(line, ";")
	key := name + "\x00" + s.url.Hostname()
	o, ok := w.owner[key]
	if !ok {
		w.owner[key] = owner{part, pair, map[string]string{part: pair}}
		return
	}
	if o.part != part && o.value != pair {
		for _, p := range s.sent {
			if p.Name == name && name+"="+p.Value.Reveal() == strings.TrimSpace(o.value) {
				f := w.finding("cookie-name-collision", name, "")
				f.Severity = Error
				w.seen(f, s)
				f.Evidence = union(f.Evidence, []string{"what " + o.part + " had set was presented to " + part + ", which replaced it by its own"})
				f.Fix = "Set-Cookie: " + strings.Trim(part, "/") + "_" + name + "=…" + attributesOf(line)
			}
		}
	}
	o.part, o.value = part, pair
	o.parts[part] = pair
	w.owner[key] = o
}

// foreignValue looks at a request that carries what another part of the site has set, while its own part had set
// something else before: two services share a name, and the later one took the earlier one's place.
func (w *walk) foreignValue(s *step) {
	part := firstPart(s.url.Path)
	for _, p := range s.sent {
		o, ok := w.owner[p.Name+"\x00"+s.url.Hostname()]
		pair := p.Name + "=" + p.Value.Reveal()
		if !ok || o.part == part || o.value != pair || o.parts[part] == "" || o.parts[part] == pair || len(s.consequences(p.Name)) == 0 {
			continue
		}
		_, own, _ := strings.Cut(o.parts[part], "=")
		w.report.Notes = append(w.report.Notes, Note{Input: s.input, N: s.n, Cookie: p.Name, Why: cookie.Overwritten.Set(), Held: capture.Secret(own), Counts: true})
		f := w.finding("cookie-name-collision", p.Name, "")
		f.Severity, f.Reasons = Error, []string{cookie.Overwritten.String()}
		w.seen(f, s)
		f.Evidence = union(f.Evidence, append([]string{"what " + o.part + " had set was presented to " + part + ", whose own was overwritten by it"}, s.consequences(p.Name)...))
		f.Fix = "Set-Cookie: " + strings.Trim(o.part, "/") + "_" + p.Name + "=…" + w.attributesFor(p.Name, s)
	}
}

// attributesFor are those with which a cookie was set last.
func (w *walk) attributesFor(name string, s *step) string {
	if seen := w.lines[name+"\x00"+s.url.Host]; seen != nil {
		return attributesOf(seen.line)
	}
	return "; Path=/"
}

func firstPart(path string) string {
	parts := strings.SplitN(strings.TrimPrefix(path, "/"), "/", 2)
	return "/" + session.RouteOf([]byte(parts[0]))
}

// leak notes an answer from a cache that sets a cookie: everybody gets the same.
func (w *walk) leak(s *step, name string) {
	if s.hit == "" {
		return
	}
	f := w.finding("setcookie-cached-leak", name, "")
	f.Severity = w.weight(name, Error)
	w.seen(f, s)
	f.Evidence = union(f.Evidence, []string{"the answer came from a cache (" + s.hit + ") and sets " + name + ": each client gets the cookie of another one"})
	f.Fix = "Cache-Control: private, no-store"
}

// reached keeps where a session cookie goes.
func (w *walk) reached(s *step, o *cookie.Offered, sent bool) {
	if s.req.Kind == cookie.Preflight || s.status == 0 && len(s.sent) == 0 && !s.known {
		return
	}
	c := o.Cookie
	key := c.Name + "\x00" + c.Domain
	r := w.reach[key]
	if r == nil {
		r = &reach{sent: map[string]bool{}, missed: map[string]bool{}}
		w.reach[key] = r
	}
	route := s.url.Host + session.RouteOf([]byte(s.url.Path))
	if sent || o.Sent() {
		r.sent[route] = true
		return
	}
	if !o.Why.Has(cookie.NotOnPath) && !o.Why.Has(cookie.DomainMismatch) || session.UsualClass(session.GET, s.url.Path) == session.AssetRoute {
		return
	}
	needed := len(s.consequences(c.Name)) > 0
	if r.first == nil || needed && !r.missing {
		r.first, r.cookie = s, c
	}
	r.missing = r.missing || needed
	r.why |= o.Why & (cookie.NotOnPath.Set() | cookie.DomainMismatch.Set())
	r.missed[route] = true
}

// routes tells which routes a session cookie never reaches because of its Path or Domain.
func (w *walk) routes() {
	for _, r := range w.reach {
		var list []string
		for route := range r.missed {
			if !r.sent[route] {
				list = append(list, route)
			}
		}
		if len(list) == 0 {
			continue
		}
		slices.Sort(list)
		rule := "cookie-path-rewrite"
		if r.why.Has(cookie.DomainMismatch) {
			rule = "cookie-host-only"
		}
		f := w.finding(rule, r.cookie.Name, r.why.String())
		f.Severity, f.Reasons = Warning, words(r.why)
		if r.missing {
			f.Severity = Error
		}
		w.seen(f, r.first)
		f.Times = len(list)
		f.Routes = list[:min(len(list), 20)]
		w.stat(r.cookie.Name).withheld += len(list)
		f.Evidence = union(f.Evidence, []string{"it is kept as " + scopeOf(&r.cookie)})
		w.consequence(f, r.first, r.cookie.Name)
		f.Fix, f.Why = fixSending(rule, &r.cookie, r.first, r.why)
	}
}

func valueOf(line string) string {
	pair, _, _ := strings.Cut(line, ";")
	_, value, _ := strings.Cut(pair, "=")
	return strings.TrimSpace(value)
}

// stat returns the counts of a cookie.
func (a *analysis) stat(name string) *count {
	c := a.stats[name]
	if c == nil {
		c = &count{}
		a.stats[name] = c
	}
	return c
}

// deleting reports a line that takes a cookie back.
func deleting(line string) bool {
	l, refused := cookie.Parse(line)
	if refused != 0 {
		return false
	}
	return l.HasMaxAge && l.MaxAge <= 0 || !l.HasMaxAge && !l.Expires.IsZero() && l.Expires.Before(time.Date(2005, 1, 1, 0, 0, 0, 0, time.UTC)) || l.Value == "deleted"
}
