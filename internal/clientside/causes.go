package clientside

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"limpet.dev/capture"
	"limpet.dev/cause"
	"limpet.dev/cookie"
)

// Sets of reasons that mean the same to people.
var (
	strict     = cookie.Of(cookie.SameSiteStrict, cookie.SchemefulSameSiteStrict)
	lax        = cookie.Of(cookie.SameSiteLax, cookie.SchemefulSameSiteLax, cookie.SameSiteUnspecifiedTreatedAsLax, cookie.SchemefulSameSiteUnspecifiedTreatedAsLax)
	thirdParty = cookie.Of(cookie.UserPreferences, cookie.ThirdPartyPhaseout, cookie.OtherPartition, cookie.PartitionedNeedsSecure)
)

// causeOfSending names the cause for which a cookie stayed at home: the catalogue's identifier, or a rule of this
// package where the catalogue has none.
func causeOfSending(s *step, c *cookie.Cookie, why cookie.Reasons) string {
	post := s.req.Kind == cookie.Navigation && s.method != "GET" && s.method != "HEAD"
	sameHost := !s.req.From.IsZero() && s.req.From.Host == s.req.URL.Host
	switch {
	case why.Has(cookie.SecureOnly):
		return "secure-cookie-over-http"
	case why.Has(cookie.CredentialsOmitted):
		return "client-credentials-omitted"
	case why.Has(cookie.SameSiteNoneMisread):
		return "samesite-legacy-client"
	case why&(strict|lax) != 0 && sameHost && s.req.From.Scheme != s.req.URL.Scheme:
		return "secure-cookie-over-http" // one host, two schemes: two sites
	case why&(strict|lax) != 0 && post:
		return "samesite-cross-site-post"
	case why&strict != 0:
		return "samesite-strict-redirect"
	case why&(lax|thirdParty) != 0:
		return "third-party-cookie-blocked"
	case why.Has(cookie.NotOnPath):
		return "cookie-path-rewrite"
	case why.Has(cookie.DomainMismatch):
		return "cookie-host-only"
	case why.Has(cookie.NameValuePairExceedsMaxSize), why.Has(cookie.Evicted):
		return "cookie-too-large"
	case why.Has(cookie.NoCookieStore):
		return "affinity-cookie-not-returned"
	}
	return "cookie-not-presented"
}

// causeOfSetting names the cause for which a cookie was not kept.
func causeOfSetting(s *step, why cookie.Reasons) string {
	switch {
	case why.Has(cookie.NameValuePairExceedsMaxSize):
		return "cookie-too-large"
	case why.Has(cookie.InvalidDomain):
		return "cookie-domain-invalid"
	case why.Has(cookie.SecureOnly), why.Has(cookie.OverwriteSecure):
		return "secure-cookie-over-http"
	case why.Has(cookie.SameSiteNoneInsecure):
		if s.url.Scheme == "http" && !s.assumed {
			return "secure-cookie-over-http"
		}
		return "secure-cookie-proto-unknown"
	case why.Has(cookie.CredentialsOmitted):
		return "client-credentials-omitted"
	case why&(strict|lax|thirdParty) != 0:
		return "third-party-cookie-blocked"
	}
	return "cookie-refused"
}

// own are the rules of this package that are no cause of lost sessions in the catalogue.
var own = map[string][2]string{
	"cookie-host-only":            {"The session cookie does not go to every host of the site", "Signed in on one host, a stranger on the next."},
	"cookie-refused":              {"Clients refuse the cookie", "It never comes back: whoever needs it is a stranger with every request."},
	"cookie-not-presented":        {"The cookie was kept and did not come back", "Signed out without any rule of the client that would explain it."},
	"presented-against-the-rules": {"The cookie was presented where the rules would have kept it at home", ""},
	"cookie-near-limit":           {"The cookie comes near what clients keep", "Users with much in their session are signed out as soon as it grows over the limit."},
	"cookie-header-large":         {"The Cookie header comes near what servers take", "Users with many cookies get the error page of a balancer (400, 431, 494)."},
	"affinity-leaks-address":      {"The affinity cookie gives away an internal address", ""},
	"affinity-weaker-than-session": {"The affinity cookie does not follow the session cookie everywhere",
		"The session travels and the affinity does not: the request goes to any instance."},
	"affinity-cookie-expires-first": {"The affinity cookie ends before the session does", "After a pause users land on another instance and are signed out."},
	"samesite-open":                 {"Cross-site flows will lose it", ""},
	"setcookie-cached-leak":         {"A cached answer hands one client's cookie to others", "Users become other users."},
	"secure-cookie-proto-unknown":   {"Secure is missing: the application may not know that clients use https", "Nobody stays signed in: browsers refuse the cookie."},
}

// finding returns the finding of a rule for a cookie, new or known.
func (a *analysis) finding(rule, name, apart string) *Finding {
	key := rule + "\x00" + name + "\x00" + apart
	if f := a.byKey[key]; f != nil {
		return f
	}
	f := &Finding{Rule: rule, Cookie: name, Severity: Info}
	if c, ok := cause.Find(rule); ok {
		f.Title, f.Feels = c.Title, c.LooksAs
	} else if o, ok := own[rule]; ok {
		f.Title, f.Feels = o[0], o[1]
	} else {
		f.Title = strings.ReplaceAll(rule, "-", " ")
	}
	a.byKey[key] = f
	a.findings = append(a.findings, f)
	return f
}

// seen counts a finding at a step.
func (a *analysis) seen(f *Finding, s *step) {
	if f.Times++; f.Request == nil {
		f.Request = a.where(s)
	}
}

// note marks a finding that only informs.
func (f *Finding) note(w *walk, s *step, text string) {
	f.Severity = Info
	w.seen(f, s)
	f.Evidence = union(f.Evidence, []string{text})
}

// weight lowers a severity for cookies that carry no session.
func (a *analysis) weight(name string, most Severity) Severity {
	switch a.role[name] {
	case SessionCookie:
		return most
	case AffinityCookie:
		return Warning
	}
	return Info
}

func union(list, more []string) []string {
	for _, m := range more {
		if !slices.Contains(list, m) && len(list) < 8 {
			list = append(list, m)
		}
	}
	return list
}

func words(r cookie.Reasons) []string {
	var out []string
	for one := range r.All() {
		out = append(out, one.String())
	}
	return out
}

// reasonsOf reads the browser's words.
func reasonsOf(names []string) cookie.Reasons {
	var r cookie.Reasons
	for _, n := range names {
		if one, ok := cookie.ReasonNamed(n); ok {
			r |= one.Set()
		}
	}
	return r
}

// browserSays returns the browser's own reasons for a cookie.
func browserSays(list []capture.Blocked, name string) []string {
	for _, b := range list {
		if b.Name == name {
			return b.Reasons
		}
	}
	return nil
}

func statusWord(n int) string { return fmt.Sprintf("%d %s", n, http.StatusText(n)) }
