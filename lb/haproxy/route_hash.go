package haproxy

import (
	"cmp"
	"encoding/binary"
	"slices"
)

// hashed is map-based or consistent hashing, and static-rr, which walks the map.
type hashed struct {
	r      *router
	slots  []*server // map-based
	points []point   // consistent

	// Where requests without a key go on: the slot to use next, or the point that was used last.
	turn int
	last *point
}

type point struct {
	key uint32
	srv *server
}

func (h *hashed) changed(*server) { h.rebuild() }

func (h *hashed) rebuild() {
	set := usableSet(h.r.servers, h.r.allBackups)
	h.slots, h.points = nil, nil
	switch {
	case h.consistent():
		h.points = h.ring(set)
		h.moveOn()
	case len(set) > 0:
		h.slots = slotMap(h.r.servers, set)
	}
}

func (h *hashed) consistent() bool {
	return h.r.hash.consistent && h.r.balance.algorithm != "static-rr"
}

// slotMap is the map of src/lb_map.c: one slot per unit of weight over the common divisor of all
// configured weights, spread so that each server's slots lie evenly.
func slotMap(all, set []*server) []*server {
	divisor := 0
	for _, s := range all {
		divisor = gcd(divisor, s.Weight)
	}
	total := 0
	for _, s := range set {
		total += s.Weight / divisor
	}
	score := make([]int, len(set))
	slots := make([]*server, total)
	for i := range slots {
		best, most := 0, 0
		for j, s := range set {
			score[j] += s.Weight / divisor
			if v := (score[j] + total) / total; v > most || j == 0 {
				best, most = j, v
			}
		}
		slots[i] = set[best]
		score[best] -= total
	}
	return slots
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// ring lays out 16 points per unit of weight (src/lb_chash.c). Points with equal keys stay in the
// order of the servers.
func (h *hashed) ring(set []*server) []point {
	var points []point
	for _, s := range set {
		base := h.base(s)
		for i := range s.Weight * weightScale {
			points = append(points, point{fullHash(base + uint32(i)), s})
		}
	}
	slices.SortStableFunc(points, func(a, b point) int { return cmp.Compare(a.key, b.key) })
	return points
}

// base is where a server's points come from: its number, or its address (hash-key). Versions 3.0 to
// 3.2 mixed the number first (commit faa8c3e02), which commit 03e9a5a1e of October 2025 undid.
func (h *hashed) base(s *server) uint32 {
	kind := "id"
	if k, ok := s.Settings["hash-key"]; ok && len(k.Args) > 0 {
		kind = k.Args[0]
	}
	switch {
	case kind == "id32":
		return fullHash(swap(uint32(s.ID)))
	case kind == "guid":
		if g, ok := s.Settings["guid"]; ok && len(g.Args) > 0 {
			return xxh32([]byte(g.Args[0]), 0)
		}
	case kind == "addr" && s.literal:
		return addressKey(s, 0)
	case kind == "addr-port" && s.literal:
		return addressKey(s, fullHash(uint32(s.addr.Port())))
	}
	if mixedIDs(h.r.version) {
		return fullHash(uint32(s.ID))
	}
	return uint32(s.ID) * 4096
}

func swap(v uint32) uint32 {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], v)
	return binary.LittleEndian.Uint32(b[:])
}

func addressKey(s *server, seed uint32) uint32 {
	a := s.addr.Addr().Unmap()
	if a.Is4() {
		b := a.As4()
		return fullHash(seed + binary.LittleEndian.Uint32(b[:]))
	}
	b := a.As16()
	return xxh32(b[:], seed)
}

// mixedIDs reports whether a version has the regression. Which of the 3.0, 3.1 and 3.2 patch releases
// carry the fix is not recorded; the first releases of these branches do not.
func mixedIDs(version string) bool {
	return version != "" && compareVersions(version, "3.0") >= 0 && compareVersions(version, "3.3") < 0
}

// next hashes the request's key. A request without a key takes the next slot or point in turn.
func (h *hashed) next(q *request, avoid *server) *server {
	if len(h.slots)+len(h.points) == 0 {
		return nil
	}
	if h.r.balance.algorithm != "static-rr" {
		if sum, ok := h.r.requestHash(q); ok {
			return h.at(sum, avoid)
		}
	}
	if h.slots != nil {
		return h.nextSlot(avoid)
	}
	return h.nextPoint(avoid)
}

func (h *hashed) at(sum uint32, avoid *server) *server {
	if h.slots != nil {
		return h.slots[sum%uint32(len(h.slots))]
	}
	p := h.points
	next, _ := slices.BinarySearchFunc(p, sum, func(p point, k uint32) int { return cmp.Compare(p.key, k) })
	next %= len(p)
	prev := (next + len(p) - 1) % len(p)
	i := next
	if sum-p[prev].key <= p[next].key-sum {
		i = prev
	}
	for range p {
		if p[i].srv != avoid {
			break
		}
		i = (i + 1) % len(p)
	}
	return p[i].srv
}

// nextSlot is map_get_server_rr of src/lb_map.c.
func (h *hashed) nextSlot(avoid *server) *server {
	n := len(h.slots)
	if h.turn >= n {
		h.turn = 0
	}
	i := h.turn
	for range n {
		s := h.slots[i%n]
		i++
		if s != avoid {
			h.turn = (i-1)%n + 1
			return s
		}
	}
	return avoid
}

// moveOn goes from a point that has left the ring to the one after it, which then counts as
// used (seen on 2.6.12, though not in every case).
func (h *hashed) moveOn() {
	if h.last == nil || slices.Contains(h.points, *h.last) {
		return
	}
	i, _ := slices.BinarySearchFunc(h.points, h.last.key, func(p point, k uint32) int { return cmp.Compare(p.key, k) })
	if h.last = nil; i < len(h.points) {
		h.last = &point{h.points[i].key, h.points[i].srv}
	}
}

// nextPoint is chash_get_next_server of src/lb_chash.c.
func (h *hashed) nextPoint(avoid *server) *server {
	n, i := len(h.points), 0
	if h.last != nil {
		i = slices.Index(h.points, *h.last) + 1
	}
	for range n {
		p := h.points[i%n]
		i++
		if p.srv != avoid {
			h.last = &p
			return p.srv
		}
	}
	return avoid
}
