package nginx

import (
	"encoding/binary"
	"hash/crc32"
	"slices"
	"strconv"
	"strings"
)

// maxDraws is how many unusable servers a hash meets before round robin takes over.
const maxDraws = 20

// ipHash is ip_hash (src/http/modules/ngx_http_upstream_ip_hash_module.c): three octets of an IPv4
// address, all of an IPv6 one.
type ipHash struct {
	peers *peers
	rr    roundRobin
}

func (h *ipHash) next(q *request) *peer {
	if q.draws > maxDraws || h.peers.single || h.peers.total == 0 {
		return h.rr.next(q)
	}
	if !q.begun {
		q.begun, q.hash = true, 89
	}
	key := []byte{0, 0, 0}
	if a := q.Client; a.Is4() {
		b := a.As4()
		key = b[:3]
	} else if a.Is6() {
		b := a.As16()
		key = b[:]
	}
	for {
		for _, b := range key {
			q.hash = (q.hash*113 + uint32(b)) % 6271
		}
		if p := h.peers.at(int(q.hash) % h.peers.total); p.usable(q) {
			p.touch(q.now)
			return p
		}
		if q.draws++; q.draws > maxDraws {
			return h.rr.next(q)
		}
	}
}

// at returns the server that has the place w when servers stand side by side as wide as their weights.
func (s *peers) at(w int) *peer {
	for _, p := range s.list {
		if w < p.Weight {
			return p
		}
		w -= p.Weight
	}
	return s.list[len(s.list)-1]
}

// mapHash is "hash KEY" (ngx_http_upstream_hash_module.c): CRC-32, and on each further draw of the draw's
// number and the key.
type mapHash struct {
	peers *peers
	rr    roundRobin
	key   string
}

func (h *mapHash) next(q *request) *peer {
	key := q.text(h.key)
	if q.draws > maxDraws || h.peers.single || h.peers.total == 0 || key == "" {
		return h.rr.next(q)
	}
	for {
		prefix := ""
		if q.rehash > 0 {
			prefix = strconv.Itoa(q.rehash)
		}
		q.hash += crc32.ChecksumIEEE([]byte(prefix+key)) >> 16 & 0x7fff
		q.rehash++
		if p := h.peers.at(int(q.hash) % h.peers.total); p.usable(q) {
			p.touch(q.now)
			return p
		}
		if q.draws++; q.draws > maxDraws {
			return h.rr.next(q)
		}
	}
}

// ringHash is "hash KEY consistent": 160 points for each unit of weight, from the text of the server's
// address.
type ringHash struct {
	peers  *peers
	rr     roundRobin
	key    string
	points []point
}

type point struct {
	hash   uint32
	server string
}

const pointsPerWeight = 160

func newRing(list []*peer) []point {
	var points []point
	for _, p := range list {
		host, port := ringName(p.Settings["server"].Args, p.Address)
		var last [4]byte
		for range p.Weight * pointsPerWeight {
			h := crc32.ChecksumIEEE(slices.Concat([]byte(host), []byte{0}, []byte(port), last[:]))
			points = append(points, point{h, host + "\x00" + port})
			binary.LittleEndian.PutUint32(last[:], h)
		}
		if len(points) > 1<<22 {
			break // weights far beyond real ones
		}
	}
	slices.SortStableFunc(points, func(a, b point) int {
		switch {
		case a.hash < b.hash:
			return -1
		case a.hash > b.hash:
			return 1
		}
		return 0
	})
	return slices.CompactFunc(points, func(a, b point) bool { return a.hash == b.hash })
}

// ringName splits the server's text as written at the colon before its port, if there is one.
func ringName(written []string, address string) (host, port string) {
	text := address
	if len(written) > 0 {
		text = written[0]
	}
	if path, ok := strings.CutPrefix(text, "unix:"); ok {
		return path, ""
	}
	n := len(text)
	for n > 0 && text[n-1] >= '0' && text[n-1] <= '9' {
		n--
	}
	if n > 0 && text[n-1] == ':' {
		return text[:n-1], text[n:]
	}
	return text, ""
}

func (h *ringHash) next(q *request) *peer {
	key := q.text(h.key)
	if q.draws > maxDraws || h.peers.single || len(h.points) == 0 || key == "" {
		return h.rr.next(q)
	}
	if !q.begun {
		q.begun = true
		hash := crc32.ChecksumIEEE([]byte(key))
		i, _ := slices.BinarySearchFunc(h.points, hash, func(p point, k uint32) int {
			if p.hash < k {
				return -1
			}
			return 1
		})
		q.hash = uint32(i)
	}
	for {
		server := h.points[int(q.hash)%len(h.points)].server
		p := h.peers.smooth(q, func(p *peer) bool {
			host, port := ringName(p.Settings["server"].Args, p.Address)
			return host+"\x00"+port == server
		})
		if p != nil {
			return p
		}
		q.hash++
		if q.draws++; q.draws > maxDraws {
			return h.rr.next(q)
		}
	}
}

// randomly is "random" and "random two": draws by weight. With no open requests to compare, the
// second of two draws is taken, as nginx does.
type randomly struct {
	peers *peers
	rr    roundRobin
	two   bool
}

func (m *randomly) next(q *request) *peer {
	if m.peers.total == 0 || m.peers.single {
		return m.rr.next(q)
	}
	var first *peer
	for range maxDraws {
		p := m.peers.at(q.r.rng.IntN(m.peers.total))
		if p == first || !p.usable(q) {
			continue
		}
		if m.two && first == nil {
			first = p
			continue
		}
		p.touch(q.now)
		return p
	}
	return m.rr.next(q)
}
