package haproxy

import "slices"

// fwrr is HAProxy's weighted round robin (src/lb_fwrr.c): each server has a position in a window of
// weights; the lowest position is served next. Active servers and backups form a group each.
type fwrr struct {
	servers    []*server
	act, bck   *rrGroup
	allBackups bool
}

// rrState is a server's place in its group.
type rrState struct {
	weight              int // effective: 0 when it is not usable
	npos, lpos, rweight int
	key                 int
	in                  *rrTree // nil: in none
}

// rrTree keeps servers by key; equal keys stay in the order in which they came.
type rrTree struct{ servers []*server }

func (t *rrTree) insert(s *server, key int) {
	s.rr.key, s.rr.in = key, t
	n := len(t.servers)
	for n > 0 && t.servers[n-1].rr.key > key {
		n--
	}
	t.servers = slices.Insert(t.servers, n, s)
}

func (t *rrTree) first() *server {
	if len(t.servers) == 0 {
		return nil
	}
	return t.servers[0]
}

type rrGroup struct {
	curr, initial, nextTree            *rrTree
	currWeight, nextWeight, currentPos int
}

// Scales of src/lb_fwrr.c and include/haproxy/backend.h: effective weights are user weights × 16.
const (
	weightScale   = 16
	maxUserWeight = 256
	maxWeight     = maxUserWeight * weightScale
)

func newFWRR(servers []*server, allBackups bool) *fwrr {
	f := &fwrr{servers: servers, allBackups: allBackups, act: newGroup(), bck: newGroup()}
	for _, s := range servers {
		s.rr = rrState{}
		if s.usable() {
			s.rr.weight = s.Weight * weightScale
			f.group(s).nextWeight += s.rr.weight
		}
	}
	for _, g := range []*rrGroup{f.act, f.bck} {
		g.currWeight, g.currentPos = g.nextWeight, g.nextWeight
	}
	for _, s := range servers {
		if s.rr.weight > 0 {
			g := f.group(s)
			g.initial.insert(s, maxWeight-s.rr.weight)
		}
	}
	return f
}

func newGroup() *rrGroup {
	return &rrGroup{curr: &rrTree{}, initial: &rrTree{}, nextTree: &rrTree{}}
}

func (f *fwrr) group(s *server) *rrGroup {
	if s.Backup {
		return f.bck
	}
	return f.act
}

// changed moves a server in or out when it has become usable or ceased to be.
func (f *fwrr) changed(s *server) {
	g := f.group(s)
	switch was := s.rr.weight > 0; {
	case was && !s.usable():
		g.nextWeight -= s.rr.weight
		s.rr.weight = 0
		g.dequeue(s)
		s.rr.in = nil
	case !was && s.usable():
		s.rr.weight = s.Weight * weightScale
		g.nextWeight += s.rr.weight
		g.take(s)
		s.rr.npos = g.currentPos + (g.nextWeight+g.currWeight-g.currentPos)/s.rr.weight
		g.queue(s)
	}
}

func (g *rrGroup) dequeue(s *server) {
	if t := s.rr.in; t != nil {
		if i := slices.Index(t.servers, s); i >= 0 {
			t.servers = slices.Delete(t.servers, i, i+1)
		}
	}
}

// take prepares a server that leaves its tree.
func (g *rrGroup) take(s *server) {
	switch s.rr.in {
	case g.initial:
		s.rr.npos, s.rr.rweight = 0, 0
	case g.nextTree:
		s.rr.npos += g.currWeight
	case nil:
		s.rr.npos = g.currentPos
	}
}

// queue puts a server where its position belongs: the present window, or the next one.
func (g *rrGroup) queue(s *server) {
	if s.rr.npos >= 2*g.currWeight || s.rr.npos >= g.currWeight+g.nextWeight {
		s.rr.npos -= g.currWeight
		g.nextTree.insert(s, maxWeight-s.rr.weight)
		return
	}
	g.curr.insert(s, maxUserWeight*s.rr.npos+(maxWeight+s.rr.rweight-s.rr.weight)/weightScale)
}

func (g *rrGroup) pick() *server {
	s1 := g.curr.first()
	if s1 != nil && s1.rr.npos <= g.currentPos {
		return s1
	}
	if s2 := g.initial.first(); s2 != nil {
		s2.rr.npos, s2.rr.rweight = 0, 0
		return s2
	}
	return s1
}

// advance computes a server's next position.
func (g *rrGroup) advance(s *server) {
	w := s.rr.weight
	if s.rr.npos == 0 {
		s.rr.npos = g.currentPos
	}
	s.rr.lpos = s.rr.npos
	s.rr.npos += g.nextWeight / w
	s.rr.rweight += g.nextWeight % w
	if s.rr.rweight >= w {
		s.rr.rweight -= w
		s.rr.npos++
	}
}

// next returns the server of the next request. Without active servers the first usable backup
// serves alone, or all of them take turns with "option allbackups".
func (f *fwrr) next(_ *request, avoid *server) *server {
	g := f.act
	if !f.any(false) {
		if !f.allBackups {
			return firstBackup(f.servers)
		}
		g = f.bck
	}
	if g.nextWeight == 0 {
		return nil
	}
	return g.next(avoid)
}

func (f *fwrr) any(backup bool) bool {
	return slices.ContainsFunc(f.servers, func(s *server) bool { return s.usable() && s.Backup == backup })
}

func firstBackup(servers []*server) *server {
	for _, s := range servers {
		if s.Backup && s.usable() {
			return s
		}
	}
	return nil
}

func (g *rrGroup) next(avoid *server) *server {
	if g.currWeight == 0 {
		g.currentPos, g.currWeight = g.nextWeight, g.nextWeight
	}
	var avoided, chosen *server
	switched := false
	for chosen == nil {
		s := g.pick()
		if s == nil {
			if switched {
				chosen = avoided // only the avoided one is left
				break
			}
			switched = true
			g.initial, g.nextTree = g.nextTree, g.initial
			g.currWeight, g.currentPos = g.nextWeight, g.nextWeight
			continue
		}
		g.advance(s)
		g.dequeue(s)
		g.currentPos++
		if s == avoid && avoided == nil {
			avoided = s
			s.rr.in = nil
			continue
		}
		chosen = s
	}
	if chosen != nil {
		g.queue(chosen)
	}
	switch {
	case avoided == nil || avoided == chosen:
	case switched: // its place was lost with the old window, only its weight counts
		g.initial.insert(avoided, maxWeight-avoided.rr.weight)
	default:
		g.queue(avoided)
	}
	return chosen
}
