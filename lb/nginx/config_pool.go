package nginx

import (
	"fmt"
	"slices"
	"strings"

	"limpet.dev/topology"
)

var errNumber = fmt.Errorf("not a value that can be used")

// finishPools completes the pools with what the places say that use them: time limits, retries, the
// cookies that they hand out.
func (r *reader) finishPools() {
	for i := 0; i < len(r.groups); i++ { // following a map may add addresses
		g := r.groups[i]
		uses := r.usesOf(g)
		var u *use
		if len(uses) > 0 {
			u = uses[0]
		}
		g.Balance = g.balance()
		for i := range g.Instances {
			in := &g.Instances[i]
			single := len(g.Instances) == 1
			switch {
			case in.Check == nil:
			case single: // the only server is never given up
				in.Check = nil
			default:
				r.passive(g, in.Check, u)
			}
			for _, u := range uses {
				if h := r.active(u); h != nil {
					in.Check = h
				}
			}
		}
		g.Retry = r.retry(g, u)
		g.Affinity = r.affinity(g, uses)
		r.keepPlace(g, uses)
		if g.undone != nil {
			r.cfg.Unknown = append(r.cfg.Unknown, topology.Unknown{Pos: g.undone.pos, Affinity: true,
				Text: g.undone.name + " (without effect: " + g.method.name + " stands after it and replaces it)"})
		}
		r.cfg.Pools = append(r.cfg.Pools, g.Pool)
	}
}

// usesOf returns the places that send requests to a group.
func (r *reader) usesOf(g *group) []*use {
	var out []*use
	for _, u := range r.uses {
		if slices.ContainsFunc(u.targets, func(t target) bool { return t.pool == g.Name && u.http == g.http }) {
			out = append(out, u)
		}
	}
	return out
}

// balance says how a client without affinity gets a server.
func (g *group) balance() topology.Balance {
	b := topology.Balance{Algorithm: "round robin", Pos: g.Pos}
	if g.implicit && len(g.Instances) == 0 {
		b.Algorithm = "the request names the instance"
	}
	if m := g.method; m != nil {
		b.Algorithm, b.Pos = m.name, m.pos
		switch m.name {
		case "hash", "consistent_hash":
			b.Key, b.Hash = m.arg(0), "map-based"
			if m.arg(1) == "consistent" || m.name == "consistent_hash" {
				b.Hash = "consistent"
			}
		case "ip_hash":
			b.Key, b.Hash = "$remote_addr", "map-based"
		default:
			b.Algorithm = strings.Join(append([]string{m.name}, m.args...), " ")
		}
	}
	return b
}

// retry says what happens when a server does not answer: proxy_next_upstream and its kin.
func (r *reader) retry(g *group, u *use) topology.Retry {
	out := topology.Retry{Attempts: max(0, len(g.Instances)-1), Redispatch: len(g.Instances) > 1, On: []string{"error", "timeout"}, Pos: g.Pos}
	if u == nil {
		return out
	}
	next := u.prefix + "_next_upstream"
	if d := u.scope.last(next); d != nil {
		out.On, out.Pos = d.args, d.pos
		off := slices.Contains(d.args, "off")
		if off {
			out.On, out.Attempts, out.Redispatch = nil, 0, false
		}
	}
	if d := u.scope.last(next + "_tries"); d != nil && number(d.arg(0)) > 0 {
		out.Attempts = min(out.Attempts, number(d.arg(0))-1)
		out.Redispatch = out.Redispatch && out.Attempts > 0
		out.Pos = d.pos
	}
	return out
}
