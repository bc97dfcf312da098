package session

import (
	"slices"
	"time"
)

// mergeClient brings together what a capture of the client and a balancer's log say of one request: the log's word on
// routing, the capture's on what the client held and why it kept it back.
func (j *Joiner) mergeClient(p, r *Record, base []byte) {
	if p.Has&ClientSide == 0 {
		j.addClient(p, r, base)
		return
	}
	client := *p
	*p = *r
	p.PresentedAt, p.SetAt = j.copySpan(r.PresentedAt, base), j.copySpan(r.SetAt, base)
	if client.App&AppSeen != 0 {
		j.mergeApp(p, &client, j.base, true)
	}
	j.addClient(p, &client, j.base)
}

// addClient adds a capture's view to a balancer's.
func (j *Joiner) addClient(p, client *Record, base []byte) {
	if p.Has&HasSession == 0 && p.Presented == 0 {
		p.Presented, p.PresentedAt = client.Presented, j.copySpan(client.PresentedAt, base)
	}
	if p.Has&HasSetSession == 0 && p.Set == 0 {
		p.Set, p.SetAt = client.Set, j.copySpan(client.SetAt, base)
	}
	p.Has |= client.Has &^ ClientSide
	p.Flags |= client.Flags & (Foreign | ToLogin | Cleared)
	if p.Agent == 0 {
		p.Agent = client.Agent
	}
	if client.Held != 0 {
		p.Held, p.Reason = client.Held, client.Reason
		p.Presented, p.PresentedAt = 0, Span{} // the server was shown another one, or none
	}
}

// momentWindow is how far the clocks of a client and a balancer may lie apart for a request without an id.
const momentWindow = int64(2 * time.Second)

// moment is what joins requests without an id: the credential that travelled, the route, the answer.
type moment struct {
	credential    uint64
	route, status uint16
}

func momentOf(r *Record) moment {
	m := moment{r.Presented, r.Route, r.Status}
	if m.credential == 0 {
		m.credential = r.Set
	}
	return m
}

// byMoment joins waiting requests of captures, which no id joined, with those of logs: the nearest one in time with the same
// credential, route and status. Without a credential only a single candidate is taken.
func (j *Joiner) byMoment() {
	var client []int
	for i := range j.pending {
		if r := &j.pending[i]; r.Kind == Request && r.Has&ClientSide != 0 {
			client = append(client, i)
		}
	}
	if len(client) == 0 || len(client) == len(j.pending) {
		return
	}
	logged := map[moment][]int{}
	for i := range j.pending {
		if r := &j.pending[i]; r.Kind == Request && r.Has&ClientSide == 0 {
			m := momentOf(r)
			logged[m] = append(logged[m], i)
		}
	}
	joined := map[int]bool{}
	for _, i := range client {
		c := &j.pending[i]
		if at := j.nearest(c, logged[momentOf(c)], joined); at >= 0 {
			joined[i], joined[at] = true, true
			j.addClient(&j.pending[at], c, j.base)
		}
	}
	kept := j.pending[:0]
	for i := range j.pending {
		if r := &j.pending[i]; !joined[i] || r.Has&ClientSide == 0 {
			kept = append(kept, *r)
		}
	}
	j.pending = kept
}

// nearest finds the log's request that lies nearest to a capture's, -1 for none.
func (j *Joiner) nearest(c *Record, candidates []int, taken map[int]bool) int {
	near := slices.DeleteFunc(slices.Clone(candidates), func(i int) bool {
		d := j.pending[i].Start - c.Start
		return taken[i] || max(d, -d) > momentWindow
	})
	if len(near) == 0 || momentOf(c).credential == 0 && len(near) > 1 {
		return -1
	}
	return slices.MinFunc(near, func(a, b int) int {
		x, y := j.pending[a].Start-c.Start, j.pending[b].Start-c.Start
		return int(max(x, -x)/1000 - max(y, -y)/1000)
	})
}
