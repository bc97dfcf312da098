package diagnose

import (
	"cmp"
	"slices"
	"time"

	"limpet.dev/cause"
	"limpet.dev/session"
)

// turns notes what was different about a broken request: its balancer, its client's address, its affinity value, and what the
// application itself says of where it ran.
func (d *run) turns(b *settled, tl *session.Timeline, i int) {
	v := &tl.Visits[i]
	b.Node, b.Pool = d.node(v.Input), d.Names.Pools.Name(v.Pool)
	b.SameAffinity = v.SameAffinity
	b.On, b.KnownOn = d.Names.Instances.Name(v.AppOn), d.Names.Instances.Name(v.KnownOn)
	b.Readdressed = v.Readdressed
	proven := false
	for k := i - 1; k >= 0; k-- {
		w := &tl.Visits[k]
		b.Pause = max(b.Pause, time.Duration(tl.Visits[k+1].Start-w.Start))
		if (w.Affinity != 0 || w.Flow.Affinity > session.AffinityNone) && !b.Presented {
			b.Presented, b.LastPresented = true, d.Names.Routes.Name(w.Route)
		}
		if b.SinceAffinity == 0 && (w.Affinity != 0 || w.NewAffin != 0 || w.Flow.Set == session.SetInserted) {
			b.SinceAffinity = time.Duration(v.Start - w.Start)
		}
		proven = proven || w.App&session.AppHit != 0 || w.SetNew || !d.Events && w.Outcome == session.Honoured
		b.Readdressed = b.Readdressed || !proven && w.Readdressed
	}
}

// node names the balancer that wrote an input, "" where nobody knows.
func (d *run) node(input uint16) string {
	i, ok := d.TierOf[input]
	if !ok || i >= len(d.Tiers) {
		return ""
	}
	return d.Tiers[i].Title()
}

// surroundings adds to the evidence what does not depend on the cluster: balancers, members, routes.
func (d *run) surroundings(ev *cause.Evidence) {
	for i := range d.Tiers {
		t := &d.Tiers[i]
		ev.Nodes = append(ev.Nodes, cause.Node{Name: t.Title(), Place: t.Place, Config: t.Config})
	}
	slices.SortStableFunc(ev.Nodes, func(a, b cause.Node) int { return cmp.Compare(a.Place, b.Place) })
	for _, m := range d.Members {
		ev.Members = append(ev.Members, cause.Member{Name: d.Names.Instances.Name(m.Instance), First: at(m.First), Last: at(m.Last)})
	}
	slices.SortStableFunc(ev.Members, func(a, b cause.Member) int { return a.First.Compare(b.First) })
	ev.Routes = d.routeFacts()
}

// routeFacts counts what the requests of broken sessions show of the affinity cookie.
func (d *run) routeFacts() map[string]*cause.RouteFacts {
	if d.routes != nil {
		return d.routes
	}
	d.routes = map[string]*cause.RouteFacts{}
	for _, b := range d.breaks {
		for k := range b.tl.Visits {
			v := &b.tl.Visits[k]
			name := d.Names.Routes.Name(v.Route)
			f := d.routes[name]
			if f == nil {
				f = &cause.RouteFacts{}
				d.routes[name] = f
			}
			switch {
			case v.Flow.Affinity == session.AffinityOff:
				f.Off++
			case v.Affinity != 0 || v.Flow.Affinity > session.AffinityNone:
				f.Presented++
			case v.Flow.Affinity == session.AffinityNone:
				f.None++
			}
			if v.NewAffin != 0 || v.Flow.Set == session.SetInserted {
				f.Set++
			}
		}
	}
	return d.routes
}
