package cause

import (
	"time"

	"limpet.dev/session"
	"limpet.dev/topology"
)

// Evidence is a cluster of like breaks with the system around it: all other breaks, what healthy
// follow-ups look like, health events, changes, configuration. Names are the vocabulary's.
type Evidence struct {
	Breaks []*Break // the cluster, in order of time
	All    []*Break // every break of the run, in order of time

	People  *session.Population // all follow-ups
	Counts  *session.Counts
	Names   *session.Vocabulary
	Notices []Notice // health changes, process starts, balancer starts, in order of time
	Changes []session.Change
	Tiers   []*topology.Config
	Nodes   []Node                 // the balancers of the path, in the order in which a request passes them
	Members []Member               // instances that balancers sent requests to, in order of their first one
	Routes  map[string]*RouteFacts // what the requests of broken sessions show, by route
	Pool    *topology.Pool         // the pool that the broken requests went through, nil unknown

	From, To time.Time // the window

	// Declared says what the owners declared; zero values: nothing.
	Declared Declared

	// Events says that application events were there. Facts is what the logs can show.
	Events bool
	Facts  session.Facts

	// Storage is where the state lives: declared, or seen in events ("memory", "redis", …), "" unknown.
	Storage string

	// InCookie says that the session lives in the cookie itself: it changes with its content, or is declared so.
	InCookie bool
}

// A Node is one balancer. Equal ones have the same Place.
type Node struct {
	Name   string
	Place  int              // 0: clients talk to it
	Config *topology.Config // nil unknown
}

// A Member is an instance with the time in which balancers sent it requests.
type Member struct {
	Name        string
	First, Last time.Time
}

// RouteFacts counts requests of one route by what they show of the affinity cookie.
type RouteFacts struct {
	Presented int // a value came
	None      int // a cookie is in force and none came
	Off       int // no cookie is in force
	Set       int // the answer set one
}

// Declared is what the owners say should be true.
type Declared struct {
	Storage        string
	StoragePos     topology.Pos
	Cookie         string
	Idle, Absolute time.Duration
}

// A Break is one break with everything known about the moment.
type Break struct {
	Kind     string // lost, incomplete, withheld, …
	Session  session.Pseudonym
	At       time.Time
	LastGood time.Time // end of the last honoured request (or the creation), zero unknown
	Gap      time.Duration
	Created  time.Time // zero if the session began before the window
	Nth      uint32    // how many follow-ups came before

	From, To     string // instance with the state, instance asked; "" unknown
	Moved        bool
	Affinity     session.AffinityState
	AffinitySet  session.AffinitySet
	Redispatched bool
	HadAffinity  bool // an affinity value was set for, or presented by, this session before
	Reason       string
	Result       session.AppFacts
	Method       session.Method
	Route        string
	Class        session.Class
	Foreign      bool
	Scheme       string // of the request: http, https, "" unknown
	Agent        string
	Net          string
	Release      string // of the instance asked, as far as known
	FromRelease  string // of the instance with the state when it last knew the session
	FoundOn      string // instance that knew the session again later, "" none did
	FoundRelease string
	Handed       *Moment // the latest answer that handed the credential out, or that should have (Kept)
	Kept         bool    // that answer did not carry it
	Store        string
	Signs        session.Signs
	SetNew       bool

	LoggedIn bool
	Cart     int

	// Where the request before was different; "" unknown.
	Node, GoodNode string        // the balancer that took it, and the one that took the last good request
	Pool           string        // of the balancer
	GoodRoute      string        // of the last good request
	Readdressed    bool          // the client's address changed since the last good request
	Presented      bool          // an affinity value was presented by this session before
	LastPresented  string        // the route on which it was presented last
	SameAffinity   bool          // the value presented is the one that was presented or set last
	SinceAffinity  time.Duration // since a value was last set or presented, 0 unknown
	Pause          time.Duration // the longest between two requests of those known up to the break
	On, KnownOn    string        // the instance by the application's own word, and the one where it last knew the session

	// What happened to instances between the last good request and this one; nil: nothing seen.
	FromDown    *Notice // the instance with the state was taken out
	FromStarted *Notice // its process started anew
	ToStarted   *Notice
	Reloaded    *Notice // the balancer started anew
	WasDown     bool    // the instance with the state was down at the moment of the break

	Source string // "haproxy.log:123"
}

// A Moment is a request that matters beside the broken one.
type Moment struct {
	At     time.Time
	Method session.Method
	Route  string
	Class  session.Class
	Source string
}

// TakenOut reports whether the balancer had given the instance with the state up: by its own line, because it
// says so of the affinity cookie, or because it could not connect.
func (b *Break) TakenOut() bool {
	return b.FromDown != nil || b.WasDown || b.Affinity == session.AffinityDown || b.Redispatched
}

// A Notice is a change of an instance's health, a process start or a balancer start.
type Notice struct {
	At       time.Time
	Kind     session.Kind
	Instance string // of a process: its own name; "" for the balancer
	Up       bool
	Release  string
	Was      string // of a process start: the release before it, "" unknown
	Detail   string
	Source   string
}

// Count returns how many of the cluster's breaks satisfy f.
func (ev *Evidence) Count(f func(*Break) bool) int {
	n := 0
	for _, b := range ev.Breaks {
		if f(b) {
			n++
		}
	}
	return n
}

// Share returns the share of the cluster's breaks that satisfy f.
func (ev *Evidence) Share(f func(*Break) bool) float64 { return share(ev.Count(f), len(ev.Breaks)) }

// Clue states how many of the cluster's breaks satisfy f, if any do.
func (ev *Evidence) Clue(id, text string, f func(*Break) bool) []Clue {
	n := ev.Count(f)
	if n == 0 {
		return nil
	}
	return []Clue{{ID: id, Strength: share(n, len(ev.Breaks)), Text: text, Source: ofBroken(n, len(ev.Breaks))}}
}

// Span returns the first and the last break of the cluster.
func (ev *Evidence) Span() (first, last time.Time) {
	return ev.Breaks[0].At, ev.Breaks[len(ev.Breaks)-1].At
}

// MovesHonoured returns how many moves to another instance were honoured, and all moves.
func (ev *Evidence) MovesHonoured() (honoured, all int64) {
	for _, t := range ev.People.ByPair {
		honoured += t.Honoured
		all += t.Total()
	}
	return honoured, all
}

// AffinityOf returns the affinity rules that the configurations hold for the pool in question,
// or for all pools with several instances if it is unknown.
func (ev *Evidence) AffinityOf() (rules []topology.Affinity, known bool) {
	for _, p := range ev.pools() {
		known = true
		rules = append(rules, p.Affinity...)
	}
	return rules, known
}

func (ev *Evidence) pools() []*topology.Pool {
	if ev.Pool != nil {
		return []*topology.Pool{ev.Pool}
	}
	var pools []*topology.Pool
	for _, t := range ev.Tiers {
		for i := range t.Pools {
			if len(t.Pools[i].Instances) > 1 {
				pools = append(pools, &t.Pools[i])
			}
		}
	}
	return pools
}

// Checks returns the health checks of the pool in question, or of all pools with several instances.
func (ev *Evidence) Checks() []topology.HealthCheck {
	var checks []topology.HealthCheck
	for _, p := range ev.pools() {
		for _, in := range p.Instances {
			if in.Check != nil {
				checks = append(checks, *in.Check)
			}
		}
	}
	return checks
}

// Downs returns the changes to DOWN of an instance, of all if instance is "".
func (ev *Evidence) Downs(instance string) []Notice {
	var downs []Notice
	for _, n := range ev.Notices {
		if n.Kind == session.Health && !n.Up && (instance == "" || n.Instance == instance) {
			downs = append(downs, n)
		}
	}
	return downs
}

// Starts returns the process starts after the window's beginning, of one instance or of all ("").
func (ev *Evidence) Starts(instance string) []Notice {
	var starts []Notice
	for _, n := range ev.Notices {
		if n.Kind == session.Start && (instance == "" || n.Instance == instance) {
			starts = append(starts, n)
		}
	}
	return starts
}

// ChangeNear returns the change of one of the kinds that lies closest before t, at most within.
func (ev *Evidence) ChangeNear(t time.Time, within time.Duration, kinds ...string) (session.Change, bool) {
	var best session.Change
	found := false
	for _, c := range ev.Changes {
		d := t.Sub(c.At)
		if d < -2*time.Second || d > within {
			continue
		}
		for _, k := range kinds {
			if c.Kind == k && (!found || c.At.After(best.At)) {
				best, found = c, true
			}
		}
	}
	return best, found
}

// SharedStorage reports whether the state lives where all instances reach it.
func (ev *Evidence) SharedStorage() bool {
	switch ev.Storage {
	case "redis", "memcached", "database", "shared":
		return true
	}
	return false
}
