package diagnose

import "time"

// Schema is the version of the report's JSON form.
const Schema = "limpet.report/v1"

// A Verdict is the answer in one word; the exit code follows from it.
type Verdict string

// The verdicts. Lost: at least one break is proven. Healthy: the inputs could have shown
// a break and none is there. NotProven: they could not have, or show one or two that healthy sessions may have as well.
const (
	VerdictLost      Verdict = "lost"
	VerdictHealthy   Verdict = "healthy"
	VerdictNotProven Verdict = "not-proven"
)

// A Report is everything that outputs know. Its JSON form is limpet.report/v1.
type Report struct {
	Schema      string       `json:"schema"`
	Verdict     Verdict      `json:"verdict"`
	Summary     string       `json:"summary"` // the verdict as one sentence for somebody under stress
	Window      Window       `json:"window"`
	Inputs      []Input      `json:"inputs"`
	Totals      Totals       `json:"totals"`
	Hypotheses  []Hypothesis `json:"hypotheses"`
	Breaks      []Break      `json:"breaks"`
	BreaksKept  Kept         `json:"breaks_kept"`
	Moved       []Move       `json:"moved"` // sessions answered by more than one instance (S1)
	MovedKept   Kept         `json:"moved_kept"`
	Affinity    AffinityHeld `json:"affinity"`
	Findings    []Finding    `json:"findings"`
	Assessment  []Step       `json:"assessment"`
	Health      []Health     `json:"health"`
	Changes     []Change     `json:"changes"`
	Series      Series       `json:"series"`
	Stories     []Story      `json:"stories"` // the worst broken sessions, request by request
	SessionMap  []MapEntry   `json:"session_map"`
	Tiers       []Tier       `json:"tiers"`
	Signs       []Sign       `json:"signs"` // from logs alone: what was taken as a sign of loss
	Notes       []string     `json:"notes"` // what the reader must know: inferred settings, caps that bit
	KeyID       string       `json:"pseudonym_key_id"`
	KeyIsRandom bool         `json:"pseudonym_key_random"`
	Seed        int64        `json:"seed,omitempty"`
}

// Window is the time that the evidence covers.
type Window struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// Input is one file or stream that was read. Lines = Events + Skipped, always.
type Input struct {
	Path               string            `json:"path"`
	Kind               string            `json:"kind"`   // log, events, changes, config, intent
	Format             string            `json:"format"` // haproxy/httplog …
	Lines              int64             `json:"lines"`
	Events             int64             `json:"events"`
	Skipped            int64             `json:"skipped"`
	SkipReasons        map[string]int64  `json:"skip_reasons"`
	SkipSamples        map[string]string `json:"skip_samples,omitempty"` // one redacted sample with its line number
	ClockOffsetMs      float64           `json:"clock_offset_ms"`
	ClockUncertaintyMs float64           `json:"clock_uncertainty_ms"`
	ClockPairs         int64             `json:"clock_pairs"` // request ids that bound the offset; 0: not estimated
	Error              string            `json:"error,omitempty"`
}

// Totals are the sums. They always hold:
// Followups = Honoured + Lost + Incomplete + Withheld + Unserved + Unknown, and
// Followups = FirstSeen + Held + Moved + Unserved + Withheld.
type Totals struct {
	Requests       int64     `json:"requests"`
	Sessions       int64     `json:"sessions"`
	Followups      int64     `json:"followups"`
	FirstSeen      int64     `json:"first_seen"`
	Held           int64     `json:"held"`
	Moved          int64     `json:"moved"`
	Honoured       int64     `json:"honoured"`
	Lost           int64     `json:"lost"`
	Incomplete     int64     `json:"incomplete"`
	Withheld       int64     `json:"withheld"`
	Unserved       int64     `json:"unserved"`
	Unknown        int64     `json:"unknown"`
	BrokenSessions int64     `json:"broken_sessions"`
	LoggedInBroken int64     `json:"logged_in_broken"`
	CartsLost      int64     `json:"carts_lost"`
	UsersBroken    int64     `json:"users_broken"`
	Breaks         int64     `json:"breaks"`
	Unexplained    int64     `json:"unexplained"`
	Losses         Losses    `json:"losses"` // the breaks by what failed
	Ends           Ends      `json:"legitimate_ends"`
	Unmatched      Unmatched `json:"unmatched"`
	ContinuityRate float64   `json:"continuity_rate"`
	SessionsWhole  float64   `json:"sessions_without_break_rate"`
	BreakRateUpper float64   `json:"break_rate_upper"` // healthy: 3/n, the upper bound on the true rate
	AuthRequests   int64     `json:"auth_requests"`
	AuthErrors     int64     `json:"auth_errors"`   // session failures on requests that needed one
	BadPasswords   int64     `json:"bad_passwords"` // kept apart (S117)
	AuthErrorRate  float64   `json:"auth_error_rate"`
	Recovered      int64     `json:"recovered"`
	NotRecovered   int64     `json:"not_recovered"`
	Recovery       Recovery  `json:"recovery_ms"`
}

// Ends counts the sessions that ended as they should.
type Ends struct {
	Logout   int64 `json:"logout"`
	Idle     int64 `json:"idle"`
	Absolute int64 `json:"absolute"`
	Rotation int64 `json:"rotation"`
}

// Unmatched counts what one side saw alone (S31).
type Unmatched struct {
	Log    int64 `json:"log"`    // balancer requests with a session and without an application event
	Events int64 `json:"events"` // application events without a balancer request
}

// Recovery is how long it took until a broken client had a working session again, in ms.
type Recovery struct {
	Mean float64 `json:"mean"`
	P50  float64 `json:"p50"`
	P95  float64 `json:"p95"`
	Max  float64 `json:"max"`
}

// Kept says how many of a list's entries are in the report, of how many there were.
type Kept struct {
	Shown int64 `json:"shown"`
	Total int64 `json:"total"`
}

// Hypothesis is a cause with what speaks for and against it. Breaks of all hypotheses and
// Totals.Unexplained add up to Totals.Breaks.
type Hypothesis struct {
	Rank        int       `json:"rank"`
	Cause       string    `json:"cause"`
	Title       string    `json:"title"`
	Category    string    `json:"category"`   // routing, storage, client, deploy, health
	Root        string    `json:"root"`       // the three roots of S92
	Confidence  float64   `json:"confidence"` // 0 to 1
	Sessions    int64     `json:"sessions"`
	Breaks      int64     `json:"breaks"`
	Weight      float64   `json:"weight"` // what users lost, summed (S120)
	First       time.Time `json:"first"`
	Last        time.Time `json:"last"`
	Families    []string  `json:"symptom_families"` // experience gap, authentication failure, inconsistent data (S7)
	Summary     string    `json:"summary"`
	Supports    []Clue    `json:"supports"`
	Contradicts []Clue    `json:"contradicts"`
	Missing     []Clue    `json:"missing"`
	Next        string    `json:"next"`
	RunnerUp    string    `json:"runner_up,omitempty"`
	Fix         string    `json:"fix"`
	Rollback    string    `json:"rollback"`
	Explain     string    `json:"explain"` // the command that prints the cause's page
}

// Clue is one piece of evidence.
type Clue struct {
	Text   string  `json:"text"`
	Source string  `json:"source,omitempty"` // haproxy.cfg:41, haproxy.log:1234, "41 of 44 broken sessions"
	Weight float64 `json:"weight,omitempty"`
}

// Break is the first lost or incomplete follow-up of one session life.
type Break struct {
	Session     string      `json:"session"` // pseudonym
	At          time.Time   `json:"at"`
	Kind        string      `json:"kind"` // lost, incomplete, withheld, mixed-up, never-established, unserved
	Cause       string      `json:"cause"`
	Family      string      `json:"symptom_family"`
	Loss        string      `json:"loss,omitempty"` // what failed: routing, store miss, store latency, store error; missing: not known
	From        string      `json:"from"`           // instance that had the state
	To          string      `json:"to"`             // instance that was asked
	Tier        string      `json:"tier,omitempty"`
	Why         string      `json:"why"`
	RecoveredMs float64     `json:"recovered_ms"` // -1: never, within the window
	Request     RequestLine `json:"request"`
	Before      RequestLine `json:"before"` // the last good request of the session
	Source      string      `json:"source,omitempty"`
	LoggedIn    bool        `json:"logged_in"`
	Cart        int         `json:"cart_items"` // -1 unknown
	User        string      `json:"user,omitempty"`
	Client      string      `json:"client"` // address cut to /24 or /48
	Agent       string      `json:"client_family,omitempty"`
	Weight      float64     `json:"weight"`
	Proof       string      `json:"proof"` // "application event", or the sign from the log
}

// RequestLine is a request as the report shows it: no query, no credential.
type RequestLine struct {
	At       time.Time `json:"at"`
	Method   string    `json:"method"`
	Path     string    `json:"path"`
	Status   int       `json:"status"`
	Instance string    `json:"instance,omitempty"`
	Source   string    `json:"source,omitempty"`
}

// Move is the first pair of requests of a session that two instances answered.
type Move struct {
	Session string      `json:"session"`
	Before  RequestLine `json:"before"`
	After   RequestLine `json:"after"`
	Moves   int64       `json:"moves"` // of the whole session
	Why     string      `json:"why"`   // what the balancer said about it
	Lost    bool        `json:"lost"`
}

// AffinityHeld is the share of follow-ups that reached the instance of the request before (S2).
type AffinityHeld struct {
	HeldRate   float64 `json:"held_rate"`
	ByInstance []Share `json:"by_instance"`
	ByRoute    []Share `json:"by_route"`
	ByClient   []Share `json:"by_client"`
}

// Share is held of total for one name.
type Share struct {
	Name  string `json:"name"`
	Held  int64  `json:"held"`
	Moved int64  `json:"moved"`
	Lost  int64  `json:"lost"`
}

// Finding is something a configuration says about itself.
type Finding struct {
	Rule     string `json:"rule"`
	Severity string `json:"severity"` // error, warning, info
	File     string `json:"file"`
	Line     int    `json:"line"`
	Title    string `json:"title"`
	Feels    string `json:"feels"`
	Fix      string `json:"fix"`
}

// Step is one question of the fixed, ordered assessment (S11).
type Step struct {
	Step     string `json:"step"`
	Answer   string `json:"answer"`
	Outcome  string `json:"outcome"` // yes, no, unknown
	Evidence []Clue `json:"evidence"`
}

// Health is one change of an instance's health, with what it cost (S44).
type Health struct {
	At       time.Time `json:"at"`
	Instance string    `json:"instance"`
	To       string    `json:"to"` // up, down, started, reloaded
	Tier     string    `json:"tier,omitempty"`
	Detail   string    `json:"detail,omitempty"`
	Source   string    `json:"source,omitempty"`
	Moved    int64     `json:"moved_sessions"` // in the window until the next change
	Lost     int64     `json:"lost_sessions"`

	// Served is how the instance answered real requests while its health check failed; of changes to down, where it
	// is known.
	Served *Served `json:"served,omitempty"`
}

// Served counts the follow-ups that an instance answered around the moment when it was taken out (S50).
type Served struct {
	From      time.Time `json:"from"`     // its check had been failing since then, at least
	Honoured  int64     `json:"honoured"` // from then until it was taken out
	Followups int64     `json:"followups"`
	WhileOut  int64     `json:"while_out"` // honoured between being taken out and coming back
	Restarted bool      `json:"restarted"` // its process started anew: it was really gone
}

// Change is a recorded change.
type Change struct {
	At     time.Time `json:"at"`
	Kind   string    `json:"kind"`
	Target string    `json:"target,omitempty"`
	What   string    `json:"what,omitempty"`
	Ref    string    `json:"ref,omitempty"`
	Source string    `json:"source,omitempty"`
}

// Series is continuity over time. Step s covers [Start + s*StepS, Start + (s+1)*StepS).
type Series struct {
	Start     time.Time `json:"start"`
	StepS     float64   `json:"step_s"`
	Followups []int64   `json:"followups"`
	Honoured  []int64   `json:"honoured"`
	Moved     []int64   `json:"moved"`
	Breaks    []int64   `json:"breaks"`
}

// Story is one broken session, request by request: the lane picture's data.
type Story struct {
	Session   string      `json:"session"`
	Cause     string      `json:"cause"`
	Loss      string      `json:"loss,omitempty"` // as in Break
	Why       string      `json:"why"`
	Instances []string    `json:"instances"`
	Tiers     []string    `json:"tiers"`
	Store     string      `json:"store,omitempty"`
	Requests  []StoryStep `json:"requests"`
	Omitted   int64       `json:"omitted"` // requests not kept

	// Divergence is where the break's way first differs from a healthy session's, nil if there was none to compare with.
	Divergence *Divergence `json:"divergence,omitempty"`
}

// Divergence is the first hop at which a broken session's request went another way than a healthy one's (S78).
type Divergence struct {
	Hop     string      `json:"hop"`            // client, tier, instance, store, answer
	Name    string      `json:"name,omitempty"` // of the tier, the instance, the store
	Broken  string      `json:"broken"`         // what is so of the broken session
	Healthy string      `json:"healthy"`        // and of the healthy one
	With    string      `json:"with"`           // the healthy session's pseudonym
	Own     bool        `json:"own,omitempty"`  // no session was healthy: it is the broken one's own last good request
	Request RequestLine `json:"request"`        // the healthy session's request
	Hops    []Hop       `json:"hops"`           // all hops up to the one that differs
}

// Hop is one place of a request's way, as two sessions passed it.
type Hop struct {
	Hop     string `json:"hop"`
	Name    string `json:"name,omitempty"`
	Broken  string `json:"broken"` // "": the evidence does not show it
	Healthy string `json:"healthy"`
	Same    bool   `json:"same"`
}

// StoryStep is one request of a story.
type StoryStep struct {
	RequestLine
	Routing  string `json:"routing"`  // first, held, moved, unserved, withheld
	Outcome  string `json:"outcome"`  // honoured, lost, incomplete, withheld, unserved, unknown, none (no follow-up)
	Affinity string `json:"affinity"` // what the balancer made of its cookie
	Note     string `json:"note,omitempty"`
	Break    bool   `json:"break,omitempty"`
	Session  string `json:"session,omitempty"` // pseudonym presented, if it differs from the story's
}

// MapEntry is one row of the session map (S8 to S10).
type MapEntry struct {
	Carrier  string `json:"carrier"`
	Storage  string `json:"storage"`
	Tier     string `json:"tier"`
	Affinity string `json:"affinity"`
	Status   string `json:"status"` // declared, observed, contradicted
	Evidence []Clue `json:"evidence"`
}

// Tier is one balancer of the path, for the picture: listeners, routes, pools, instances (S9).
type Tier struct {
	Name      string         `json:"name"`
	Product   string         `json:"product"`
	Listeners []TierListener `json:"listeners"`
	Pools     []TierPool     `json:"pools"`
}

// TierListener is an entry with the pools that it can reach.
type TierListener struct {
	Name  string   `json:"name"`
	Pools []string `json:"pools"`
	Pos   string   `json:"source,omitempty"`
}

// TierPool is a pool with its affinity and members.
type TierPool struct {
	Name      string         `json:"name"`
	Affinity  string         `json:"affinity"`
	Balance   string         `json:"balance"`
	Check     string         `json:"check"` // "every 2 s, out after 4 to 6 s, back after 2 to 4 s"
	Pos       string         `json:"source,omitempty"`
	Instances []TierInstance `json:"instances"`
}

// TierInstance is a member of a pool with what was seen of it.
type TierInstance struct {
	Name     string `json:"name"`
	Requests int64  `json:"requests"`
	Breaks   int64  `json:"breaks"`
	Downs    int64  `json:"downs"`
}

// Sign is one pattern that counted as a sign of loss in logs without application events.
type Sign struct {
	Sign     string `json:"sign"`
	Breaks   int64  `json:"breaks"`
	Strength string `json:"strength"` // proof, suspicion
	Healthy  string `json:"healthy"`  // how often healthy sessions show it
}
