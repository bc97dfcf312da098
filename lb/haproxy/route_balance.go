package haproxy

import "slices"

// newChooser returns the balance algorithm in its first state.
func (r *router) newChooser() chooser {
	switch r.balance.algorithm {
	case "roundrobin", "dispatch":
		return newFWRR(r.servers, r.allBackups)
	case "leastconn":
		return &leastUsed{servers: r.servers, allBackups: r.allBackups, used: make([]int, len(r.servers))}
	case "first":
		return &firstFree{r.servers, r.allBackups}
	case "random":
		return &randomDraw{servers: r.servers, allBackups: r.allBackups, seed: sdbm([]byte(r.pool.Name))}
	}
	h := &hashed{r: r}
	h.rebuild()
	return h
}

// usableSet returns the servers that take part: the active ones, else the first usable backup or all of them.
func usableSet(servers []*server, allBackups bool) []*server {
	var set []*server
	for _, s := range servers {
		if s.usable() && !s.Backup {
			set = append(set, s)
		}
	}
	if len(set) > 0 {
		return set
	}
	for _, s := range servers {
		if s.usable() && s.Backup {
			set = append(set, s)
			if !allBackups {
				break
			}
		}
	}
	return set
}

// leastUsed stands for leastconn where each request ends before the next: the server that was
// used longest ago, in proportion to its weight.
type leastUsed struct {
	servers    []*server
	allBackups bool
	used       []int
	clock      int
}

// changed puts a server that comes back behind the others.
func (l *leastUsed) changed(s *server) {
	if s.usable() {
		l.clock++
		l.used[s.index] = l.clock
	}
}

func (l *leastUsed) next(_ *request, avoid *server) *server {
	var best *server
	for _, s := range usableSet(l.servers, l.allBackups) {
		if s != avoid && (best == nil || l.used[s.index] < l.used[best.index]) {
			best = s
		}
	}
	if best == nil && avoid != nil && avoid.usable() {
		best = avoid
	}
	if best != nil {
		l.clock++
		l.used[best.index] = l.clock
	}
	return best
}

// firstFree is "balance first" below every maxconn: the usable server with the lowest id.
type firstFree struct {
	servers    []*server
	allBackups bool
}

func (f *firstFree) changed(*server) {}

func (f *firstFree) next(_ *request, avoid *server) *server {
	var best *server
	for _, s := range usableSet(f.servers, f.allBackups) {
		if s != avoid && (best == nil || s.ID < best.ID) {
			best = s
		}
	}
	return orElse(best, avoid)
}

// randomDraw is "balance random": a weighted draw, repeatable because it is seeded by the pool's
// name. HAProxy draws twice and takes the less loaded server; without load one draw is the same.
type randomDraw struct {
	servers    []*server
	allBackups bool
	seed       uint32
}

func (d *randomDraw) changed(*server) {}

func (d *randomDraw) next(_ *request, avoid *server) *server {
	set := usableSet(d.servers, d.allBackups)
	if len(set) > 1 {
		set = slices.DeleteFunc(set, func(s *server) bool { return s == avoid })
	}
	total := 0
	for _, s := range set {
		total += s.Weight
	}
	if total == 0 {
		return nil
	}
	d.seed++
	n := int(fullHash(d.seed) % uint32(total))
	for _, s := range set {
		if n -= s.Weight; n < 0 {
			return s
		}
	}
	return nil
}
