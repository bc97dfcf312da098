package session

// A brief is a visit as a healthy session remembers it: enough to show it as evidence later.
type brief struct {
	start    int64
	durUs    uint32
	line     uint32
	instance uint16
	route    uint16
	status   uint16
	input    uint8
	method   Method
	affinity AffinityState
	set      AffinitySet
	routing  Routing
	outcome  Outcome
	app      AppFacts
	bits     uint8
}

const (
	briefAffinity uint8 = 1 << iota // an affinity value was presented
	briefNewAffin                   // one was set
	briefForeign
	briefRedispatched
	briefSetNew
	briefRolled
	briefReaddressed
)

// shorten keeps what matters of a visit.
func (v *Visit) shorten() brief {
	b := brief{start: v.Start, durUs: v.DurUs, line: v.Line, instance: v.Instance, route: v.Route, status: v.Status, input: uint8(min(v.Input, 255)),
		method: v.Method, affinity: v.Flow.Affinity, set: v.Flow.Set, routing: v.Routing, outcome: v.Outcome, app: v.App}
	if v.Affinity != 0 {
		b.bits |= briefAffinity
	}
	if v.NewAffin != 0 {
		b.bits |= briefNewAffin
	}
	if v.Flags&Foreign != 0 {
		b.bits |= briefForeign
	}
	if v.Flow.Redispatched {
		b.bits |= briefRedispatched
	}
	if v.SetNew {
		b.bits |= briefSetNew
	}
	if v.Rolled {
		b.bits |= briefRolled
	}
	if v.Readdressed {
		b.bits |= briefReaddressed
	}
	return b
}

// visit writes a brief out again.
func (b *brief) visit(agent uint16) Visit {
	v := Visit{Start: b.start, DurUs: b.durUs, Line: b.line, Instance: b.instance, Route: b.route, Status: b.status, Input: uint16(b.input),
		Method: b.method, Routing: b.routing, Outcome: b.outcome, App: b.app, Agent: agent, Bytes: -1, Cart: -1}
	if b.input == 255 {
		v.Input = 1<<16 - 1 // beyond the first 255 inputs: not known any more
	}
	v.Flow.Affinity, v.Flow.Set = b.affinity, b.set
	v.Flow.Redispatched = b.bits&briefRedispatched != 0
	if b.bits&briefAffinity != 0 {
		v.Affinity = 1
	}
	if b.bits&briefNewAffin != 0 {
		v.NewAffin = 1
	}
	if b.bits&briefForeign != 0 {
		v.Flags |= Foreign
	}
	v.SetNew = b.bits&briefSetNew != 0
	v.Rolled = b.bits&briefRolled != 0
	v.Readdressed = b.bits&briefReaddressed != 0
	return v
}

// A move is the pair of requests between which a session moved first.
type move struct{ before, after brief }

// end returns when the answer was complete.
func (b *brief) end() int64 { return b.start + int64(b.durUs)*1000 }
