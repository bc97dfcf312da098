package clientside

import (
	"regexp"
	"slices"
	"strings"

	"limpet.dev/capture"
	"limpet.dev/cookie"
	"limpet.dev/topology"
)

// rewrites shows each cookie as issued and as delivered where a balancer's configuration changes Set-Cookie lines, with the
// directive's place. A capture at the client shows what was delivered; what was issued then follows backwards as far as
// the directive tells.
func (a *analysis) rewrites() {
	for _, key := range a.order {
		seen := a.lines[key]
		for _, cfg := range a.opt.Configs {
			for _, route := range routesFor(cfg, seen.step.url.Path) {
				if a.opt.Issued {
					a.forward(cfg, route, seen)
				} else {
					a.backward(route, seen)
				}
			}
		}
	}
	a.caches()
	a.schemes()
	a.report.Rewrites = orEmpty(a.report.Rewrites)
}

// routesFor returns the routes of a configuration that have a say: those whose condition names the path's beginning, the
// longest; without such a one, all.
func routesFor(cfg *topology.Config, path string) []*topology.Route {
	var best, all []*topology.Route
	longest := -1
	for i := range cfg.Listeners {
		l := &cfg.Listeners[i]
		for j := range l.Routes {
			r := &l.Routes[j]
			if len(r.Cookies) == 0 && r.Cache == nil {
				continue
			}
			all = append(all, r)
			at := prefixIn(r.When, path)
			switch {
			case at > longest:
				longest, best = at, []*topology.Route{r}
			case at == longest && at >= 0:
				best = append(best, r)
			}
		}
	}
	if best != nil {
		return best
	}
	return all
}

var pathWord = regexp.MustCompile(`/[A-Za-z0-9_./\-]*`)

// prefixIn returns the length of the longest path in a condition that path begins with, -1 for none.
func prefixIn(when, path string) int {
	best := -1
	for _, p := range pathWord.FindAllString(when, -1) {
		if strings.HasPrefix(path, p) && len(p) > best {
			best = len(p)
		}
	}
	return best
}

// forward applies a route's edits to an issued line, judges what is delivered, and notes what changed.
func (a *analysis) forward(_ *topology.Config, route *topology.Route, seen *lineSeen) {
	line := seen.line
	done := map[string]bool{} // of each kind the first edit that matches counts
	for i := range route.Cookies {
		e := &route.Cookies[i]
		if done[e.Kind] {
			continue
		}
		next, ok := apply(e, line)
		if !ok {
			continue
		}
		done[e.Kind] = true
		a.rewrite(e, seen.line, next)
		line = next
		if next == "" {
			return
		}
	}
	if line == seen.line {
		a.unchanged(route, seen)
	}
	a.judgeDelivered(seen, line)
}

// unchanged notes edits that were meant for this cookie and do not match it.
func (a *analysis) unchanged(route *topology.Route, seen *lineSeen) {
	for i := range route.Cookies {
		if e := &route.Cookies[i]; e.Kind == "path" || e.Kind == "domain" {
			a.tell(e.Pos.String() + ": the " + e.Kind + " rule does not match " + shown(seen.line) + ": it is delivered as issued")
		}
	}
}

// judgeDelivered tells what clients make of a line as it is delivered.
func (a *analysis) judgeDelivered(seen *lineSeen, line string) {
	std, _ := cookie.ClientNamed("chrome")
	v := std.Judge(line, setting(seen.step), seen.step.at)
	if v.Outcome == cookie.Rejected {
		rule := causeOfSetting(seen.step, v.Why)
		f := a.finding(rule, capture.NameOf(line), v.Why.String())
		f.Severity, f.Reasons, f.Request = a.weight(capture.NameOf(line), Error), words(v.Why), a.where(seen.step)
		f.Clients = a.refusing(line, seen.step)
		f.Evidence = union(f.Evidence, []string{"as delivered: " + shown(line)})
		f.Fix, f.Why = fixSetting(v.Why, line, seen.step)
		return
	}
	a.offPath(seen.step, line, v.Cookie.Path)
}

// offPath tells a path that does not cover the page that set the cookie.
func (a *analysis) offPath(s *step, line, path string) {
	if s.assumed || cookie.PathMatch(s.req.URL.Path, path) {
		return
	}
	name := capture.NameOf(line)
	f := a.finding("cookie-path-rewrite", name, "delivered")
	f.Severity, f.Reasons, f.Request = a.weight(name, Error), words(cookie.NotOnPath.Set()), a.where(s)
	f.Evidence = union(f.Evidence, []string{"its path does not cover the address that sets it: it never comes back there"})
	f.Fix = edit(line, "Path=/")
}

func (a *analysis) rewrite(e *topology.CookieEdit, was, is string) {
	r := Rewrite{Cookie: capture.NameOf(was), Issued: shown(was), Directive: e.Kind + " " + strings.TrimSpace(e.From+" "+e.To), Source: e.Pos.String()}
	if is != "" {
		r.Delivered = shown(is)
	}
	a.report.Rewrites = append(a.report.Rewrites, r)
	if is == "" {
		f := a.finding("cookie-stripped-by-cdn", r.Cookie, "")
		f.Severity = a.weight(r.Cookie, Error)
		f.Reasons = []string{cookie.StrippedByProxy.String()}
		f.Evidence = union(f.Evidence, []string{r.Source + " takes Set-Cookie out of the answer"})
	}
}

// apply is one edit on a line; ok is false if it does not concern it. "" is a line that is dropped. The manner is that
// of nginx's proxy_cookie_path, _domain and _flags (ngx_http_proxy_module), which others share.
func apply(e *topology.CookieEdit, line string) (string, bool) {
	l, refused := cookie.Parse(line)
	if refused != 0 && l.Name == "" {
		return line, false
	}
	switch e.Kind {
	case "drop":
		return "", e.From == "" || strings.EqualFold(e.From, l.Name)
	case "path":
		if l.Path == "" {
			return line, false
		}
		if to, ok := replaced(e, l.Path, true); ok {
			return setAttribute(line, "Path", to), true
		}
	case "domain":
		if l.Domain == "" {
			return line, false
		}
		if to, ok := replaced(e, strings.TrimPrefix(l.Domain, "."), false); ok {
			return setAttribute(line, "Domain", to), true
		}
	case "flags":
		if from := e.From; !strings.EqualFold(from, l.Name) && from != "~" && !matches(from, l.Name) {
			return line, false
		}
		return flagged(line, strings.Fields(e.To)), true
	}
	return line, false
}

// replaced returns what an attribute's value becomes.
func replaced(e *topology.CookieEdit, value string, prefix bool) (string, bool) {
	if pattern, ok := strings.CutPrefix(e.From, "~"); ok {
		pattern, caseless := strings.CutPrefix(pattern, "*")
		if caseless || !prefix {
			pattern = "(?i)" + pattern
		}
		re, err := regexp.Compile(pattern)
		if err != nil {
			return "", false
		}
		m := re.FindStringSubmatchIndex(value)
		if m == nil {
			return "", false
		}
		to := string(re.ExpandString(nil, braced(e.To), value, m))
		return value[:m[0]] + to + value[m[1]:], true
	}
	from := e.From
	switch {
	case prefix && strings.HasPrefix(value, from):
		return e.To + value[len(from):], true
	case !prefix && strings.EqualFold(strings.TrimPrefix(from, "."), value):
		return e.To, true
	}
	return "", false
}

var groupRef = regexp.MustCompile(`\$(\d)`)

func braced(to string) string { return groupRef.ReplaceAllString(to, "$${$1}") }

func matches(from, name string) bool {
	pattern, ok := strings.CutPrefix(from, "~")
	if !ok {
		return false
	}
	pattern = strings.TrimPrefix(pattern, "*")
	re, err := regexp.Compile("(?i)" + pattern)
	return err == nil && re.MatchString(name)
}

// flagged applies words such as "secure httponly samesite=strict nosecure".
func flagged(line string, flags []string) string {
	for _, f := range flags {
		key, value, _ := strings.Cut(f, "=")
		switch strings.ToLower(key) {
		case "secure":
			line = setAttribute(line, "Secure", "")
		case "httponly":
			line = setAttribute(line, "HttpOnly", "")
		case "samesite":
			line = setAttribute(line, "SameSite", value)
		case "nosecure", "nohttponly", "nosamesite":
			line = dropAttribute(line, key[2:])
		}
	}
	return line
}

func dropAttribute(line, name string) string {
	pair, rest, _ := strings.Cut(line, ";")
	out := pair
	for attr := range strings.SplitSeq(rest, ";") {
		key, _, _ := strings.Cut(strings.TrimSpace(attr), "=")
		if strings.TrimSpace(attr) != "" && !strings.EqualFold(strings.TrimSpace(key), name) {
			out += "; " + strings.TrimSpace(attr)
		}
	}
	return out
}

func setAttribute(line, name, value string) string {
	line = dropAttribute(line, name) + "; " + name
	if value != "" {
		line += "=" + value
	}
	return line
}

// backward finds the edits that can have made a delivered line, and what the line was before.
func (a *analysis) backward(route *topology.Route, seen *lineSeen) {
	l, refused := cookie.Parse(seen.line)
	if refused != 0 && l.Name == "" {
		return
	}
	for i := range route.Cookies {
		e := &route.Cookies[i]
		switch {
		case e.Kind == "path" && !strings.HasPrefix(e.From, "~") && l.Path != "" && strings.HasPrefix(l.Path, e.To):
			before := setAttribute(seen.line, "Path", e.From+strings.TrimPrefix(l.Path, e.To))
			a.rewrite(e, before, seen.line)
			a.offPath(seen.step, seen.line, l.Path)
		case e.Kind == "domain" && !strings.HasPrefix(e.From, "~") && strings.EqualFold(strings.TrimPrefix(e.To, "."), strings.TrimPrefix(l.Domain, ".")) && l.Domain != "":
			a.rewrite(e, setAttribute(seen.line, "Domain", e.From), seen.line)
		case e.Kind == "flags" && (strings.EqualFold(e.From, l.Name) || e.From == "~" || matches(e.From, l.Name)) && flagged(seen.line, strings.Fields(e.To)) != "" && sameShape(flagged(seen.line, strings.Fields(e.To)), seen.line):
			before := seen.line
			for _, f := range strings.Fields(e.To) {
				key, _, _ := strings.Cut(f, "=")
				before = dropAttribute(before, key)
			}
			a.rewrite(e, before, seen.line)
		}
	}
}

// caches tells routes that keep answers with their cookies.
func (a *analysis) caches() {
	for _, cfg := range a.opt.Configs {
		for i := range cfg.Listeners {
			for j := range cfg.Listeners[i].Routes {
				c := cfg.Listeners[i].Routes[j].Cache
				if c == nil || c.IgnoresSetCookie == (topology.Pos{}) || c.DropsSetCookie != (topology.Pos{}) {
					continue
				}
				f := a.finding("setcookie-cached-leak", "every cookie", c.IgnoresSetCookie.String())
				f.Severity = Error
				f.Evidence = union(f.Evidence, []string{c.IgnoresSetCookie.String() + ": answers that set a cookie are kept too and given to other clients"})
				f.Fix = "Cache-Control: private, no-store"
			}
		}
	}
}

// schemes tells routes on which the application cannot know that the client uses https: then it withholds Secure cookies, or
// sets them without Secure.
func (a *analysis) schemes() {
	for _, cfg := range a.opt.Configs {
		for i := range cfg.Listeners {
			l := &cfg.Listeners[i]
			for j := range l.Routes {
				r := &l.Routes[j]
				at := slices.IndexFunc(r.Forwarded, func(h topology.Header) bool { return strings.EqualFold(h.Name, "X-Forwarded-Proto") })
				switch {
				case at < 0 && len(r.Forwarded) > 0:
					a.noScheme(r.Pos, "the client's headers are handed on and X-Forwarded-Proto is not among them: behind https the application takes every request for http", "X-Forwarded-Proto: https")
				case at >= 0 && !l.TLS && strings.Contains(r.Forwarded[at].Value, "scheme"):
					a.noScheme(r.Forwarded[at].Pos, "this listener speaks plain http and overwrites X-Forwarded-Proto with its own scheme: where TLS ends in front of it, https becomes http", "X-Forwarded-Proto: https")
				}
			}
		}
	}
}

func (a *analysis) noScheme(pos topology.Pos, text, fix string) {
	f := a.finding("secure-cookie-proto-unknown", "the session cookie", pos.String())
	f.Severity = Warning
	f.Evidence = union(f.Evidence, []string{pos.String() + ": " + text})
	f.Fix, f.Why = fix, "handed to the application, with the value that the outermost TLS listener saw"
}
