package ingest

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"limpet.dev/cause"
	"limpet.dev/cookie"
	"limpet.dev/diagnose"
	"limpet.dev/lb"
	"limpet.dev/session"
	"limpet.dev/topology"
)

// Options say what to diagnose.
type Options struct {
	Paths    []string // files, folders, globs; "-" is standard input
	Config   []string // configurations named apart
	Products []*lb.Product
	Stdin    io.Reader
	KeyFile  string // "" : limpet.key of the bundle, else a key of this run
	Since    time.Time
	Until    time.Time
	Zone     *time.Location // of log times without one; nil UTC
	Seed     int64
	Tell     string // tell the sessions whose pseudonym begins so
	Workers  int    // 0: as the machine allows

	// Ignore leaves files of folders out by the names that reports show; nil leaves out none.
	Ignore func(name string) bool

	Progress func(done, total int64)
}

// Diagnose reads everything that opt names and makes the report.
func Diagnose(ctx context.Context, opt Options) (*diagnose.Report, error) {
	ev, err := Load(ctx, opt)
	if err != nil {
		return nil, err
	}
	return diagnose.Run(ev), nil
}

// Load reads everything that opt names into what a diagnosis is made from.
func Load(ctx context.Context, opt Options) (*diagnose.Evidence, error) {
	b, err := collect(&opt)
	if err != nil {
		return nil, err
	}
	s := &scan{opt: &opt, bundle: b, vocab: session.NewVocabulary()}
	defer s.close()
	s.evidence.Notes, s.evidence.Tell = b.notes, opt.Tell
	for _, name := range b.declared(&opt) {
		s.note("limpet.yaml names %s, which is not there.", name)
	}
	if err := s.key(); err != nil {
		return nil, err
	}
	s.configurations()
	s.ownFormats()
	s.declare()
	s.changes()
	if err := s.open(); err != nil {
		return nil, err
	}
	if err := s.run(ctx); err != nil {
		return nil, err
	}
	return &s.evidence, nil
}

// A scan is one diagnosis's reading.
type scan struct {
	opt      *Options
	bundle   *bundle
	vocab    *session.Vocabulary
	secret   session.Key
	lanes    []*lane
	alias    map[string]string // what sources call instances -> their usual name
	evidence diagnose.Evidence
	classify func(session.Method, string) session.Class
	offsets  map[uint16]int64 // per input: what to subtract from its times
	perApp   map[uint16]int64 // per instance of the application
	moved    []session.Timeline
	pump     *pump
}

func (s *scan) note(format string, args ...any) {
	s.evidence.Notes = append(s.evidence.Notes, fmt.Sprintf(format, args...))
}

func (s *scan) close() {
	for _, l := range s.lanes {
		for _, f := range l.files {
			f.in.close()
		}
	}
}

// key finds the pseudonym key.
func (s *scan) key() error {
	path, named := s.opt.KeyFile, true
	if path == "" {
		named = false
		if keys := s.bundle.of("key"); len(keys) > 0 {
			path = keys[0].path
		}
	}
	if path == "" {
		rand.Read(s.secret[:])
		s.evidence.KeyRandom = true
		s.evidence.KeyID = s.secret.ID()
		return nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read pseudonym key: %s: %s", path, rootCause(err))
	}
	k, ok := session.ParseKey(string(text))
	if !ok {
		if named {
			return fmt.Errorf("read pseudonym key: %s does not hold 64 hexadecimal characters", path)
		}
		s.note("limpet.key does not hold 64 hexadecimal characters; a key of this run is used.")
		rand.Read(s.secret[:])
		s.evidence.KeyRandom = true
	} else {
		s.secret = k
	}
	s.evidence.KeyID = s.secret.ID()
	return nil
}

// input adds an account for a file.
func (s *scan) input(name, kind, format string) uint16 {
	s.evidence.Inputs = append(s.evidence.Inputs, diagnose.Input{Path: name, Kind: kind, Format: format, SkipReasons: map[string]int64{}, SkipSamples: map[string]string{}})
	return uint16(len(s.evidence.Inputs) - 1)
}

// configurations reads each tier's configuration: the tiers of limpet.yaml, or one for each product.
func (s *scan) configurations() {
	used := map[*found]bool{}
	if in := s.bundle.intent; in != nil {
		for _, t := range in.Tiers {
			p := find(s.opt.Products, t.Product)
			tier := diagnose.TierConfig{Name: t.Name, Product: t.Product, Pool: t.Pool}
			var files []*found
			for _, c := range t.Config {
				if f := s.bundle.named(c); f != nil {
					files = append(files, f)
					used[f] = true
				}
			}
			if p == nil {
				s.note("limpet.yaml names product %q for tier %s; this version reads %s.", t.Product, t.Name, productNames(s.opt.Products))
			} else {
				tier.Config = s.readConfig(p, files)
			}
			s.evidence.Tiers = append(s.evidence.Tiers, tier)
		}
	}
	byProduct := map[string][]*found{}
	for _, f := range s.bundle.of("config") {
		if !used[f] && f.product != nil {
			byProduct[f.product.Name] = append(byProduct[f.product.Name], f)
		}
	}
	for name, files := range byProduct {
		i := slices.IndexFunc(s.evidence.Tiers, func(t diagnose.TierConfig) bool { return t.Product == name && t.Config == nil })
		if i < 0 {
			s.evidence.Tiers = append(s.evidence.Tiers, diagnose.TierConfig{Name: name, Product: name})
			i = len(s.evidence.Tiers) - 1
		}
		s.evidence.Tiers[i].Config = s.readConfig(files[0].product, files)
	}
	slices.SortStableFunc(s.evidence.Tiers, func(a, b diagnose.TierConfig) int {
		if s.bundle.intent != nil {
			return 0
		}
		return strings.Compare(a.Name, b.Name)
	})
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

// readConfig reads one tier's files.
func (s *scan) readConfig(p *lb.Product, files []*found) *topology.Config {
	if len(files) == 0 || p.Config == nil {
		return nil
	}
	var names []string
	mem := overlay{root: s.bundle.dir, files: map[string][]byte{}}
	for _, f := range files {
		data, err := os.ReadFile(f.path)
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

// changes reads the records of changes.
func (s *scan) changes() {
	for _, f := range s.bundle.of("changes") {
		id := s.input(f.name, "changes", "changes")
		in := &s.evidence.Inputs[id]
		data, err := readAll(f.path, 64<<20)
		if err != nil {
			in.Error = readError(err)
		}
		for line := range bytes.Lines(data) {
			in.Lines++
			line = bytes.TrimSpace(line)
			if len(line) == 0 {
				in.Skipped++
				in.SkipReasons[string(lb.SkipEmpty)]++
				continue
			}
			c, err := session.ParseChange(line)
			if err != nil {
				in.Skipped++
				in.SkipReasons[err.Error()]++
				continue
			}
			in.Events++
			c.Input, c.Line = id, uint32(in.Lines)
			s.evidence.Changes = append(s.evidence.Changes, c)
		}
	}
	slices.SortStableFunc(s.evidence.Changes, func(a, b session.Change) int { return a.At.Compare(b.At) })
}

func readAll(path string, most int64) ([]byte, error) {
	in, err := open(path, nil)
	if err != nil {
		return nil, err
	}
	defer in.close()
	var r io.Reader = in.f
	if in.stream != nil {
		r = in.stream
	}
	return io.ReadAll(io.LimitReader(r, most))
}

// readError says in a few words why reading ended early, without what was read.
func readError(err error) string {
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "the compressed file is cut off"
	case err == nil:
		return ""
	}
	return "reading stopped: " + rootCause(err)
}

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

func (s *scan) hasher() session.Hasher {
	return session.Hasher{Seed: maphash.MakeSeed(), Key: s.secret, Joined: s.evidence.Events}
}

// run reads all lanes through one correlator.
func (s *scan) run(ctx context.Context) error {
	c := session.NewCorrelator(s.vocab, session.Settings{
		Key: s.secret, Idle: s.evidence.Declared.Idle, Absolute: s.evidence.Declared.Absolute, Classify: s.classify,
		Events: s.evidence.Events, Done: s.done, Advise: largePages,
	})
	p := &pump{lanes: s.lanes, vocab: s.vocab, hasher: s.hasher(), family: cookie.Family, workers: s.opt.Workers}
	s.pump = p
	s.clocks(p)
	var joiner *session.Joiner
	if len(s.lanes) > 1 {
		joiner = &session.Joiner{Out: c.AddBatch}
	}
	p.take = func(pc *piece, b *batch) {
		s.prepare(pc, b)
		s.progress()
		if joiner == nil {
			c.AddBatch(b.records, pc.data)
			return
		}
		joiner.Add(pc.lane.source, b.records, pc.data)
		joiner.Flush()
	}
	err := p.run(ctx)
	if joiner != nil {
		joiner.Close()
		s.evidence.LogOnly, s.evidence.EventOnly = unmatched(c, joiner), joiner.EventOnly
	}
	c.Close()
	for _, l := range s.lanes {
		for _, f := range l.files {
			s.account(f)
		}
	}
	s.evidence.Counts, s.evidence.Population, s.evidence.Names, s.evidence.Notices = c.Counts, &c.Population, s.vocab, c.Notices()
	s.evidence.Moved, s.evidence.Seed = s.moved, s.opt.Seed
	return err
}

// unmatched counts balancer requests without an application event, on routes where the application
// reports its sessions at all.
func unmatched(c *session.Correlator, j *session.Joiner) int64 {
	if j.Joined == 0 {
		return j.LogOnly
	}
	var n int64
	for route, missing := range c.Unseen {
		if route < len(c.Seen) && c.Seen[route] > 0 {
			n += missing
		}
	}
	return n
}

// account takes over a file's sums.
func (s *scan) account(f *laneFile) {
	in := &s.evidence.Inputs[f.id]
	offset, uncertainty, pairs := in.ClockOffsetMs, in.ClockUncertaintyMs, in.ClockPairs
	*in = f.account
	in.ClockOffsetMs, in.ClockUncertaintyMs, in.ClockPairs = offset, uncertainty, pairs
}

// prepare corrects times, notes what the records can show, and leaves out what lies outside the
// wanted time; it runs for one batch after the other.
func (s *scan) prepare(pc *piece, b *batch) {
	off, first := s.offsets[pc.file.id], uint32(pc.file.lines)
	for i := range b.records {
		r := &b.records[i]
		r.Line += first // from the number within the piece to the file's
		if !pc.lane.events {
			if r.Kind == session.Request {
				s.evidence.Facts |= r.Has
			}
			continue
		}
		d := off
		if v, ok := s.perApp[r.AppOn]; ok {
			d = v
		}
		r.Start -= d
		r.End -= d
	}
	if s.opt.Since.IsZero() && s.opt.Until.IsZero() {
		return
	}
	before := len(b.records)
	b.records = slices.DeleteFunc(b.records, func(r session.Record) bool {
		return !s.opt.Since.IsZero() && r.Start < s.opt.Since.UnixNano() || !s.opt.Until.IsZero() && r.Start >= s.opt.Until.UnixNano()
	})
	if n := before - len(b.records); n > 0 {
		b.skips = append(b.skips, skip{reason: "outside --since and --until", count: int64(n)})
	}
}

// progress tells how much of all input is cut into pieces; it runs for one batch after the other.
func (s *scan) progress() {
	if s.opt.Progress == nil {
		return
	}
	s.pump.mu.Lock()
	var done, total int64
	for _, l := range s.lanes {
		total += l.total
		done += int64(min(1, l.progress()) * float64(l.total))
	}
	s.pump.mu.Unlock()
	s.opt.Progress(done, total)
}

const mostMoved = 2000

// done keeps what the diagnosis needs of a completed session.
func (s *scan) done(tl *session.Timeline) {
	if tl.Moves > 0 {
		s.evidence.MovedTotal++
		if len(s.moved) < mostMoved {
			m := *tl
			m.Visits = nil
			s.moved = append(s.moved, m)
		}
	}
	if len(tl.Visits) > 0 {
		s.evidence.Troubled = append(s.evidence.Troubled, *tl)
	}
}
