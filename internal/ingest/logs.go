package ingest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

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
	in, err := open(f.path, s.opt.Stdin)
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

// logs groups the log files by tier; a tier's rotated files follow one another in time.
func (s *scan) logs() error {
	byTier := map[int][]*found{}
	var order []int
	for _, f := range s.bundle.of("log") {
		t := s.tierOf(f)
		if _, ok := byTier[t]; !ok {
			order = append(order, t)
		}
		byTier[t] = append(byTier[t], f)
	}
	slices.Sort(order)
	for _, t := range order {
		if err := s.logLane(t, byTier[t]); err != nil {
			return err
		}
	}
	return nil
}

// tierOf returns which tier a log belongs to: the one that declares it, else the one of its product.
func (s *scan) tierOf(f *found) int {
	if in := s.bundle.intent; in != nil {
		for i, t := range in.Tiers {
			for _, l := range t.Logs {
				if g := s.bundle.named(l); g != nil && g.path == f.path {
					return i
				}
			}
		}
	}
	for i, t := range s.evidence.Tiers {
		if f.product != nil && t.Product == f.product.Name {
			return i
		}
	}
	name := "balancer"
	product := ""
	if f.product != nil {
		name, product = f.product.Name, f.product.Name
	}
	s.evidence.Tiers = append(s.evidence.Tiers, diagnose.TierConfig{Name: name, Product: product})
	return len(s.evidence.Tiers) - 1
}

func (s *scan) logLane(tier int, files []*found) error {
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
		return nil
	}
	l := &lane{source: len(s.lanes), instance: s.instanceName, login: s.loginPath}
	for _, f := range files {
		if f.path == "-" && len(f.head) == 0 {
			if err := s.peekStdin(f); err != nil {
				return err
			}
		}
	}
	opt := lb.LogOptions{Config: t.Config, SessionCookie: s.evidence.Declared.Cookie, Sample: files[0].head, Zone: s.opt.Zone, Year: yearOf(files[0].path)}
	if in := s.bundle.intent; in != nil && tier < len(in.Tiers) {
		opt.Format = in.Tiers[tier].Format
	}
	parser, err := product.Parser(opt)
	if err != nil {
		return fmt.Errorf("log format of %s: %w", files[0].name, err)
	}
	l.parser, l.format = parser, parser.Format()
	s.byTime(files, parser)
	for _, f := range files {
		s.addFile(l, f)
	}
	if len(l.files) > 0 {
		s.lanes = append(s.lanes, l)
		s.evidence.Log = true
	}
	return nil
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
