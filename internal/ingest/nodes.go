package ingest

import (
	"os"
	"path"
	"slices"
	"strings"

	"limpet.dev/diagnose"
	"limpet.dev/lb"
	"limpet.dev/topology"
)

// Several balancers without a limpet.yaml: which configurations are one balancer's parts and which are equal balancers',
// which logs follow one another and which were written at the same time.

// foundConfigs adds the balancers whose configurations nobody declared. Files that declare something of the
// same name cannot be parts of one configuration: each is a balancer's of its own.
func (s *scan) foundConfigs(product string, files []*found) {
	p := files[0].product
	i := slices.IndexFunc(s.evidence.Tiers, func(t diagnose.TierConfig) bool { return t.Product == product && t.Config == nil })
	if len(files) == 1 || i >= 0 || !s.rivals(p, files) {
		if i < 0 {
			s.evidence.Tiers = append(s.evidence.Tiers, diagnose.TierConfig{Name: product, Product: product})
			i = len(s.evidence.Tiers) - 1
		}
		s.evidence.Tiers[i].Config = s.readConfig(p, files)
		return
	}
	for _, f := range files {
		s.evidence.Tiers = append(s.evidence.Tiers, diagnose.TierConfig{Name: product, Node: stemOf(f.name), Product: product, Config: s.readConfig(p, []*found{f})})
	}
}

// rivals reports whether two of the files declare a listener or a pool of one name.
func (s *scan) rivals(p *lb.Product, files []*found) bool {
	seen := map[string]bool{}
	for _, f := range files {
		data, err := os.ReadFile(f.path)
		if err != nil || p.Config == nil {
			continue
		}
		cfg, _ := p.Config(overlay{root: s.bundle.dir, files: map[string][]byte{f.name: data}}, []string{f.name}, os.LookupEnv)
		if cfg == nil {
			continue
		}
		for _, name := range names(cfg) {
			if seen[name] {
				return true
			}
		}
		for _, name := range names(cfg) {
			seen[name] = true
		}
	}
	return false
}

func names(cfg *topology.Config) []string {
	var all []string
	for _, l := range cfg.Listeners {
		all = append(all, "listener "+l.Name)
	}
	for _, p := range cfg.Pools {
		all = append(all, "pool "+p.Name)
	}
	return all
}

// placeByAddress finds out who stands before whom: a balancer whose pool has the address on which another one accepts.
func placeByAddress(tiers []diagnose.TierConfig) {
	for range tiers { // a path is no longer than there are tiers
		for i := range tiers {
			for k := range tiers {
				if i != k && feeds(tiers[i].Config, tiers[k].Config) && tiers[k].Place <= tiers[i].Place && tiers[i].Place < len(tiers) {
					tiers[k].Place = tiers[i].Place + 1
				}
			}
		}
	}
}

func feeds(a, b *topology.Config) bool {
	if a == nil || b == nil {
		return false
	}
	for _, p := range a.Pools {
		for _, in := range p.Instances {
			for _, l := range b.Listeners {
				if in.Address != "" && slices.Contains(l.Binds, in.Address) {
					return true
				}
			}
		}
	}
	return false
}

// stemOf is a file's name without what tells its kind, its rotation and its compression: edge1.log.2.gz is edge1.
func stemOf(name string) string {
	for {
		ext := path.Ext(name)
		rest := strings.TrimSuffix(name, ext)
		switch {
		case ext == "" || rest == "":
			return name
		case ext == ".gz", ext == ".zst", ext == ".log", ext == ".cfg", ext == ".conf", ext == ".txt", ext == ".json", strings.Trim(ext, ".0123456789-") == "":
			name = rest
		default:
			return name
		}
	}
}

// nodeOf finds the balancer of the same product whose files are named like a log, or adds one.
func (s *scan) nodeOf(tier int, f *found) int {
	t := s.evidence.Tiers[tier]
	i := slices.IndexFunc(s.evidence.Tiers, func(o diagnose.TierConfig) bool { return o.Product == t.Product && o.Node == stemOf(f.name) })
	if i >= 0 {
		return i
	}
	s.evidence.Tiers = append(s.evidence.Tiers, diagnose.TierConfig{Name: t.Name, Node: stemOf(f.name), Product: t.Product, Place: t.Place})
	return len(s.evidence.Tiers) - 1
}
