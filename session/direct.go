package session

// A parser that knows where the fields of a usual line stand writes the record itself, with what follows; that saves filling an
// Event and reading it again. The results are those of Reduce, and tests of such parsers say so.

// Presented notes the credential that stands at base[from:to], raw, as the one presented.
func (d *Reducer) Presented(base []byte, from, to int, r *Record) {
	c := Credential{Raw: base[from:to]}
	if r.Presented = d.credential(c); d.deletes(c, r.Presented) {
		r.Presented = 0
	} else if to-from <= longestSpan {
		r.PresentedAt = Span{At: uint32(from), Len: uint16(to - from)}
	}
}

// Path returns the number of the route of a path, which has no query.
func (d *Reducer) Path(path []byte) uint16 { return d.routes.RouteID(path) }

// A Place is where a request came in and where it went.
type Place struct{ Listener, Pool, Instance uint16 }

// Place returns the numbers of these names.
func (d *Reducer) Place(listener, pool, instance []byte) Place {
	return Place{d.listeners.ID(listener), d.pools.ID(pool), d.instances.ID(instance)}
}

// Agent notes the User-Agent, which the source shows; an empty one is none.
func (d *Reducer) Agent(agent []byte, r *Record) {
	r.Agent = d.agents.ID(agent)
	if len(agent) == 0 {
		r.Flags |= NoAgent
	}
}
