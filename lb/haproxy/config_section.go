package haproxy

import (
	"slices"
	"strings"

	"limpet.dev/topology"
)

// A proxy is a defaults, frontend, backend or listen section as it is read: its directives as
// written, those of its defaults behind them.
type proxy struct {
	kind, name string
	pos        topology.Pos
	from       *proxy
	depth      int // number of defaults sections behind it
	own        map[string]*lines
	servers    []serverLine
	disabled   bool
}

// lines holds one directive's occurrences.
type lines struct {
	items []topology.Setting
	cut   bool // what the defaults section says does not count
}

// A serverLine is a server or server-template line; defaults is the number of the proxy's
// default-server lines above it.
type serverLine struct {
	topology.Setting
	template bool
	defaults int
}

// A peers section: balancers that share learned tables.
type peers struct {
	name   string
	pos    topology.Pos
	peers  []string // names
	local  bool     // one of them is this process, so tables survive a reload
	tables []tableLine
}

type tableLine struct {
	name string
	topology.Setting
}

// Limits against hostile files; real ones stay far below.
const (
	maxSections  = 100_000
	maxInherit   = 64     // defaults sections, each "from" another
	maxOwn       = 20_000 // occurrences of one directive in one section
	maxInstances = 200_000
)

func (r *reader) openProxy(words []string) {
	p := &proxy{kind: words[0], name: r.name, pos: r.pos(), own: map[string]*lines{}}
	rest := words[min(2, len(words)):]
	if p.kind == "defaults" && r.name == "from" {
		p.name, r.name, rest = "", "", words[1:]
	}
	p.from = r.unnamed
	if len(rest) >= 2 && rest[0] == "from" {
		p.from = r.defaults[rest[1]]
		if p.from == nil {
			r.fail(r.pos(), "defaults section %q is not known here", rest[1])
		}
	} else if p.kind == "defaults" {
		p.from = nil
	}
	if p.from != nil {
		p.depth = p.from.depth + 1
	}
	if len(r.proxies)+len(r.defaults) >= maxSections || p.depth > maxInherit {
		r.fail(r.pos(), "too many sections")
		p.from = nil
	}
	r.proxy = p
	if p.kind == "defaults" {
		r.unnamed = p
		if p.name != "" {
			r.defaults[p.name] = p
		}
		return
	}
	if strings.Trim(p.name, nameChars) != "" {
		r.fail(r.pos(), "the name of this %s section holds a character that is not allowed", p.kind)
	}
	if len(r.proxies) >= maxSections {
		return
	}
	r.proxies = append(r.proxies, p)
	// "listen NAME ADDRESS" is a form of old: HAProxy refuses it, we still know what it means.
	if p.kind == "listen" && len(rest) > 0 && rest[0] != "from" {
		r.fail(r.pos(), "an address after the name: use a bind line")
		p.add("bind", topology.Setting{Args: rest, Pos: r.pos()})
	}
}

// nameChars may stand in a proxy's name (invalid_char in HAProxy's source).
const nameChars = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.:"

func (p *proxy) add(key string, s topology.Setting) bool {
	l := p.own[key]
	if l == nil {
		l = &lines{}
		p.own[key] = l
	}
	if len(l.items) >= maxOwn {
		return false
	}
	l.items = append(l.items, s)
	return true
}

// set replaces what was said before and in the defaults.
func (p *proxy) set(key string, s topology.Setting) {
	p.own[key] = &lines{items: []topology.Setting{s}, cut: true}
}

// clear takes a directive back ("no option redispatch").
func (p *proxy) clear(key string) { p.own[key] = &lines{cut: true} }

// all returns a directive's occurrences, those of the defaults first.
func (p *proxy) all(key string) []topology.Setting {
	l := p.own[key]
	if p.from == nil || l != nil && l.cut || directives[key].own && p.kind != "defaults" {
		if l == nil {
			return nil
		}
		return l.items
	}
	inherited := p.from.all(key)
	if l == nil || len(l.items) == 0 {
		return inherited
	}
	return append(slices.Clip(inherited), l.items...)
}

// last returns the occurrence that counts.
func (p *proxy) last(key string) (topology.Setting, bool) {
	l := p.own[key]
	switch {
	case l != nil && len(l.items) > 0:
		return l.items[len(l.items)-1], true
	case p.from == nil || l != nil && l.cut || directives[key].own:
		return topology.Setting{}, false
	}
	return p.from.last(key)
}

func (p *proxy) has(key string) bool { _, ok := p.last(key); return ok }

// word returns a directive's first argument, or fallback.
func (p *proxy) word(key, fallback string) string {
	if s, ok := p.last(key); ok && len(s.Args) > 0 {
		return s.Args[0]
	}
	return fallback
}

func (p *proxy) front() bool { return p.kind == "frontend" || p.kind == "listen" }
func (p *proxy) back() bool  { return p.kind == "backend" || p.kind == "listen" }
func (p *proxy) http() bool  { return p.word("mode", "tcp") == "http" }

// openPeers starts a peers section; several of one name are one.
func (r *reader) openPeers() {
	for _, g := range r.peers {
		if g.name == r.name {
			r.group = g
			return
		}
	}
	r.group = &peers{name: r.name, pos: r.pos()}
	if len(r.peers) < maxSections {
		r.peers = append(r.peers, r.group)
	}
}

func (r *reader) peersLine(words []string) {
	switch words[0] {
	case "peer", "server":
		if len(words) < 2 {
			r.fail(r.pos(), "a peer needs a name")
			return
		}
		// A server line without an address, or a peer of this process's name, is the local one.
		r.group.peers = append(r.group.peers, words[1])
		if words[0] == "server" && (len(words) < 3 || serverFlags[words[2]] || serverArgs[words[2]]) {
			r.group.local = true
		}
	case "table":
		if len(words) < 2 {
			r.fail(r.pos(), "a table needs a name")
			return
		}
		s := topology.Setting{Args: words[2:], Pos: r.pos()}
		if _, err := parseTable(s.Args); err != nil {
			r.fail(r.pos(), "table: %v", err)
		}
		r.group.tables = append(r.group.tables, tableLine{r.group.name + "/" + words[1], s})
	default:
		if !slices.Contains(sections["peers"], words[0]) {
			r.unknown(words)
		}
	}
}

// global handles a line of the global section.
func (r *reader) global(words []string) {
	arg := func(i int) string {
		if i < len(words) {
			return words[i]
		}
		return ""
	}
	s := topology.Setting{Args: words[1:], Pos: r.pos()}
	switch words[0] {
	case "setenv", "presetenv":
		if len(words) < 3 {
			r.fail(r.pos(), "%s needs a name and a value", words[0])
			return
		}
		if _, ok := r.lookup(words[1]); ok && words[0] == "presetenv" {
			return
		}
		r.vars[words[1]] = &words[2]
	case "unsetenv":
		for _, n := range words[1:] {
			r.vars[n] = nil
		}
	case "resetenv":
		r.resetEnv(words[1:])
	case "localpeer":
		r.localPeer = arg(1)
	case "log":
		r.globalLogs = append(r.globalLogs, s)
	case "spread-checks":
		n, err := parseInt(arg(1), -50, 50)
		if err != nil {
			r.fail(r.pos(), "spread-checks: %v", err)
		}
		r.spread = max(n, -n)
	case "server-state-file":
		r.stateFile = arg(1)
	default:
		if !knownGlobal(words[0]) {
			r.unknown(words)
		}
	}
}

// resetEnv forgets all variables but those named.
func (r *reader) resetEnv(keep []string) {
	outer := r.env
	r.env = func(name string) (string, bool) {
		if slices.Contains(keep, name) || strings.HasPrefix(name, "HAPROXY_") {
			return outer(name)
		}
		return "", false
	}
	for n := range r.vars {
		if !slices.Contains(keep, n) {
			delete(r.vars, n)
		}
	}
}
