package ingest

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"time"

	"limpet.dev/diagnose"
	"limpet.dev/lb"
	"limpet.dev/session"
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
	logsOf   map[string]int    // path of a log that limpet.yaml declares -> its balancer, of evidence.Tiers
	alias    map[string]string // what sources call instances -> their usual name
	seen     sightings
	evidence diagnose.Evidence
	classify func(session.Method, string) session.Class
	offsets  map[uint16]int64 // per input: what to subtract from its times
	perApp   map[uint16]int64 // per instance of the application
	moved    []session.Timeline
	members  []diagnose.Member // by number of the instance
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
