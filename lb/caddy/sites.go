package caddy

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"limpet.dev/lb"
	"limpet.dev/topology"
)

// readConfig reads Caddyfiles, or JSON configurations. Pools are named after the site and the matcher that lead to them;
// instances by their dial string, as Caddy logs them.
func readConfig(fsys fs.FS, files []string, env lb.Env) (*topology.Config, error) {
	b := &builder{reader: &reader{fsys: fsys, env: env, snippets: map[string][]token{}}, cfg: &topology.Config{Product: "caddy"}, names: map[string]int{}}
	for _, f := range files {
		if text, err := fs.ReadFile(fsys, f); err == nil && looksLikeJSON(text) {
			b.files = append(b.files, f)
			b.json(f, text)
			continue
		}
		b.top(b.tokens(f), 0)
	}
	b.globals()
	for _, s := range b.reader.sites {
		b.site(s)
	}
	b.cfg.Files = b.files
	return b.cfg, errors.Join(b.errs...)
}

// A builder makes the topology.
type builder struct {
	*reader
	cfg     *topology.Config
	names   map[string]int
	trusted []string // ranges of proxies whose X-Forwarded-For is believed
}

// globals reads what the global options say about clients' addresses: servers { trusted_proxies static RANGES }.
func (b *builder) globals() {
	for _, n := range b.global {
		if n.name != "servers" {
			continue
		}
		for _, o := range n.block {
			if o.name == "trusted_proxies" && o.arg(0) == "static" {
				b.trusted = append(b.trusted, o.args[1:]...)
			}
		}
	}
}

// site makes a listener of one site.
func (b *builder) site(s *site) {
	l := topology.Listener{Name: strings.Join(s.keys, ", "), Pos: s.pos, HTTP: true, Binds: s.keys}
	for _, k := range s.keys {
		l.TLS = l.TLS || !strings.HasPrefix(k, "http://") && !strings.HasSuffix(k, ":80") && !strings.HasPrefix(k, ":")
	}
	b.walk(s.nodes, "", &l)
	b.cfg.Listeners = append(b.cfg.Listeners, l)
}

// walk goes through a site's directives; when is the matcher that leads there.
func (b *builder) walk(ns []*node, when string, l *topology.Listener) {
	for _, n := range ns {
		switch n.name {
		case "reverse_proxy", "php_fastcgi":
			b.reverseProxy(n, when, l)
		case "log":
			l.Logs = append(l.Logs, logOf(n))
		case "handle", "handle_path", "route", "handle_errors", "handle_response", "intercept":
			b.walk(n.block, join(when, shownMatcher(n)), l)
		case "tls":
			l.TLS = n.arg(0) != "off"
		case "invoke":
			// Named routes are read where they are defined.
		}
	}
}

func join(a, b string) string { return strings.TrimSpace(a + " " + b) }

func shownMatcher(n *node) string {
	if len(n.args) == 0 {
		return ""
	}
	return n.args[0]
}

// isMatcher reports whether an argument is a matcher: *, a path, or a name.
func isMatcher(arg string) bool {
	return arg == "*" || strings.HasPrefix(arg, "/") || strings.HasPrefix(arg, "@")
}

// poolName is a name for a proxy that no other has.
func (b *builder) poolName(l *topology.Listener, when string) string {
	name := join(l.Name, when)
	if b.names[name]++; b.names[name] > 1 {
		return fmt.Sprintf("%s #%d", name, b.names[name])
	}
	return name
}

func (b *builder) reverseProxy(n *node, when string, l *topology.Listener) {
	args := n.args
	if len(args) > 0 && isMatcher(args[0]) {
		when, args = join(when, args[0]), args[1:]
	}
	p := &proxy{name: b.poolName(l, when), pos: n.pos}
	for _, a := range args {
		p.addUpstream(a, n.pos)
	}
	for _, o := range n.block {
		b.option(p, o)
	}
	if n.name == "php_fastcgi" && when == "" {
		when = "*.php"
	}
	b.add(p, when, l)
}

// add puts a proxy's pool and the way to it into the topology.
func (b *builder) add(p *proxy, when string, l *topology.Listener) {
	pool := p.pool()
	if len(b.trusted) > 0 {
		pool.Settings["trusted proxies"] = []topology.Setting{{Args: b.trusted, Pos: p.pos}}
	}
	b.cfg.Pools = append(b.cfg.Pools, pool)
	l.Routes = append(l.Routes, topology.Route{Pool: p.name, When: when, Pos: p.pos, Cookies: p.cookies, Forwarded: p.forwarded})
}

// option reads one line of a reverse_proxy block (caddyfile.go of the module).
func (b *builder) option(p *proxy, n *node) {
	switch n.name {
	case "to":
		for _, a := range n.args {
			p.addUpstream(a, n.pos)
		}
	case "dynamic":
		p.dynamic = cmp.Or(n.arg(0), "unknown")
	case "lb_policy":
		p.policy, p.policyPos = b.policy(n, n.args), n.pos
	case "lb_retries":
		p.retries, p.retryPos = number(n.arg(0)), n.pos
	case "lb_try_duration":
		p.tryFor, p.retryPos = b.span(n), n.pos
	case "lb_try_interval":
		p.tryEvery = b.span(n)
	case "fail_duration":
		p.passive.failFor, p.passive.pos = b.span(n), n.pos
	case "max_fails":
		p.passive.maxFails = number(n.arg(0))
	case "unhealthy_status":
		p.passive.status = strings.Join(n.args, " ")
	case "header_down":
		if strings.EqualFold(strings.TrimLeft(n.arg(0), "-+>?"), "set-cookie") {
			p.cookies = append(p.cookies, cookieEdit(n))
		}
	case "header_up":
		name := strings.TrimLeft(n.arg(0), "-+>?")
		if lower := strings.ToLower(name); lower == "host" || strings.HasPrefix(lower, "x-forwarded-") || lower == "x-real-ip" {
			p.forwarded = append(p.forwarded, topology.Header{Name: name, Value: n.arg(1), Pos: n.pos})
		}
	case "transport":
		for _, t := range n.block {
			if t.name == "dial_timeout" {
				p.dial = b.span(t)
			}
		}
	default:
		switch {
		case strings.HasPrefix(n.name, "health_"):
			b.healthOption(p, n)
		case strings.HasPrefix(n.name, "lb_") && n.name != "lb_retry_match":
			b.cfg.Unknown = append(b.cfg.Unknown, topology.Unknown{Pos: n.pos, Text: harmless(n.name), Affinity: true})
		}
	}
}

// cookieEdit reads header_down [-]Set-Cookie [FIND REPLACE].
func cookieEdit(n *node) topology.CookieEdit {
	if strings.HasPrefix(n.args[0], "-") {
		return topology.CookieEdit{Kind: "drop", Pos: n.pos}
	}
	return topology.CookieEdit{Kind: "flags", From: n.arg(1), To: n.arg(2), Pos: n.pos}
}

// policy reads "NAME args… { fallback POLICY … }".
func (b *builder) policy(n *node, args []string) policy {
	if len(args) == 0 {
		b.fault(n.pos, "%s without a policy", n.name)
		return policy{}
	}
	p := policy{name: args[0]}
	rest := args[1:]
	arg := func(i int) string {
		if i < len(rest) {
			return rest[i]
		}
		return ""
	}
	switch p.name {
	case "random", "first", "round_robin", "least_conn", "ip_hash", "client_ip_hash", "uri_hash":
	case "random_choose":
		p.choose = max(2, number(arg(0)))
	case "weighted_round_robin":
		for _, w := range rest {
			p.weights = append(p.weights, number(w))
		}
	case "header", "query":
		p.field = arg(0)
		if p.field == "" {
			b.fault(n.pos, "lb_policy %s without a name", p.name)
		}
	case "cookie":
		p.cookie, p.secret = cmp.Or(arg(0), "lb"), arg(1)
	default:
		b.cfg.Unknown = append(b.cfg.Unknown, topology.Unknown{Pos: n.pos, Text: "lb_policy " + harmless(p.name), Affinity: true})
	}
	for _, o := range n.block {
		switch o.name {
		case "fallback":
			f := b.policy(o, o.args)
			p.fallback = &f
		case "max_age":
			p.maxAge = b.span(o)
		}
	}
	return p
}

func (b *builder) healthOption(p *proxy, n *node) {
	if p.active == nil {
		p.active = &activeCheck{pos: n.pos}
	}
	a := p.active
	switch n.name {
	case "health_uri", "health_path":
		a.uri, a.pos = n.arg(0), n.pos
	case "health_port":
		a.port = n.arg(0)
	case "health_interval":
		a.interval = b.span(n)
	case "health_timeout":
		a.timeout = b.span(n)
	case "health_status":
		a.status = n.arg(0)
	case "health_method":
		a.method = n.arg(0)
	case "health_passes":
		a.passes = number(n.arg(0))
	case "health_fails":
		a.fails = number(n.arg(0))
	}
}

func number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0
	}
	return min(n, 1<<20)
}

// span reads a duration as Caddy does: Go's, and days.
func (b *builder) span(n *node) time.Duration {
	d, ok := parseSpan(n.arg(0))
	if !ok && !strings.Contains(n.arg(0), "{") {
		b.fault(n.pos, "%s is no duration", n.name)
	}
	return d
}

func parseSpan(text string) (time.Duration, bool) {
	if days, rest, ok := strings.Cut(text, "d"); ok {
		n, err := strconv.Atoi(days)
		if err == nil && n >= 0 && n < 1<<16 {
			more := time.Duration(0)
			if rest != "" {
				if more, err = time.ParseDuration(rest); err != nil {
					return 0, false
				}
			}
			return time.Duration(n)*24*time.Hour + more, true
		}
	}
	d, err := time.ParseDuration(text)
	return d, err == nil
}

// logOf reads log { format … }.
func logOf(n *node) topology.Log {
	log := topology.Log{Format: "json", BuiltIn: "json", Pos: n.pos}
	for _, o := range n.block {
		if o.name == "format" {
			log.Format, log.BuiltIn = cmp.Or(o.arg(0), "json"), cmp.Or(o.arg(0), "json")
			for _, f := range o.block {
				if f.name == "time_format" {
					log.Format += " time_format=" + f.arg(0)
				}
			}
		}
	}
	return log
}

// harmless shows a word only if it looks like a keyword: others may be secrets.
func harmless(word string) string {
	if len(word) <= 40 && strings.Trim(word, "abcdefghijklmnopqrstuvwxyz_") == "" {
		return word
	}
	return "[removed]"
}
