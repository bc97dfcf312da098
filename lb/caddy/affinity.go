package caddy

import (
	"cmp"

	"limpet.dev/topology"
)

// affinity returns the rule that brings a client back: Caddy has one policy a proxy.
func (p *proxy) affinity() []topology.Affinity {
	if !p.policy.hashed() || len(p.upstreams) < 2 && p.dynamic == "" {
		return nil
	}
	a := topology.Affinity{
		Carrier: p.policy.key(), Pos: cmp.Or(p.policyPos, p.pos), WhenDown: topology.MovesBack, WhenDrained: topology.FateUnknown,
		WhenGone: topology.Moves, WhenReloaded: topology.Stays, WhenScaled: topology.MovesSome, SeveralEquals: topology.Stays,
	}
	switch p.policy.name {
	case "cookie":
		a.Method, a.Cookie, a.Path, a.Absolute = topology.MethodInsert, p.policy.cookie, "/", p.policy.maxAge
		a.HTTPOnly, a.SameSite = true, "Lax" // since 2.11.3; with TLS Secure and SameSite=None since 2.8
		a.WhenDown, a.WhenScaled = topology.Moves, topology.Stays
	case "ip_hash", "client_ip_hash":
		a.Method = topology.MethodSource
	case "uri_hash", "query":
		a.Method = topology.MethodURL
	case "header":
		a.Method = topology.MethodHeader
	}
	// Nothing finds a failed upstream: its clients get errors until it is back.
	if p.active == nil && p.passive.failFor == 0 {
		a.WhenDown = topology.Fails
	}
	return []topology.Affinity{a}
}
