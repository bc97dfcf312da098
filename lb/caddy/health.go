package caddy

import (
	"cmp"
	"time"

	"limpet.dev/topology"
)

// health says how an upstream is found to be down; nil: never. Active and passive checks may both be on: then the
// active one is told, with what the passive one observes.
func (p *proxy) health() *topology.HealthCheck {
	passive := p.passive.failFor > 0
	if p.active == nil {
		if !passive {
			return nil
		}
		return &topology.HealthCheck{
			Kind: "passive", Fall: max(1, p.passive.maxFails), Rise: 1, Interval: p.passive.failFor, Timeout: cmp.Or(p.dial, defaultDial),
			Expect: p.passive.status, Pos: p.passive.pos, RemoveMax: time.Duration(max(1, p.passive.maxFails)) * cmp.Or(p.dial, defaultDial),
			ReturnMax: p.passive.failFor,
		}
	}
	a := p.active
	h := &topology.HealthCheck{
		Kind: "http", Method: cmp.Or(a.method, "GET"), Path: a.uri, Expect: cmp.Or(a.status, "200"), Interval: cmp.Or(a.interval, defaultInterval),
		Timeout: cmp.Or(a.timeout, defaultTimeout), Fall: max(1, a.fails), Rise: max(1, a.passes), Pos: a.pos,
	}
	if passive {
		h.Observe, h.ErrorLimit = "dial errors "+p.passive.status, max(1, p.passive.maxFails)
	}
	fails, passes := time.Duration(h.Fall), time.Duration(h.Rise)
	h.RemoveMin, h.RemoveRefused, h.RemoveMax = (fails-1)*h.Interval, fails*h.Interval, fails*h.Interval+h.Timeout
	h.ReturnMin, h.ReturnMax = (passes-1)*h.Interval, passes*h.Interval
	return h
}
