package nginx

import (
	"bytes"
	"slices"
	"strings"

	"limpet.dev/lb"
	"limpet.dev/lb/logtext"
	"limpet.dev/session"
	"limpet.dev/topology"
)

// A variant is one format with the names that its user told. It is never changed once a parser has it, so that
// parsers of several goroutines share it.
type variant struct {
	name string // "nginx/combined"
	f    *lineFormat
	has  session.Facts

	session  string   // name of the session cookie, "" unknown
	affinity []string // names of affinity cookies

	exact     bool // it shows milliseconds of the time
	retryView bool // it shows several upstreams for one request
	short     bool // usual lines are read straight into records (log_records.go)
}

// newVariant compiles a format.
func newVariant(text string, opt *lb.LogOptions) (*variant, error) {
	f, err := compileFormat(text)
	if err != nil {
		return nil, err
	}
	return bindFormat(f, opt), nil
}

var formatTitles = map[string]string{
	formatCombined: "nginx/combined", formatMain: "nginx/main", formatCommon: "nginx/common", formatVhost: "nginx/vhost_combined", formatVhostMain: "nginx/vhost_combined",
	formatNoUser: "nginx/combined", formatForwarded: "nginx/combined", formatIngress: "nginx/upstreaminfo", formatProxyMgr: "nginx/proxy-manager", formatProxyMgr2: "nginx/proxy-manager", formatProxyMgr3: "nginx/proxy-manager", formatProxyMgr4: "nginx/proxy-manager", formatProxyMgr5: "nginx/proxy-manager", ownLogFormat: "nginx/limpet", headerFormat: "nginx/limpet",
}

// bindFormat gives a compiled format the names that opt tells.
func bindFormat(f *lineFormat, opt *lb.LogOptions) *variant {
	v := &variant{f: f, name: formatTitles[f.text], session: opt.SessionCookie, affinity: affinityNames(opt)}
	if v.name == "" {
		v.name = "nginx/log_format"
	}
	for i := range f.fields {
		n := &f.fields[i]
		if cookie, ok := strings.CutPrefix(n.name, requestCookie); ok {
			n.what = v.cookieMeaning(cookie, meansSession, meansAffinity)
		} else if cookie, ok := strings.CutPrefix(n.name, upstreamCookie); ok {
			n.what = v.cookieMeaning(cookie, meansSetSession, meansSetAffinity)
		}
	}
	v.onlyCookie()
	v.has = v.factsOf(f.fields)
	for i := range f.fields {
		v.exact = v.exact || f.fields[i].what == meansTimeMsec
		v.retryView = v.retryView || f.fields[i].what == meansUpAddr
	}
	v.short = v.hasShortWay()
	return v
}

// affinityNames returns the names of the cookies that the balancer itself issues or follows.
func affinityNames(opt *lb.LogOptions) (names []string) {
	if opt.Config != nil {
		for _, p := range opt.Config.Pools {
			for _, a := range p.Affinity {
				if a.Cookie != "" && a.Cookie != opt.SessionCookie && (a.Method == topology.MethodInsert || a.Method == topology.MethodPassive) && !slices.Contains(names, a.Cookie) {
					names = append(names, a.Cookie)
				}
			}
		}
	}
	if opt.AffinityCookie != "" && !slices.Contains(names, opt.AffinityCookie) {
		names = append(names, opt.AffinityCookie)
	}
	return names
}

// usualAffinity are names of affinity cookies in manuals and in the products around nginx.
var usualAffinity = []string{"srv_id", "srv", "route", "serverid", "ingresscookie", "upstream", "sticky"}

// cookieMeaning says what a variable of the cookie family shows. nginx compares cookie names without regard to case.
func (v *variant) cookieMeaning(cookie string, isSession, isAffinity meaning) meaning {
	same := func(name string) bool { return strings.EqualFold(name, cookie) }
	switch {
	case v.session != "" && same(v.session):
		return isSession
	case slices.ContainsFunc(v.affinity, same):
		return isAffinity
	case v.session == "" && usualSession(cookie):
		return isSession
	case slices.ContainsFunc(usualAffinity, same):
		return isAffinity
	}
	return meansNothing
}

// usualSession reports whether a cookie's name says that it carries a session.
func usualSession(name string) bool {
	name = strings.ToLower(name)
	if strings.Contains(name, "csrf") || strings.Contains(name, "xsrf") {
		return false
	}
	return strings.Contains(name, "sess") || name == "sid" || strings.HasSuffix(name, "_sid") || strings.HasSuffix(name, "sid") && len(name) < 8
}

// onlyCookie takes the one cookie that a format shows for the session cookie if nobody named that.
func (v *variant) onlyCookie() {
	only := -1
	for i, n := range v.f.fields {
		switch {
		case v.session != "" || n.what == meansSession || n.what == meansCookieHeader:
			return
		case strings.HasPrefix(n.name, requestCookie) && n.what == meansNothing && !strings.Contains(n.name, "csrf"):
			if only >= 0 {
				return
			}
			only = i
		}
	}
	if only >= 0 {
		v.f.fields[only].what = meansSession
	}
}

// factOf says which fact a field shows.
var factOf = [meaningCount]session.Facts{
	meansSession: session.HasSession, meansSetSession: session.HasSetSession, meansAffinity: session.HasAffinity, meansSetAffinity: session.HasSetAffinity,
	meansUpAddr: session.HasInstance, meansUpInstance: session.HasInstance, meansStatus: session.HasStatus, meansRequestID: session.HasRequestID, meansUserAgent: session.HasUserAgent,
	meansReferer: session.HasReferer, meansOrigin: session.HasReferer, meansRequestLine: session.HasTarget, meansTarget: session.HasTarget,
	meansClient: session.HasClient, meansForwardedFor: session.HasClient, meansLocation: session.HasLocation,
}

// factsOf returns what some of the fields can show. The balancer's verdict on its own cookie is known where
// the cookie is seen as it came and as it was set.
func (v *variant) factsOf(fields []field) (has session.Facts) {
	for i := range fields {
		n := &fields[i]
		has |= factOf[n.what]
		switch n.what {
		case meansCookieHeader:
			has |= session.HasAffinity
			if v.session != "" {
				has |= session.HasSession
			}
		case meansSetCookieHeader:
			has |= session.HasSetAffinity
			if v.session != "" {
				has |= session.HasSetSession
			}
		}
	}
	if judged := session.HasAffinity | session.HasSetAffinity; has&judged == judged {
		has |= session.HasFlow
	}
	return has
}

// tellsRequests reports whether a format shows anything of an answer or a request line.
func (v *variant) tellsRequests() bool {
	return v.has&(session.HasStatus|session.HasTarget) != 0
}

func (v *variant) isSession(name []byte) bool {
	return v.session != "" && string(name) == v.session
}

func (v *variant) isAffinity(name []byte) bool {
	return slices.ContainsFunc(v.affinity, func(a string) bool { return bytes.EqualFold([]byte(a), name) })
}

// configVariants returns the variants of a configuration's listeners, each format once.
func configVariants(opt *lb.LogOptions) (list []*variant, err error) {
	have := map[string]bool{}
	for i := range opt.Config.Listeners {
		for _, log := range opt.Config.Listeners[i].Logs {
			if have[log.Format] {
				continue
			}
			have[log.Format] = true
			v, err := newVariant(log.Format, opt)
			if err != nil {
				return nil, &topology.SyntaxError{Pos: log.Pos, Msg: err.Error()}
			}
			list = append(list, v)
		}
	}
	return list, nil
}

// credential returns a session credential as the log shows it.
func credential(v []byte, form logtext.Secret) session.Credential {
	if form == logtext.Fingerprint && len(v) > 32 {
		v = v[:32] // the whole HMAC: a pseudonym is its first half
	}
	return session.Credential{Raw: v, Fingerprint: form == logtext.Fingerprint, Opaque: form == logtext.Opaque}
}
