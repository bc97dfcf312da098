package nginx

import (
	"net/netip"
	"strings"

	"limpet.dev/session"
	"limpet.dev/topology"
)

// A place finds the instance and the pool of a configuration to which an upstream's address belongs. It is
// never changed once made.
type place struct {
	byAddress map[string]where
	cookies   map[string]bool // the affinity values that name an instance
}

// where is an instance's name and pool; pool is "" where several have it.
type where struct{ name, pool []byte }

// newPlace returns nil for a configuration without pools.
func newPlace(cfg *topology.Config) *place {
	if cfg == nil || len(cfg.Pools) == 0 {
		return nil
	}
	p := &place{byAddress: map[string]where{}, cookies: map[string]bool{}}
	for _, pool := range cfg.Pools {
		for _, in := range pool.Instances {
			address := printed(in.Address)
			w := where{[]byte(in.Name), []byte(pool.Name)}
			if old, ok := p.byAddress[address]; ok && string(old.pool) != pool.Name {
				w = where{old.name, nil}
			}
			p.byAddress[address] = w
			if in.CookieValue != "" {
				p.cookies[in.CookieValue] = true
			} else {
				p.cookies[addressID(address)] = true
			}
		}
	}
	return p
}

// printed returns an address as $upstream_addr shows it: with its port, 80 if the configuration has none.
func printed(address string) string {
	if strings.HasPrefix(address, "unix:") {
		return address
	}
	if ap, err := netip.ParseAddrPort(address); err == nil {
		return ap.String()
	}
	if a, err := netip.ParseAddr(strings.Trim(address, "[]")); err == nil {
		return netip.AddrPortFrom(a, 80).String()
	}
	return address
}

// of gives e the name and pool of an address.
func (p *place) of(address []byte, e *session.Event) {
	w, ok := p.byAddress[string(address)]
	if !ok {
		return
	}
	e.Instance = w.name
	if len(w.pool) > 0 {
		e.Pool = w.pool
	}
}

// names reports whether an affinity value names an instance, up or down.
func (p *place) names(value []byte) bool { return p.cookies[string(value)] }
