package clientside

import (
	"net/netip"
	"strings"

	"limpet.dev/capture"
	"limpet.dev/cookie"
	"limpet.dev/session"
)

// attributesOf returns a line's attributes, "; Path=/; Secure", as they stand; paths lose what may be a credential.
func attributesOf(line string) string {
	_, rest, found := strings.Cut(line, ";")
	if !found {
		return ""
	}
	var out []string
	for attr := range strings.SplitSeq(rest, ";") {
		attr = strings.TrimSpace(attr)
		name, value, has := strings.Cut(attr, "=")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		switch strings.ToLower(name) {
		case "path":
			attr = name + "=" + session.RouteOf([]byte(value))
		case "expires":
			if _, ok := cookie.ParseDate(value); !ok || len(value) > 40 {
				attr = name + "=(unreadable)"
			}
		case "domain", "max-age", "samesite", "priority", "version":
			if len(value) > 80 || !ordinary(value) {
				attr = name + "=(" + itoa(len(value)) + " bytes)"
			}
		case "secure", "httponly", "partitioned":
			if has {
				attr = name
			}
		case "":
			continue
		default:
			if has { // another cookie, joined by a comma or a semicolon, or an attribute that nobody knows
				attr = "(unknown attribute)"
			} else if len(attr) > 20 || !plainWord(attr) {
				attr = "(unknown attribute)"
			}
		}
		out = append(out, attr)
	}
	if len(out) == 0 {
		return ""
	}
	return "; " + strings.Join(out, "; ")
}

// ordinary reports a name whose parts do not look like identifiers or tokens.
func ordinary(name string) bool {
	path := "/" + strings.ReplaceAll(name, ".", "/")
	return session.RouteOf([]byte(path)) == path || netip.Addr{} != addrOf(name)
}

func addrOf(name string) netip.Addr {
	a, _ := netip.ParseAddr(strings.Trim(name, "[]"))
	return a
}

func plainWord(s string) bool {
	for _, c := range s {
		if c != '-' && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return true
}

// attributes is a line without its value, for comparing.
func attributes(line string) string { return capture.NameOf(line) + attributesOf(line) }

// shown is a Set-Cookie line with its value replaced.
func shown(line string) string {
	return "Set-Cookie: " + capture.NameOf(line) + "=…" + attributesOf(line)
}

// edit changes attributes of a line: each change is "name=value", "name" or "-name" to take it out.
func edit(line string, changes ...string) string {
	name := capture.NameOf(line)
	var attrs []string
	for attr := range strings.SplitSeq(strings.TrimPrefix(attributesOf(line), "; "), "; ") {
		if attr != "" && !strings.HasPrefix(attr, "(") {
			attrs = append(attrs, attr)
		}
	}
	for _, ch := range changes {
		gone, out := strings.CutPrefix(ch, "-")
		key, _, _ := strings.Cut(gone, "=")
		kept := attrs[:0]
		at := -1
		for _, attr := range attrs {
			if k, _, _ := strings.Cut(attr, "="); strings.EqualFold(k, key) {
				at = len(kept)
				continue
			}
			kept = append(kept, attr)
		}
		attrs = kept
		if out {
			continue
		}
		if at < 0 || at > len(attrs) {
			at = len(attrs)
		}
		attrs = append(attrs[:at], append([]string{ch}, attrs[at:]...)...)
	}
	s := "Set-Cookie: " + name + "=…"
	if len(attrs) > 0 {
		s += "; " + strings.Join(attrs, "; ")
	}
	return s
}

// lineOf writes a stored cookie's attributes as a line, without its value.
func lineOf(c *cookie.Cookie) string {
	line := c.Name + "=…; Path=" + c.Path
	if !c.HostOnly {
		line += "; Domain=" + c.Domain
	}
	if c.Secure {
		line += "; Secure"
	}
	if c.HttpOnly {
		line += "; HttpOnly"
	}
	if c.SameSite != cookie.Unset {
		line += "; SameSite=" + c.SameSite.String()
	}
	if c.Partitioned {
		line += "; Partitioned"
	}
	return line
}

// expire is the header that deletes one of two cookies of one name.
func expire(c *cookie.Cookie) string {
	h := "Set-Cookie: " + c.Name + "=; Path=" + session.RouteOf([]byte(c.Path))
	if !c.HostOnly {
		h += "; Domain=" + c.Domain
	}
	if c.Secure {
		h += "; Secure"
	}
	return h + "; Max-Age=0"
}

// fixSending returns the one header that lets a cookie go with the request that lacked it.
func fixSending(rule string, c *cookie.Cookie, s *step, by cookie.Reasons) (header, why string) {
	line := lineOf(c)
	switch rule {
	case "secure-cookie-over-http":
		return "Strict-Transport-Security: max-age=31536000", "sent over https, with every http address redirected there; then no request is left that must do without the cookie"
	case "client-credentials-omitted":
		return "Access-Control-Allow-Credentials: true", "and the script asks with credentials: \"include\", the answer naming its origin in Access-Control-Allow-Origin"
	case "samesite-cross-site-post":
		return edit(line, "Secure", "SameSite=None"), "or answer the POST with 303 to a page of your own, without opening a session"
	case "samesite-strict-redirect":
		if s.req.Kind != cookie.Navigation {
			return edit(line, "Secure", "SameSite=None"), "the request is a script's or a frame's of another site; Lax would not be enough"
		}
		return edit(line, "SameSite=Lax"), ""
	case "third-party-cookie-blocked":
		if by&thirdParty == 0 {
			return edit(line, "Secure", "SameSite=None"), "clients that block third-party cookies keep it back all the same: serve the frame from the page's own site, or set a Partitioned cookie inside the frame"
		}
		return edit(line, "Secure", "SameSite=None", "Partitioned"), "set inside the frame; or serve the frame from the page's own site"
	case "cookie-path-rewrite":
		return edit(line, "Path=/"), ""
	case "cookie-host-only":
		return edit(line, "Domain="+siteOf(s)), "or keep users on one host"
	}
	return "", ""
}

// fixSetting returns the header as it should have been.
func fixSetting(why cookie.Reasons, line string, s *step) (header, note string) {
	switch {
	case why.Has(cookie.NameValuePairExceedsMaxSize):
		return edit(line), "with an identifier of at most 128 bytes instead of the data: keep what it holds on the server"
	case why.Has(cookie.InvalidDomain):
		return edit(line, "-Domain"), "the host that set it gets it back; the balancer must hand the client's Host on"
	case why.Has(cookie.InvalidPrefix):
		return edit(line, "-Domain", "Path=/", "Secure"), ""
	case why.Has(cookie.SameSiteNoneInsecure):
		return edit(line, "Secure", "SameSite=None"), ""
	case why.Has(cookie.SecureOnly), why.Has(cookie.OverwriteSecure):
		return "Strict-Transport-Security: max-age=31536000", "sent over https, with every http address redirected there: the cookie is set over http, where browsers refuse it"
	case why.Has(cookie.CredentialsOmitted):
		return "Access-Control-Allow-Credentials: true", "and the script asks with credentials: \"include\""
	case why&(strict|lax) != 0:
		return edit(line, "Secure", "SameSite=None"), ""
	case why&thirdParty != 0:
		return edit(line, "Secure", "SameSite=None", "Partitioned"), ""
	case why.Has(cookie.DisallowedCharacter), why.Has(cookie.NoCookieContent):
		return edit(line), "with a value of letters, digits and signs, at least one"
	}
	return "", ""
}

// siteOf is the registrable domain of a step's host.
func siteOf(s *step) string { return s.req.URL.Site() }
