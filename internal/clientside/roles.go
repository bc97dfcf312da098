package clientside

import (
	"regexp"
	"strings"

	"limpet.dev/capture"
)

// sessionNames are what frameworks call the session cookie.
var sessionNames = regexp.MustCompile(`(?i)^(?:__host-|__secure-)?(?:jsessionid|phpsessid|asp\.net_sessionid|aspsessionid\w*|\.aspnetcore\.(?:session|cookies|identity\.\w+)|connect\.sid|sid|s|sess|session(?:_?id)?|sessionid|_session(?:_id)?|\w+[_-]?session(?:[_-]?id)?|laravel_session|ci_session|cfid|cftoken|auth(?:_?token)?|access_?token|id_?token|token|jwt|remember_?(?:me|token|user)|wordpress_logged_in_\w+|next-auth\.session-token|authjs\.session-token|_oauth2_proxy\w*|_pomerium|logto\w*|shopsession|login)$`)

// notSessions are cookies of measuring, consent and taste.
var notSessions = regexp.MustCompile(`(?i)^(?:_ga|_gid|_gat|_gcl|_fb[pc]|_hj|_pk_|__utm|ajs_|amplitude|mp_|optimizely|intercom|cookie_?consent|consent|gdpr|euconsent|theme|lang|locale|currency|tz|timezone|i18n|xsrf-token|csrf\w*|_csrf|__cf_bm|cf_clearance|_cfuvid|__cfruid|datadome|ak_bmsc|bm_s[vz])`)

// roles finds out which cookies carry the session and which the affinity.
func (a *analysis) roles() {
	score := map[string]int{}
	for _, s := range a.steps {
		for _, line := range s.set {
			name := capture.NameOf(line)
			if name == "" {
				continue
			}
			score[name] += 0
			low := strings.ToLower(line)
			if strings.Contains(low, "httponly") {
				score[name]++
			}
			if strings.Contains(strings.ToLower(s.url.Path), "login") || strings.Contains(strings.ToLower(s.url.Path), "signin") {
				score[name] += 2
			}
		}
		for _, p := range s.sent {
			score[p.Name] += 0
		}
		for _, b := range append(s.notSent, s.notSet...) {
			score[b.Name] += 0
		}
	}
	for name := range score {
		a.role[name] = OtherCookie
		switch {
		case a.opt.Session == name:
			a.role[name] = SessionCookie
		case a.affinity(name).product != "":
			a.role[name] = AffinityCookie
		case notSessions.MatchString(name):
		case sessionNames.MatchString(name):
			a.role[name] = SessionCookie
		}
	}
	if a.opt.Session != "" || a.hasSession() {
		return
	}
	// Nobody known by name: the likeliest of the others, and a lone cookie is what the question is about.
	best, most := "", 0
	for name, n := range score {
		if a.role[name] == OtherCookie && !notSessions.MatchString(name) && (n > most || n == most && n > 0 && name < best) {
			best, most = name, n
		}
	}
	if best == "" && len(score) <= 3 {
		for name := range score {
			if a.role[name] == OtherCookie && !notSessions.MatchString(name) && (best == "" || name < best) {
				best = name
			}
		}
	}
	if best != "" {
		a.role[best] = SessionCookie
	}
}

func (a *analysis) hasSession() bool {
	for _, r := range a.role {
		if r == SessionCookie {
			return true
		}
	}
	return false
}
