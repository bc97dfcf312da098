package session

import "time"

// Settings are what a Correlator is told. The zero value of each is a sensible default.
type Settings struct {
	// Key makes the pseudonyms of timelines.
	Key Key

	// Idle and Absolute are the declared lifetimes of a session; 0: not declared.
	Idle, Absolute time.Duration

	// Silence is how long a session must be silent to be complete; 0: one hour, or twice Idle
	// if that is longer.
	Silence time.Duration

	// Classify says what a route is for; nil: the usual names (/login, /cart …).
	Classify func(m Method, route string) Class

	// Events says that application events are among the input: their word decides.
	Events bool

	// Done receives each completed session that moved or was in trouble; the others are in the sums. The
	// timeline is lent.
	Done func(*Timeline)

	// Advise is told of each large block of memory in which sessions will live, before it is used; the shell may ask
	// the system for large pages. It must not write there. Nil: nobody.
	Advise func(memory []byte)

	// MaxVisits is how many visits of a troubled session are kept, 0: 48. MaxTraces is for how
	// many sessions that many are kept, 0: 5,000; the others keep the visits around the trouble.
	MaxVisits, MaxTraces int
}

// A Correlator follows sessions through the records of all sources and judges each follow-up.
// Records come in order of their Start as far as possible; a request that overlaps another
// one of its session may come a little late. An active session costs constant memory, however many
// requests it makes. It is used by one goroutine.
type Correlator struct {
	Settings
	Counts
	Population
	Examples

	vocab    *Vocabulary
	keys     table // credential -> life
	clients  table // client -> latest life of that client
	slab     []slab
	free     []int32
	traces   map[int32]*trace
	rarities map[int32]*rarity // lives with something rare about them
	waiting  map[uint64]int32  // client -> a life that began with a login and whose credential the client may not have
	moves    map[int32]move
	reasons  []reasonKind
	readings map[Pair]*reading
	classes  []Class // per method group and route
	notices  []Notice
	bared    map[int32]Record // the request without a credential, of lives that are bared
	pulse    pulse

	elsewhere map[int32]uint16 // life -> instance by the application's own word, where the balancer says another

	before     uint32 // to be added to the records' line numbers
	slow       bool   // take no short way; for the test that compares both
	now, swept int64
	serial     uint32
}

// Counts are the sums over all requests. They always hold:
// Followups = Honoured + Lost + Incomplete + Withheld + Unserved + Unknown + Suspect, and
// Followups = FirstSeen + Held + Moved + Unserved + Withheld.
type Counts struct {
	Requests, Sessions                                               int64
	Followups                                                        int64
	FirstSeen, Held, Moved                                           int64
	Honoured, Lost, Incomplete, Withheld, Unserved, Unknown, Suspect int64
	EndsLogout, EndsIdle, EndsAbsolute, EndsRotation                 int64
	Logins, BadPasswords                                             int64
	Late                                                             int64 // records earlier than their session's last one
	First, Last                                                      int64 // of all requests
	TracesCut                                                        int64 // troubled sessions of which few visits were kept
	NoticesCut                                                       int64 // notices beyond maxNotices, not kept
}

// A Notice is a change of an instance's health, a start of a process or of a balancer.
type Notice struct {
	At       int64
	Kind     Kind
	Instance uint16
	Pool     uint16
	Release  uint16
	Input    uint16
	Line     uint32
	Up       bool
	Detail   string

	Served Fare   // how the instance had fared until then; of changes of health
	Past   []Beat // and during the half minute before; of changes to DOWN
}

// NewCorrelator returns a correlator for records made with vocabulary v.
func NewCorrelator(v *Vocabulary, s Settings) *Correlator {
	if s.Silence == 0 {
		s.Silence = max(time.Hour, 2*s.Idle)
	}
	if s.MaxVisits == 0 {
		s.MaxVisits = 48
	}
	if s.MaxTraces == 0 {
		s.MaxTraces = 5000
	}
	if s.Classify == nil {
		s.Classify = UsualClass
	}
	if s.Done == nil {
		s.Done = func(*Timeline) {}
	}
	return &Correlator{Settings: s, vocab: v, keys: newTable(), clients: newTable(), traces: map[int32]*trace{}, rarities: map[int32]*rarity{}, waiting: map[uint64]int32{}, moves: map[int32]move{}, bared: map[int32]Record{}, readings: map[Pair]*reading{}, elsewhere: map[int32]uint16{}, Population: newPopulation()}
}

// Add adds one record.
func (c *Correlator) Add(r *Record, base []byte) {
	c.before = 0
	c.add(r, base, -1, -1)
}

// add adds one record. n is its credential's life, -1 none, if the table has not changed since it was looked up.
func (c *Correlator) add(r *Record, base []byte, n int32, changes int) {
	if r.Kind >= Start {
		r.Line += c.before
		c.notice(r)
		return
	}
	if r.App&AppKept != 0 && r.Set != 0 {
		r.Line += c.before
		c.kept(r, base)
		return
	}
	if r.Kind != Destroy || r.RequestID != 0 { // a clean-up timer's word is no request
		c.Requests++
	}
	if c.Events && r.Kind == Request && (r.Presented != 0 || r.Has&HasSession == 0) {
		c.seen(r)
	}
	if r.Start > c.now {
		c.advance(r.Start)
	}
	if c.First == 0 || r.Start < c.First {
		c.First = r.Start
	}
	if r.Presented == 0 {
		r.Line += c.before
		c.bare(r, base)
		return
	}
	if changes != c.keys.changes {
		n = c.keys.get(r.Presented)
	}
	if n >= 0 {
		if c.slow || !c.steady(n, c.life(n), r) {
			r.Line += c.before
			c.follow(n, r, base)
		}
		return
	}
	r.Line += c.before
	c.unheardOf(r, base)
}

// advance moves the clock on and now and then completes the sessions that fell silent.
func (c *Correlator) advance(now int64) {
	c.now = now
	c.Last = now
	if now-c.pulse.last >= pulseTick {
		c.pulse.beat(now, c.ByInstance)
	}
	if c.swept == 0 {
		c.swept = now
	}
	if now-c.swept < int64(c.Silence)/8 {
		return
	}
	c.swept = now
	before := now - int64(c.Silence)
	c.each(func(n int32, l *life) {
		if l.last < before {
			c.finish(n)
			c.drop(n, l, c.rest(n))
		}
	})
}

// Close completes all sessions.
func (c *Correlator) Close() {
	c.each(func(n int32, _ *life) { c.finish(n) })
	c.keys, c.clients, c.slab, c.free = newTable(), newTable(), nil, nil
	clear(c.traces)
	clear(c.rarities)
	clear(c.waiting)
	clear(c.moves)
	clear(c.elsewhere)
}

// Notices returns the changes of health, starts and reloads seen so far.
func (c *Correlator) Notices() []Notice { return c.notices }

const maxNotices = 100_000

func (c *Correlator) notice(r *Record) {
	if len(c.notices) >= maxNotices {
		c.NoticesCut++
		return
	}
	detail := ""
	if r.Kind != Start {
		detail = c.vocab.Details.Name(r.Reason)
	}
	n := Notice{Detail: detail, At: r.Start, Kind: r.Kind, Instance: r.Instance, Pool: r.Pool, Release: r.Release, Input: r.Input, Line: r.Line, Up: r.Up}
	if r.Kind == Health {
		n.Served = c.fare(r.Instance)
		if !r.Up {
			n.Past = c.pulse.past(r.Instance)
		}
	}
	c.notices = append(c.notices, n)
}

// class returns what a request's route is for.
func (c *Correlator) class(r *Record) Class { return c.classOf(r.Method, r.Route) }

// classOf asks once for each method group and route.
func (c *Correlator) classOf(m Method, route uint16) Class {
	post := 0
	if m != GET && m != HEAD {
		post = 1
	}
	i := int(route)*2 + post
	for i >= len(c.classes) {
		c.classes = append(c.classes, unclassified)
	}
	if c.classes[i] == unclassified {
		c.classes[i] = c.Classify(m, c.vocab.Routes.Name(route))
	}
	return c.classes[i]
}

const unclassified Class = 255
