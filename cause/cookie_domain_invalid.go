package cause

var _ = register(Cause{
	ID:       "cookie-domain-invalid",
	Title:    "The session cookie's Domain does not fit the public host",
	Category: Client,
	Root:     ClientCompatibility,
	Summary: `
The cookie names a domain that is not the public host's own: that of the server behind the proxy, one with a scheme or port in it, a public suffix, or
an IP. Browsers refuse such a cookie. Usually the proxy gives the application its own idea of the host name, or a rewrite rule is wrong.`,
	LooksAs:  "Nobody stays signed in: the session cookie is set with every answer and never comes back.",
	Remedy:   `Leave Domain out, and hand the client's Host on to the application.`,
	Rollback: `Set the Domain option as it was; cookies that are there already stay.`,
	Runbook: `
1. Compare the Domain of the Set-Cookie line with the host in the address bar:

       limpet cookies session.har

2. Let the balancer pass the client's Host, or rewrite the domain to the public one (proxy_cookie_domain).
3. Better: leave Domain out; the cookie then belongs to the host that set it.
4. Sign in once and watch the cookie come back.`,
	Uses: []Source{Captures, Config},
	Neighbours: map[string]string{
		"cookie-path-rewrite":     "there the browser keeps the cookie and sends it elsewhere",
		"secure-cookie-over-http": "there the cookie is refused because of the scheme",
		"cookie-stripped-by-cdn":  "there no Set-Cookie reaches the browser",
	},
	Kinds:  []string{"withheld"},
	Detect: detectCookieDomainInvalid,
	Lab:    Scenario{Journey: "a real Chromium goes through a real nginx that breaks the cookie"},
})

func detectCookieDomainInvalid(ev *Evidence) []Clue {
	return keptBack(ev, "the client refused the cookie: its Domain is not the host's", by("InvalidDomain"))
}
