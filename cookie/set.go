package cookie

import (
	"strings"
	"time"
)

// A Verdict says what a client makes of one Set-Cookie line.
type Verdict struct {
	Name    string // may be empty
	Outcome Outcome
	Why     Reasons // Rejected: the rules that refuse it. Deleted: X.Expired
	Notes   Reasons // kept, but not as the line says
	Cookie  Cookie  // as stored, or as it would be; zero if the line could not be read
}

// Kept reports whether the cookie is in the jar now.
func (v *Verdict) Kept() bool { return v.Outcome == Stored || v.Outcome == Replaced }

// Outcome is what became of a line.
type Outcome uint8

// Outcomes.
const (
	Rejected Outcome = iota
	Stored
	Replaced       // a cookie of the same name, domain, host-only flag, path and partition was there
	Deleted        // it is expired on arrival and took such a cookie away
	DeletedNothing // expired on arrival, nothing to take away
)

var outcomeNames = [...]string{"rejected", "stored", "replaced", "deleted", "deleted nothing"}

func (o Outcome) String() string { return outcomeNames[o] }

// Judge says what the client makes of a line if it holds no cookie yet.
func (c *Client) Judge(line string, r *Request, now time.Time) Verdict {
	v, _ := judge(line, r, &c.Rules, now)
	if v.Why == 0 {
		v.Outcome = Stored
	}
	return v
}

// judge applies the rules that need no store (bis, 5.7). Expired on arrival is no refusal:
// gone is true then.
func judge(line string, r *Request, rules *Rules, now time.Time) (v Verdict, gone bool) {
	if rules.Jar == NoJar {
		v.Why = NoCookieStore.Set()
		return v, false
	}
	l, why := rules.Dialect.parse(line, r, rules)
	v.Name, v.Notes = l.Name, l.Notes
	if without := r.without(); without != 0 && rules.SameSite {
		v.Why = without
		return v, false
	}
	if why != 0 {
		v.Why = why
		return v, false
	}
	v.Cookie = Cookie{
		Name: l.Name, Value: l.Value, Secure: l.Secure, HttpOnly: l.HttpOnly, SameSite: l.SameSite,
		Priority: l.Priority, Partitioned: l.Partitioned && rules.Chips, Created: now, Accessed: now, bare: l.bare,
	}
	c := &v.Cookie
	form := scope(c, &l, r, rules) | prefix(c, &l, r, rules)
	if c.Partitioned && !(c.Secure && r.secure(rules)) {
		form |= PartitionedNeedsSecure.Set()
	}
	place := origin(c, r, rules)
	switch {
	case rules.FormFirst && form != 0:
		v.Why = form
	case rules.FirstOnly && form&InvalidDomain.Set() != 0:
		v.Why = InvalidDomain.Set()
	case rules.FirstOnly && place != 0:
		v.Why = place.first()
	default:
		v.Why = form | place
	}
	v.Notes |= r.hidden()
	if rules.NoneMisread == NoneIsStrict && (c.SameSite == None || l.UnknownSite) {
		c.SameSite = Strict
		v.Notes |= SameSiteNoneMisread.Set()
	}
	gone = lifetime(&v, &l, r, rules, now)
	c.Partition = home(c, r, rules)
	return v, gone
}

// scope fills in domain and path (bis, 5.7 steps 8 to 12).
func scope(c *Cookie, l *Line, r *Request, rules *Rules) Reasons {
	c.Path = l.Path
	if c.Path == "" {
		c.Path = defaultPath(r.URL.Path)
	}
	c.Domain, c.HostOnly = r.URL.Host, true
	if l.Domain == "" {
		if l.dot && rules.DotRefused {
			return InvalidDomain.Set()
		}
		return 0
	}
	domain := rules.canonicalDomain(l.Domain)
	switch {
	case rules.InnerDot && !strings.Contains(domain, "."):
		return InvalidDomain.Set()
	case domain == r.URL.Host:
		c.HostOnly = r.URL.ip || rules.Suffixes && r.URL.suffix
		return 0
	case !isASCII(domain) || r.URL.ip && !rules.LooseIP || !under(r.URL.Host, domain):
		return InvalidDomain.Set()
	case rules.Suffixes && len(domain) < len(r.URL.site) && !r.URL.ip:
		return InvalidDomain.Set() // shorter than the registrable domain: a public suffix
	}
	c.Domain, c.HostOnly = domain, false
	return 0
}

// canonicalDomain lower-cases a Domain; some clients also take an IDN for its A-label.
func (rules *Rules) canonicalDomain(domain string) string {
	switch {
	case rules.CaseDomain:
		return domain
	case rules.IDNDomain && !isASCII(domain):
		domain, _ = canonicalHost(domain)
		return domain
	}
	return lower(domain)
}

// under reports whether host is a subdomain of domain (bis, 5.1.3).
func under(host, domain string) bool {
	n := len(host) - len(domain)
	return n > 0 && host[n-1] == '.' && host[n:] == domain
}

// DomainMatch reports bis, 5.1.3: whether a host is a domain or below it. Both are made
// canonical first.
func DomainMatch(host, domain string) bool {
	h, ip := canonicalHost(host)
	d, _ := canonicalHost(strings.TrimPrefix(domain, "."))
	return h == d || !ip && under(h, d)
}

// defaultPath is bis, 5.1.4.
func defaultPath(path string) string {
	i := strings.LastIndexByte(path, '/')
	if path == "" || path[0] != '/' || i == 0 {
		return "/"
	}
	return path[:i]
}

// origin judges the request that brought the line (bis, 5.7 steps 13 to 19).
func origin(c *Cookie, r *Request, rules *Rules) (why Reasons) {
	if c.Secure && rules.SecureNeedsTLS && !r.secure(rules) {
		why |= SecureOnly.Set()
	}
	if r.Kind == Script && (c.HttpOnly || rules.Prefixes == HTTPPrefixes && kindOf(c.Name, rules) >= httpPrefix) {
		why |= HTTPOnlyScript.Set()
	}
	if c.SameSite == None && rules.NoneMisread == NoneDropsCookie {
		why |= SameSiteNoneMisread.Set()
	}
	if c.SameSite == None && !c.Secure && rules.NoneNeedsSecure {
		why |= SameSiteNoneInsecure.Set()
	}
	if rules.CORSKeepsOut {
		why |= r.hidden()
	}
	first := r.firstParty(rules)
	if rules.SameSite && !first {
		why |= sameSiteReason(effective(c, rules), c.SameSite == Unset, rules)
	}
	if !first && (rules.ThirdParty == BlockThird || rules.ThirdParty == BlockThirdSet) && !c.Partitioned {
		why = rules.blockedSet(why)
	}
	return why
}

// effective is the value that a client enforces.
func effective(c *Cookie, rules *Rules) SameSite {
	switch {
	case c.SameSite == Unset && rules.LaxByDefault:
		return Lax
	case c.SameSite == Unset:
		return None
	}
	return c.SameSite
}

// sameSiteReason names the rule that keeps a cookie from a request of another site; none for
// None.
func sameSiteReason(s SameSite, unset bool, rules *Rules) Reasons {
	var plain, schemeful Reason
	switch {
	case s == Strict:
		plain, schemeful = SameSiteStrict, SchemefulSameSiteStrict
	case s == Lax && unset:
		plain, schemeful = SameSiteUnspecifiedTreatedAsLax, SchemefulSameSiteUnspecifiedTreatedAsLax
	case s == Lax:
		plain, schemeful = SameSiteLax, SchemefulSameSiteLax
	default:
		return 0
	}
	if rules.Schemeful {
		return schemeful.Set() // as Chromium says it, also where the hosts are of two sites
	}
	return plain.Set()
}

// blockedSet adds that third parties may not set cookies. As Chromium's protocol says it, a
// setting hides the other reasons, and the phase-out is named only where nothing else refuses.
func (rules *Rules) blockedSet(other Reasons) Reasons {
	if rules.ThirdPartyWhy == ThirdPartyPhaseout && other == 0 {
		return ThirdPartyPhaseout.Set()
	}
	return UserPreferences.Set()
}

// blockedSend adds that third parties get no cookies.
func (rules *Rules) blockedSend(other Reasons) Reasons {
	switch {
	case rules.ThirdPartyWhy != ThirdPartyPhaseout:
		return other | UserPreferences.Set()
	case other == 0:
		return ThirdPartyPhaseout.Set()
	}
	return other
}

// lifetime fills in Expires and reports whether the cookie is gone on arrival (bis, 5.6.1,
// 5.6.2, 5.7 step 3). Max-Age beats Expires.
func lifetime(v *Verdict, l *Line, r *Request, rules *Rules, now time.Time) (gone bool) {
	limit := rules.Cap
	if r.Kind == Script && rules.ScriptCap > 0 {
		limit = rules.ScriptCap
	}
	left := time.Duration(0)
	switch {
	case l.HasMaxAge:
		left = l.MaxAge
	case !l.Expires.IsZero():
		left = l.Expires.Sub(now)
		if rules.ServerClock && !r.Date.IsZero() {
			left = l.Expires.Sub(r.Date)
		}
	default:
		return false
	}
	if left <= 0 {
		v.Cookie.Expires = now
		return true
	}
	if limit > 0 && left > limit {
		left = limit
		v.Notes |= LifetimeCapped.Set()
	}
	v.Cookie.Expires = now.Add(left)
	return false
}

// home is the jar within the jar in which a cookie goes to live.
func home(c *Cookie, r *Request, rules *Rules) Partition {
	if c.Partitioned || rules.ThirdParty == PartitionThird && !r.firstParty(rules) {
		return r.partition(rules)
	}
	return Partition{}
}

// lower lower-cases ASCII letters; it allocates only if there is one.
func lower(s string) string {
	for i := range len(s) {
		if s[i] >= 'A' && s[i] <= 'Z' || s[i] >= 0x80 {
			return strings.ToLower(s)
		}
	}
	return s
}
