// Package diagnose turns what the Correlator followed into a report: it settles which
// follow-ups were lost, gathers breaks that look alike, has every detector of the catalogue look at each
// gathering, ranks the hypotheses, and answers the questions of the assessment.
package diagnose

import (
	"time"

	"limpet.dev/cause"
	"limpet.dev/lb"
	"limpet.dev/session"
	"limpet.dev/topology"
)

// Evidence is everything that a diagnosis is made from.
type Evidence struct {
	Counts     session.Counts
	Population *session.Population
	Names      *session.Vocabulary
	Notices    []session.Notice
	Changes    []session.Change
	Troubled   []session.Timeline // sessions with a follow-up that was not plainly honoured
	Moved      []session.Timeline // some of the sessions that moved; visits are not needed
	MovedTotal int64
	Whole      []session.Timeline // some sessions that never moved and never were in trouble, with their latest visits

	Inputs   []Input
	Tiers    []TierConfig
	TierOf   map[uint16]int // which of Tiers wrote an input
	Members  []Member
	Declared cause.Declared
	Intent   string // file name of the declaration, "" none

	// Facts is what the balancer logs can show, Log and Events whether there were any.
	Facts       session.Facts
	Log, Events bool

	// Client is what the client engine found in captures.
	Client []Finding

	LogOnly, EventOnly int64 // found no other half when joined

	KeyID     string
	KeyRandom bool
	Seed      int64
	Notes     []string

	// Tell asks for the stories of the sessions whose pseudonym begins so, besides the worst; "" none.
	Tell string

	// Classify says what a route is for, as the Correlator was told.
	Classify func(session.Method, string) session.Class
}

// TierConfig is one balancer of the path, with its configuration if that is known. Several equal balancers
// have the same Place.
type TierConfig struct {
	Name    string // the tier's
	Node    string // the balancer's own where its tier has several, "" where it is alone
	Place   int    // 0: clients talk to it; 1: it stands behind a tier of place 0 …
	Product string
	Pool    string // the declared pool, "" all
	Format  string // the log's declared format, "" as the configuration says
	Config  *topology.Config
	Advice  lb.Advice // of its product
}

// Title names the balancer.
func (t *TierConfig) Title() string {
	if t.Node != "" {
		return t.Node
	}
	return t.Name
}

// A Member is an instance with the time in which balancers sent it requests.
type Member struct {
	Instance    uint16
	First, Last int64
}

// run is one diagnosis under way.
type run struct {
	*Evidence
	counts  session.Counts
	breaks  []*settled
	notices []cause.Notice
	signs   map[session.Signs]int64
	report  *Report
	idleGap int64           // a pause this long before a miss is taken for idle expiry, 0: none is
	guarded map[uint16]bool // routes that refuse strangers
	routes  map[string]*cause.RouteFacts
	healthy []healthyVisit
	probed  map[healthKey]*Served
	opening map[string]string // instance -> the release that it ran first
}

// A settled break is a break with its place in its session.
type settled struct {
	cause.Break
	tl      *session.Timeline
	at      int // index of the broken visit
	good    int // index of the last good visit before it, -1
	cluster int
	cause   string
	loss    string
	why     string
	weight  float64
	family  cause.Family
	proof   string
}

func at(ns int64) time.Time { return time.Unix(0, ns).UTC() }

// source returns "file:line" of a visit.
func (d *run) source(input uint16, line uint32) string {
	if int(input) >= len(d.Inputs) || line == 0 {
		return ""
	}
	return topology.Pos{File: d.Inputs[input].Path, Line: int(line)}.String()
}
