package nginx

import "limpet.dev/topology"

// A peer is a server with its run-time state (src/http/ngx_http_upstream_round_robin.h).
type peer struct {
	topology.Instance
	up, drain          bool
	current, effective int   // of smooth weighted round robin
	fails              int   // failed attempts that count
	accessed, checked  int64 // seconds: of the last failure, of the last check
	maxFails           int
	failTimeout        int64
}

// peers are the primaries or the backups of an upstream.
type peers struct {
	list   []*peer
	total  int // of all weights, servers that are down included
	single bool
	backup *peers
}

func newPeers(pool *topology.Pool, backup bool) *peers {
	s := &peers{}
	for _, in := range pool.Instances {
		if in.Backup != backup {
			continue
		}
		p := &peer{Instance: in, up: !in.Disabled, effective: in.Weight}
		_, p.drain = in.Settings["drain"]
		if c := in.Check; c != nil && c.Kind == "passive" {
			p.maxFails, p.failTimeout = c.Fall, int64(c.Interval.Seconds())
		}
		s.list = append(s.list, p)
		s.total += in.Weight
	}
	return s
}

// able counts the servers that are not marked as down in the configuration.
func (s *peers) able() int {
	n := 0
	for _, p := range s.list {
		if !p.Disabled {
			n++
		}
	}
	return n
}

// usable reports whether a method may choose p for a request.
func (p *peer) usable(q *request) bool {
	return !q.tried[p] && p.up && !p.drain && !p.failed(q.now)
}

// draining reports whether stickiness may still lead to p although methods do not choose it.
func (p *peer) draining(q *request) bool {
	return p.drain && p.up && !q.tried[p] && !p.failed(q.now)
}

func (p *peer) failed(now int64) bool {
	return p.maxFails > 0 && p.fails >= p.maxFails && now-p.checked <= p.failTimeout
}

// touch notes that p was chosen: after fail_timeout the request is its test.
func (p *peer) touch(now int64) {
	if now-p.checked > p.failTimeout {
		p.checked = now
	}
}

// fail notes a failed attempt.
func (p *peer) fail(now int64) {
	p.fails++
	p.accessed, p.checked = now, now
	if p.maxFails > 0 {
		p.effective -= p.Weight / p.maxFails
	}
	p.effective = max(p.effective, 0)
}

// succeed notes an answer: a server that was tested and passed is as good as new.
func (p *peer) succeed() {
	if p.accessed < p.checked {
		p.fails = 0
	}
}

// roundRobin is nginx's smooth weighted round robin, with the backups when no primary is left.
type roundRobin struct{ peers *peers }

func (rr roundRobin) next(q *request) *peer {
	if rr.peers.single {
		if p := rr.peers.list[0]; p.up && !q.tried[p] {
			return p
		}
		return nil
	}
	if p := rr.peers.smooth(q, nil); p != nil {
		return p
	}
	if rr.peers.backup != nil {
		return rr.peers.backup.smooth(q, nil)
	}
	return nil
}

// smooth raises each usable server's weight and takes the highest (ngx_http_upstream_get_peer); only,
// if given, says which servers take part.
func (s *peers) smooth(q *request, only func(*peer) bool) *peer {
	var best *peer
	total := 0
	for _, p := range s.list {
		if !p.usable(q) || only != nil && !only(p) {
			continue
		}
		p.current += p.effective
		total += p.effective
		if p.effective < p.Weight {
			p.effective++
		}
		if best == nil || p.current > best.current {
			best = p
		}
	}
	if best != nil {
		best.current -= total
		best.touch(q.now)
	}
	return best
}

// follow counts a request that stickiness leads to p as p's turn, one in a row at most
// (ngx_http_upstream_get_peer of 1.29.6 and later).
func (s *peers) follow(q *request, led *peer) {
	if led.current <= led.Weight-s.total {
		return
	}
	total := 0
	for _, p := range s.list {
		if p != led && !p.usable(q) {
			continue
		}
		p.current += p.effective
		total += p.effective
		if p.effective < p.Weight {
			p.effective++
		}
	}
	led.current -= total
}
