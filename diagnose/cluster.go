package diagnose

import (
	"slices"
	"strings"

	"limpet.dev/cause"
	"limpet.dev/session"
	"limpet.dev/topology"
)

// A cluster is breaks that look alike, with what the detectors say about them.
type cluster struct {
	key    string
	breaks []*settled
	ranked []candidate
}

// A candidate is a cause that some detector saw in a cluster.
type candidate struct {
	cause      cause.Cause
	clues      []cause.Clue
	score      float64
	confidence float64
}

// gather puts breaks together that happened in the same way under the same circumstances.
func (d *run) gather() []*cluster {
	byKey := map[string]*cluster{}
	var keys []string
	for _, b := range d.breaks {
		k := signature(&b.Break)
		c := byKey[k]
		if c == nil {
			c = &cluster{key: k}
			byKey[k] = c
			keys = append(keys, k)
		}
		c.breaks = append(c.breaks, b)
	}
	slices.Sort(keys)
	clusters := make([]*cluster, len(keys))
	for i, k := range keys {
		clusters[i] = byKey[k]
	}
	return clusters
}

// signature says in which way a session broke: by kind, by what happened to its instance, by what the
// balancer and the application said.
func signature(b *cause.Break) string {
	var s strings.Builder
	s.WriteString(b.Kind)
	switch {
	case b.Kind == "withheld":
		s.WriteString("/" + b.Method.String() + "/" + b.Reason)
		return s.String()
	case b.Kind == "mixed-up", b.Kind == "never-established":
		return s.String()
	case b.FromStarted != nil:
		s.WriteString("/restarted")
	case b.TakenOut():
		s.WriteString("/down")
	case b.Reloaded != nil && b.Moved:
		s.WriteString("/reload")
	case b.Moved:
		s.WriteString("/moved")
	default:
		s.WriteString("/held")
	}
	switch {
	case b.Moved && b.Node != b.GoodNode && b.GoodNode != "":
		s.WriteString("/other balancer")
	case b.Moved && b.Readdressed:
		s.WriteString("/other address")
	case !b.Moved && b.On != "" && b.KnownOn != "" && b.On != b.KnownOn:
		s.WriteString("/behind")
	}
	if b.Moved && b.Affinity == session.AffinityOff && b.Presented {
		s.WriteString("/off here")
	}
	if b.Moved && (b.Affinity == session.AffinityNone || b.Affinity == session.AffinityInvalid) {
		s.WriteString("/" + map[session.AffinityState]string{session.AffinityNone: "no cookie", session.AffinityInvalid: "invalid"}[b.Affinity])
	}
	switch {
	case unverified(b.Reason):
		s.WriteString("/unreadable")
	case b.Result&session.AppError != 0:
		s.WriteString("/error")
	}
	return s.String()
}

// unverified reports whether an application's reason is that it could not read or verify the credential.
func unverified(reason string) bool {
	switch reason {
	case "bad-signature", "unreadable", "invalid-signature", "decrypt-failed", "key-not-found":
		return true
	}
	return false
}

// explain has every detector look at every cluster and gives each break its cause.
func (d *run) explain(clusters []*cluster) {
	all := make([]*cause.Break, len(d.breaks))
	for i, b := range d.breaks {
		all[i] = &b.Break
	}
	for _, c := range clusters {
		ev := d.evidence(all)
		for _, b := range c.breaks {
			ev.Breaks = append(ev.Breaks, &b.Break)
		}
		c.ranked = d.rank(ev)
		for _, b := range c.breaks {
			if len(c.ranked) > 0 && c.ranked[0].confidence >= explained {
				b.cause = c.ranked[0].cause.ID
			} else {
				b.cause = Unexplained
			}
		}
	}
}

// Unexplained stands for the cause of a break that no hypothesis explains well enough.
const Unexplained = "unexplained"

// explained is the least confidence with which a cause is given to a break.
const explained = 0.35

// rank returns the causes that some clue speaks for, the likeliest first, with confidences that leave
// room for a cause that is not in the catalogue.
func (d *run) rank(ev *cause.Evidence) []candidate {
	w := weights.Readings[ReadingOf(d.Log, d.Events)]
	var ranked []candidate
	for _, c := range cause.All() {
		clues := c.Clues(ev)
		if len(clues) == 0 {
			continue
		}
		ranked = append(ranked, candidate{cause: c, clues: clues, score: w.Score(c.ID, clues)})
	}
	scores := make([]float64, len(ranked))
	for i, r := range ranked {
		scores[i] = r.score
	}
	for i, c := range w.Confidences(scores) {
		ranked[i].confidence = c
	}
	slices.SortStableFunc(ranked, func(a, b candidate) int {
		switch {
		case a.score > b.score:
			return -1
		case a.score < b.score:
			return 1
		}
		return strings.Compare(a.cause.ID, b.cause.ID)
	})
	return ranked
}

// evidence returns what detectors read, without the cluster's breaks.
func (d *run) evidence(all []*cause.Break) *cause.Evidence {
	ev := &cause.Evidence{
		All: all, People: d.Population, Counts: &d.counts, Names: d.Names, Notices: d.notices, Changes: d.Changes,
		From: at(d.counts.First), To: at(d.counts.Last), Declared: d.Declared, Events: d.Events, Facts: d.Facts,
		Storage: d.storage(), InCookie: d.inCookie(),
	}
	for _, t := range d.Tiers {
		if t.Config != nil {
			ev.Tiers = append(ev.Tiers, t.Config)
		}
	}
	ev.Pool = d.pool()
	d.surroundings(ev)
	return ev
}

// pool returns the pool that most requests went through, if its configuration is known.
func (d *run) pool() *topology.Pool {
	for _, t := range d.Tiers {
		if t.Config == nil {
			continue
		}
		if t.Pool != "" {
			if p, ok := t.Config.Pool(t.Pool); ok {
				return p
			}
		}
		var best *topology.Pool
		var most int64
		for i := range t.Config.Pools {
			p := &t.Config.Pools[i]
			if n := d.served(p); n > most {
				best, most = p, n
			}
		}
		if best != nil {
			return best
		}
		if only := onlyChoice(t.Config); only != nil {
			return only
		}
	}
	return nil
}

// onlyChoice returns the one pool with several instances, nil if there is none or more than one.
func onlyChoice(c *topology.Config) *topology.Pool {
	var only *topology.Pool
	for i := range c.Pools {
		if len(c.Pools[i].Instances) > 1 {
			if only != nil {
				return nil
			}
			only = &c.Pools[i]
		}
	}
	return only
}

// served returns how many follow-ups the members of a pool answered.
func (d *run) served(p *topology.Pool) int64 {
	var n int64
	for _, in := range p.Instances {
		for id := range d.Population.ByInstance {
			if id > 0 && d.Names.Instances.Name(uint16(id)) == in.Name {
				n += d.Population.ByInstance[id].Total()
			}
		}
	}
	return n
}

// shared reports whether all instances reach the state.
func (d *run) shared() bool {
	ev := cause.Evidence{Storage: d.storage()}
	return ev.SharedStorage()
}

// storage returns where the state lives: by the application's events, else as declared.
func (d *run) storage() string {
	seen := ""
	for id := 1; id < d.Names.Stores.Len(); id++ {
		seen = d.Names.Stores.Name(uint16(id))
	}
	if seen != "" {
		return seen
	}
	return d.Declared.Storage
}

// inCookie reports whether the session lives in the client's cookie.
func (d *run) inCookie() bool {
	if s := d.storage(); s != "" {
		return s == "cookie" || s == "signed-cookie"
	}
	return d.Population.Renews()
}
