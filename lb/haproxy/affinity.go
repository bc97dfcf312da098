package haproxy

import (
	"strings"

	"limpet.dev/topology"
)

// affinity returns a backend's rules that bring a client back, in the order in which they decide
// (src/stream.c): use-server, cookie, RDP cookie, stick rules, and last a hash of the request.
func (r *reader) affinity(p *proxy, pool *topology.Pool) []topology.Affinity {
	var out []topology.Affinity
	if p.http() || p.word("mode", "tcp") == "tcp" {
		for _, s := range p.all("use-server") {
			out = append(out, fixedRule(pool, s))
		}
	}
	if s, ok := p.last("cookie"); ok && p.http() {
		if c, err := parseCookie(s.Args); err == nil {
			out = append(out, cookieFates(c.affinity(s.Pos), pool, c))
		}
	}
	if s, ok := p.last("persist rdp-cookie"); ok {
		out = append(out, rdpFates(s, pool))
	}
	for _, s := range stickRules(p.all("stick")) {
		out = append(out, r.stickAffinity(p, pool, s))
	}
	if b, err := parseBalance(args(pool, "balance")); err == nil && b.deterministic() {
		out = append(out, hashAffinity(b, pool))
	}
	return out
}

// args returns the words of the occurrence of a directive that counts.
func args(pool *topology.Pool, key string) []string {
	if all := pool.Settings[key]; len(all) > 0 {
		return all[len(all)-1].Args
	}
	return nil
}

func fixedRule(pool *topology.Pool, s topology.Setting) topology.Affinity {
	return topology.Affinity{
		Method: topology.MethodRule, Carrier: "server " + s.Args[0], When: shownCondition(s.Args[1:]), Pos: s.Pos, ReadOnly: true,
		WhenDown: downFate(pool, true), WhenDrained: topology.Stays, WhenGone: topology.Moves,
		WhenReloaded: topology.Stays, WhenScaled: topology.Stays, SeveralEquals: topology.Stays,
	}
}

// downFate is what becomes of a client whose instance fails. While checks have not noticed yet, or
// where there is no check, only a redispatch saves it; once the instance is known to be down, the
// client moves, unless "option persist" sends it there still. It comes back if what binds it still
// names the old instance.
func downFate(pool *topology.Pool, back bool) topology.Fate {
	checked := false
	for _, in := range pool.Instances {
		checked = checked || in.Check != nil
	}
	switch {
	case pool.Retry.PersistDown && !pool.Retry.Redispatch, !checked && !pool.Retry.Redispatch:
		return topology.Fails
	case back:
		return topology.MovesBack
	}
	return topology.Moves
}

// cookieFates: an inserted cookie is replaced when the client moves, so that it stays where it went;
// a cookie that the application must set again, or nobody sets, still names the old instance.
func cookieFates(a topology.Affinity, pool *topology.Pool, c cookieRule) topology.Affinity {
	a.WhenDown = downFate(pool, !c.insert || c.postonly)
	a.WhenDrained = topology.Stays
	a.WhenGone = topology.Moves
	a.WhenReloaded = topology.Stays
	a.WhenScaled = topology.Stays
	a.SeveralEquals = topology.Stays
	return a
}

func rdpFates(s topology.Setting, pool *topology.Pool) topology.Affinity {
	name := "msts"
	if len(s.Args) > 0 {
		name = s.Args[0]
	}
	return topology.Affinity{
		Method: topology.MethodPassive, Carrier: "RDP cookie " + name, Pos: s.Pos, ReadOnly: true,
		WhenDown: downFate(pool, true), WhenDrained: topology.Stays, WhenGone: topology.Moves,
		WhenReloaded: topology.Stays, WhenScaled: topology.Stays, SeveralEquals: topology.Stays,
	}
}

// stickAffinity: a table forgets at a reload unless a peers section has the local peer, and each
// balancer has its own unless peers share it.
func (r *reader) stickAffinity(p *proxy, pool *topology.Pool, s placedStick) topology.Affinity {
	a := topology.Affinity{
		Method: topology.MethodTable, Carrier: carrier(s.expr), Cookie: cookieOf(s.expr), Pos: s.pos,
		When: shownCondition(s.cond), ReadOnly: s.match && !s.store, AlsoStores: s.store,
		WhenDown: downFate(pool, false), WhenDrained: topology.Stays, WhenGone: topology.Moves,
		WhenReloaded: topology.Moves, WhenScaled: topology.Stays, SeveralEquals: topology.Moves,
	}
	if a.ReadOnly {
		a.WhenDown = downFate(pool, true)
	}
	for _, t := range r.cfg.Tables {
		if t.Name != orElse(s.table, p.name) {
			continue
		}
		a.Idle, a.TableSize, a.TableType, a.KeyLength, a.Shared, a.Local = t.Expire, t.Size, t.Type, t.KeyLength, t.Shared, t.Local
		if t.Local {
			a.WhenReloaded = topology.Stays
		}
		if t.Shared {
			a.SeveralEquals = topology.Stays
		}
	}
	return a
}

// hashAffinity: a hash depends on the set of usable servers. Map-based, most keys move when it
// changes; consistent, only those of the server that left or came.
func hashAffinity(b balanceRule, pool *topology.Pool) topology.Affinity {
	h, _ := parseHashType(args(pool, "hash-type"))
	a := topology.Affinity{
		Carrier: b.key(), Pos: pool.Balance.Pos, Cookie: cookieOf(b.expr),
		WhenDown: downFate(pool, true), WhenDrained: topology.Moves, WhenGone: topology.Moves,
		WhenReloaded: topology.Stays, WhenScaled: topology.Moves, SeveralEquals: topology.Stays,
	}
	if h.consistent {
		a.WhenScaled = topology.MovesSome
	}
	switch b.algorithm {
	case "source":
		a.Method = topology.MethodSource
	case "uri", "url_param":
		a.Method = topology.MethodURL
	case "hdr":
		a.Method = topology.MethodHeader
	default:
		a.Method, a.Carrier = methodOf(b.expr), carrier(orElse(b.expr, "rdp_cookie("+b.name+")"))
	}
	return a
}

// methodOf classifies a sample expression by its fetch.
func methodOf(expr string) topology.Method {
	fetch, _, _ := strings.Cut(expr, ",")
	name, _, _ := strings.Cut(strings.TrimSpace(fetch), "(")
	switch {
	case cookieOf(expr) != "":
		return topology.MethodAppCookie
	case name == "src":
		return topology.MethodSource
	case strings.HasSuffix(name, "hdr") || strings.Contains(name, "hdr_"):
		return topology.MethodHeader
	case strings.HasPrefix(name, "url"), strings.HasPrefix(name, "path"), strings.HasPrefix(name, "base"), name == "query":
		return topology.MethodURL
	}
	return topology.MethodOther
}

// carrier names for people what an expression reads.
func carrier(expr string) string {
	fetch, _, more := strings.Cut(expr, ",")
	name, arg, _ := strings.Cut(strings.TrimSpace(fetch), "(")
	arg, _, _ = strings.Cut(strings.TrimSuffix(arg, ")"), ",")
	text := shownExpr(expr)
	switch methodOf(expr) {
	case topology.MethodAppCookie:
		text = "cookie " + arg
	case topology.MethodSource:
		text = "source address"
	case topology.MethodHeader:
		if !strings.HasPrefix(name, "res") {
			text = "header " + arg
		}
	case topology.MethodURL:
		if arg != "" {
			text = "query parameter " + arg
		}
	}
	if more && text != shownExpr(expr) {
		text += " (" + shownExpr(expr) + ")"
	}
	return text
}

// cookieOf returns the cookie that an expression reads, "" if it reads none.
func cookieOf(expr string) string {
	fetch, _, _ := strings.Cut(expr, ",")
	name, arg, ok := strings.Cut(strings.TrimSpace(fetch), "(")
	switch name {
	case "req.cook", "res.cook", "cook", "scook", "req.cook_val", "cookie", "hdr_cook":
		if ok {
			return strings.Trim(strings.TrimSuffix(arg, ")"), `"'`)
		}
	}
	return ""
}
