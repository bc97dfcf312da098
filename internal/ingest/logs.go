package ingest

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"limpet.dev/diagnose"
	"limpet.dev/lb"
	"limpet.dev/session"
)

// open prepares the lanes: one for each tier's log, one for each application's events.
func (s *scan) open() error {
	s.events()
	if err := s.logs(); err != nil {
		return err
	}
	s.captures()
	var ignored []string
	for _, f := range s.bundle.files {
		switch {
		case f.err != nil:
			id := s.input(f.name, "unknown", "")
			s.evidence.Inputs[id].Error = readError(f.err)
		case f.kind == "unknown" && len(f.head) == 0:
			s.input(f.name, "empty", "")
		case f.kind == "unknown":
			ignored = append(ignored, f.name)
		}
	}
	if len(ignored) > 0 {
		slices.Sort(ignored)
		s.note("Not recognised, and not used: %s.", strings.Join(ignored, ", "))
	}
	return nil
}

func (s *scan) events() {
	for _, f := range s.bundle.of("events") {
		l := &lane{source: len(s.lanes), events: true, instance: s.instanceName, format: "limpet.events"}
		if s.addFile(l, f) {
			s.lanes = append(s.lanes, l)
			s.evidence.Events = true
		}
	}
}

func (s *scan) addFile(l *lane, f *found) bool {
	kind := "log"
	if l.events {
		kind = "events"
	}
	id := s.input(f.name, kind, l.format)
	in, err := f.opened, error(nil)
	if in == nil {
		in, err = open(f.path, s.opt.Stdin)
	}
	if err != nil {
		s.evidence.Inputs[id].Error = readError(err)
		return false
	}
	in.path = f.name
	l.files = append(l.files, &laneFile{id: id, in: in, account: s.evidence.Inputs[id]})
	l.total += in.size
	return true
}

// instanceName returns an instance's usual name.
func (s *scan) instanceName(b []byte) string {
	if n, ok := s.alias[string(b)]; ok {
		return n
	}
	return string(b)
}

// A logOf is a log of a tier: the product's log, or one of several kinds that it writes at the same time.
type logOf struct {
	tier int
	kind string
}

// logs groups the log files by tier and kind; the rotated files of one follow one another in time.
func (s *scan) logs() error {
	files := map[logOf][]*found{}
	for _, f := range s.bundle.of("log") {
		of := logOf{tier: s.tierOf(f)}
		if f.product != nil && f.product.LogKind != nil {
			of.kind = f.product.LogKind(f.head)
		}
		files[of] = append(files[of], f)
	}
	order := slices.SortedFunc(maps.Keys(files), func(a, b logOf) int {
		return cmp.Or(cmp.Compare(a.tier, b.tier), cmp.Compare(a.kind, b.kind))
	})
	s.evidence.TierOf = map[uint16]int{}
	zones := map[int]*time.Location{} // of a balancer's clock, as its first log shows it
	for _, of := range order {
		zone, err := s.logLane(of.tier, files[of], zones[of.tier])
		if err != nil {
			return err
		}
		zones[of.tier] = cmp.Or(zones[of.tier], zone)
	}
	return nil
}

// tierOf returns which balancer a log belongs to: the one that declares it, else one of its product, by preference with
// files of that name.
func (s *scan) tierOf(f *found) int {
	if i, ok := s.logsOf[f.path]; ok {
		return i
	}
	of := -1
	for i, t := range s.evidence.Tiers {
		if f.product != nil && t.Product == f.product.Name {
			if t.Node == stemOf(f.name) {
				return i
			}
			if of < 0 {
				of = i
			}
		}
	}
	if of >= 0 {
		return of
	}
	name := "balancer"
	product := ""
	if f.product != nil {
		name, product = f.product.Name, f.product.Name
	}
	s.evidence.Tiers = append(s.evidence.Tiers, diagnose.TierConfig{Name: name, Product: product})
	return len(s.evidence.Tiers) - 1
}

// logLane makes the lane of one log, and returns the zone of its times if it knows. zone is that of the
// tier's other logs, nil unknown.
func (s *scan) logLane(tier int, files []*found, zone *time.Location) (*time.Location, error) {
	t := s.evidence.Tiers[tier]
	product := find(s.opt.Products, t.Product)
	if product == nil {
		product = files[0].product
	}
	if product == nil && len(s.opt.Products) > 0 {
		product = s.opt.Products[0] // standard input: the parser looks at the lines themselves
	}
	if product == nil || product.Parser == nil {
		for _, f := range files {
			id := s.input(f.name, "log", "")
			s.evidence.Inputs[id].Error = "no reader for this balancer's log"
		}
		return nil, nil
	}
	s.evidence.Tiers[tier].Advice = product.Advice
	l := &lane{source: len(s.lanes), instance: s.instanceName, login: s.loginPath}
	for _, f := range files {
		if f.path == "-" && len(f.head) == 0 {
			if err := s.peekStdin(f); err != nil {
				return nil, err
			}
		}
	}
	opt := lb.LogOptions{Config: t.Config, Format: t.Format, SessionCookie: s.evidence.Declared.Cookie, Sample: files[0].head, Zone: cmp.Or(s.opt.Zone, zone), Year: yearOf(files[0].path)}
	parser, err := product.Parser(opt)
	if err != nil {
		return nil, fmt.Errorf("log format of %s: %w", files[0].name, err)
	}
	l.parser, l.format = parser, parser.Format()
	s.byTime(files, parser)
	chains := s.beside(files, parser)
	if len(chains) > 1 && s.evidence.Tiers[tier].Node == "" {
		s.evidence.Tiers[tier].Node = stemOf(chains[0][0].name)
	}
	for i, one := range chains {
		own, node := *l, tier
		if i > 0 {
			node = s.nodeOf(tier, one[0])
		}
		own.source = len(s.lanes)
		for _, f := range one {
			s.addFile(&own, f)
		}
		if len(own.files) > 0 {
			s.lanes = append(s.lanes, &own)
			s.evidence.Log = true
		}
		for _, f := range own.files {
			s.evidence.TierOf[f.id] = node
		}
	}
	if z, ok := parser.(lb.Zoned); ok {
		return z.Zone(), nil
	}
	return nil, nil
}

// peekStdin reads the beginning of standard input for recognising its format, and puts it back.
func (s *scan) peekStdin(f *found) error {
	if s.opt.Stdin == nil {
		return errors.New("read standard input: not available")
	}
	head := make([]byte, headSize)
	n, err := io.ReadFull(s.opt.Stdin, head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return fmt.Errorf("read standard input: %w", err)
	}
	f.head = head[:n]
	s.opt.Stdin = io.MultiReader(bytes.NewReader(f.head), s.opt.Stdin)
	return nil
}

// yearOf gives a log whose times have no year the year in which it was last written.
func yearOf(path string) int {
	if st, err := os.Stat(path); err == nil {
		return st.ModTime().Year()
	}
	return 0
}

// byTime sorts rotated files by the time of their first event.
func (s *scan) byTime(files []*found, parser lb.LineParser) {
	if len(files) < 2 {
		return
	}
	p := parser.Clone()
	first := map[string]int64{}
	var e session.Event
	for _, f := range files {
		for line := range bytes.Lines(f.head) {
			if p.Parse(bytes.TrimRight(line, "\r\n"), &e) == lb.Read && e.Kind == session.Request && e.Start != 0 {
				first[f.path] = e.Start
				break
			}
		}
	}
	slices.SortStableFunc(files, func(a, b *found) int {
		switch {
		case first[a.path] < first[b.path]:
			return -1
		case first[a.path] > first[b.path]:
			return 1
		}
		return 0
	})
}

func (s *scan) loginPath(path []byte) bool {
	return s.classify(session.GET, session.RouteOf(path)) == session.LoginRoute
}
