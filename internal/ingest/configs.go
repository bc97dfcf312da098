package ingest

import (
	"bytes"
	"maps"
	"os"
	"slices"
	"strings"

	"limpet.dev/cause"
	"limpet.dev/diagnose"
	"limpet.dev/lb"
	"limpet.dev/session"
	"limpet.dev/topology"
)

// configurations reads the configuration of each balancer: those of limpet.yaml, else what the files themselves tell.
func (s *scan) configurations() {
	s.logsOf = map[string]int{}
	used := map[*found]bool{}
	if in := s.bundle.intent; in != nil {
		for place, t := range in.Tiers {
			if find(s.opt.Products, t.Product) == nil {
				s.note("limpet.yaml names product %q for tier %s; this version reads %s.", t.Product, t.Name, productNames(s.opt.Products))
			}
			tier := diagnose.TierConfig{Name: t.Name, Product: t.Product, Pool: t.Pool, Format: t.Format, Place: place}
			if len(t.Nodes) == 0 {
				s.declaredNode(tier, t.Config, t.Logs, used)
			}
			for _, n := range t.Nodes {
				tier.Node = n.Name
				s.declaredNode(tier, append(slices.Clone(t.Config), n.Config...), append(slices.Clone(t.Logs), n.Logs...), used)
			}
		}
	}
	byProduct := map[string][]*found{}
	for _, f := range s.bundle.of("config") {
		if !used[f] && f.product != nil {
			byProduct[f.product.Name] = append(byProduct[f.product.Name], f)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(byProduct)) {
		s.foundConfigs(name, byProduct[name])
	}
	if s.bundle.intent == nil {
		slices.SortStableFunc(s.evidence.Tiers, func(a, b diagnose.TierConfig) int { return strings.Compare(a.Name, b.Name) })
		placeByAddress(s.evidence.Tiers)
	}
}

// declaredNode adds a balancer that limpet.yaml declares.
func (s *scan) declaredNode(tier diagnose.TierConfig, configs, logs []string, used map[*found]bool) {
	var files []*found
	for _, c := range configs {
		if f := s.bundle.named(c); f != nil {
			files = append(files, f)
			used[f] = true
		}
	}
	if p := find(s.opt.Products, tier.Product); p != nil {
		tier.Config = s.readConfig(p, files)
	}
	for _, l := range logs {
		if f := s.bundle.named(l); f != nil {
			s.logsOf[f.path] = len(s.evidence.Tiers)
		}
	}
	s.evidence.Tiers = append(s.evidence.Tiers, tier)
}

// ownFormats recognises logs by the format that a configuration declares, where their looks alone did not tell.
func (s *scan) ownFormats() {
	for i := range s.bundle.files {
		f := &s.bundle.files[i]
		if f.kind != "unknown" || len(f.head) == 0 {
			continue
		}
		for _, t := range s.evidence.Tiers {
			p := find(s.opt.Products, t.Product)
			if t.Config == nil || p == nil || p.Parser == nil {
				continue
			}
			parser, err := p.Parser(lb.LogOptions{Config: t.Config, Sample: f.head})
			if err == nil && readsMost(parser, f.head) {
				f.kind, f.product = "log", p
				break
			}
		}
	}
}

// readsMost reports whether a parser reads at least half of the first lines as requests.
func readsMost(p lb.LineParser, head []byte) bool {
	var e session.Event
	n, read := 0, 0
	for line := range bytes.Lines(head) {
		if n == 200 || !bytes.HasSuffix(line, []byte{'\n'}) && n > 0 {
			break // the last line of the sample may be cut
		}
		n++
		if p.Parse(bytes.TrimRight(line, "\r\n"), &e) == lb.Read && e.Kind == session.Request {
			read++
		}
	}
	return n > 0 && read*2 >= n
}

func productNames(ps []*lb.Product) string {
	var names []string
	for _, p := range ps {
		names = append(names, p.Name)
	}
	return strings.Join(names, ", ")
}

// mostConfig is how much of a configuration file is read.
const mostConfig = 64 << 20

// readConfig reads one tier's files.
func (s *scan) readConfig(p *lb.Product, files []*found) *topology.Config {
	if len(files) == 0 || p.Config == nil {
		return nil
	}
	var names []string
	mem := overlay{root: s.bundle.dir, files: map[string][]byte{}}
	for _, f := range files {
		data, err := readAll(f.path, mostConfig)
		if err != nil {
			s.note("cannot read %s: %s", f.name, rootCause(err))
			continue
		}
		mem.files[f.name] = data
		names = append(names, f.name)
		id := s.input(f.name, "config", p.Name)
		in := &s.evidence.Inputs[id]
		in.Lines = int64(bytes.Count(data, []byte{'\n'}))
		in.Events = in.Lines
	}
	cfg, err := p.Config(mem, names, os.LookupEnv)
	if err != nil {
		s.note("configuration: %s", err)
	}
	return cfg
}

// declare takes over what limpet.yaml says about sessions.
func (s *scan) declare() {
	s.classify = session.UsualClass
	s.alias = map[string]string{}
	in := s.bundle.intent
	if in != nil {
		for _, f := range s.bundle.of("intent") {
			s.evidence.Intent = f.name
			data, _ := os.ReadFile(f.path)
			id := s.input(f.name, "intent", "limpet.yaml")
			s.evidence.Inputs[id].Lines = int64(bytes.Count(data, []byte{'\n'}))
			s.evidence.Inputs[id].Events = s.evidence.Inputs[id].Lines
		}
		if len(in.Sessions) > 0 {
			d := in.Sessions[0]
			s.evidence.Declared = cause.Declared{Storage: d.Storage, StoragePos: d.Pos, Cookie: d.Carrier.Cookie, Idle: d.Lifetime.Idle, Absolute: d.Lifetime.Absolute}
			s.classify = classifier(d.Routes)
		}
		for _, i := range in.Instances {
			s.alias[i.Address] = i.Name
		}
	}
	for _, t := range s.evidence.Tiers {
		if t.Config == nil {
			continue
		}
		for _, p := range t.Config.Pools {
			for _, i := range p.Instances {
				if _, ok := s.alias[i.Address]; !ok && i.Address != "" {
					s.alias[i.Address] = i.Name
				}
			}
		}
	}
	s.evidence.Classify = s.classify
}
