// Package lb says what a load balancer's package must bring: reading its configuration
// and its log, choosing an instance as it would, and writing the log line it would write.
// A Product is a struct of functions; a nil field is a capability that the product lacks.
package lb

import (
	"io/fs"
	"net/netip"
	"time"

	"limpet.dev/session"
	"limpet.dev/topology"
)

// A Product is what Limpet knows about one load balancer.
type Product struct {
	// Name as users write it in limpet.yaml: "haproxy", "nginx".
	Name string

	// SniffConfig reports how certain it is, 0 to 1, that the head of a file is this
	// product's configuration.
	SniffConfig func(head []byte) float64

	// SniffLog does the same for a log, given some of its first lines.
	SniffLog func(head []byte) float64

	// LogKind names the log that some first lines belong to, where a product writes several at the same
	// time (nginx's error log beside its access logs): files of one kind follow one another in time. nil: there is
	// but one.
	LogKind func(head []byte) string

	// Config reads the configuration files (in the order in which the product would) and says what they mean.
	// Unknown directives are no errors; what it cannot read is in the error, with file and line,
	// and the topology then holds what could be read.
	Config func(fsys fs.FS, files []string, env Env) (*topology.Config, error)

	// Parsers compiles the log formats that a configuration declares (cfg may be nil: the
	// product's built-in formats) into line parsers.
	Parser func(opt LogOptions) (LineParser, error)

	// Router returns the routing decisions for one pool of a configuration.
	Router func(cfg *topology.Config, pool string) (Router, error)

	// LogLine is the configuration to add so that the log loses nothing; text for a user to paste.
	LogLine func(opt LogLineOptions) (string, error)

	// FormatLine appends the line that the product would log for a request, with its newline;
	// format is the product's own format string, "" for the default.
	FormatLine func(opt LogOptions) (LineWriter, error)

	// Advice is what a user can do with this product so that its log shows more.
	Advice Advice

	// Plan says how to start the product.
	Plan func(in PlanInput) (*Plan, error)
}

// Advice is text for users whose log shows too little; "" where there is nothing to say.
type Advice struct {
	Cookie  string // the least change that shows the session cookie, beside the whole line of LogLine
	Notices string // where the product writes that servers go and come, and that it started
}

// Env is the environment that a configuration may refer to.
type Env func(name string) (string, bool)

// LogOptions says what a log's lines look like.
type LogOptions struct {
	// Format is the product's own format string; empty means that Config's or the default is used.
	Format string

	// Config, if known, gives formats, captures and names.
	Config *topology.Config

	// SessionCookie and AffinityCookie are the names whose values the log may carry.
	SessionCookie, AffinityCookie string

	// Sample holds some of the log's first lines, for formats that nobody declared.
	Sample []byte

	// Zone is the zone of times that carry none; nil means UTC.
	Zone *time.Location

	// Year is the year for times that carry none, 0: the year of the first dated field.
	Year int

	// Header is the form of the header that a LineWriter puts in front of each line, in the
	// product's own word ("iso", "rfc3164"); "" is none. Parsers find it out by themselves.
	Header string
}

// A LineParser reads lines of one log. It is used by one goroutine.
type LineParser interface {
	// Format names what it reads ("haproxy/httplog"), for the report.
	Format() string

	// Parse reads one line, without its line end, into e (which it resets) and returns 0, or
	// says why the line is no event. The event points into line.
	Parse(line []byte, e *session.Event) Skip

	// Clone returns a parser of the same format for another goroutine.
	Clone() LineParser
}

// A RecordReader is a LineParser that reads the usual lines of its format straight into records.
type RecordReader interface {
	LineParser

	// ReadRecords reads lines of data, which ends behind a line end, from index at on into out, until out is full, data ends,
	// or a line comes that Parse must read. It returns how many it has read and where the next line begins.
	// Each record is a copy of like with what the line says and its number, counted from like.Line + 1. What is set or not
	// set is as red.Reduce would have it; Has is the same in all records of a call. New data begins at index 0.
	ReadRecords(data []byte, at int, red *session.Reducer, like *session.Record, out []session.Record) (read, next int)
}

// Zoned is a LineParser that finds out in which zone the product's clock is, for other logs of the
// same product whose times carry none.
type Zoned interface {
	// Zone returns nil if it does not know.
	Zone() *time.Location
}

// A Skip is the reason why a line is no event. The text is stable: reports count by it.
type Skip string

// Reasons common to all products; products may add their own.
const (
	Read         Skip = ""
	SkipEmpty    Skip = "empty line"
	SkipBinary   Skip = "binary data"
	SkipForeign  Skip = "not a line of this log's format"
	SkipCut      Skip = "line cut off"
	SkipTime     Skip = "no readable time"
	SkipTooLong  Skip = "line longer than 1 MiB"
	SkipNotice   Skip = "the balancer's own message"
	SkipTCP      Skip = "connection of TCP mode: no requests, so no sessions"
	SkipTLSError Skip = "failed TLS handshake"
)

// A Call is what a router knows about one request.
type Call struct {
	Client  netip.Addr
	Method  string
	Target  string // path and query
	Host    string
	Header  func(name string) (string, bool)
	Cookie  func(name string) []string // all values of that name, in the order sent
	Now     time.Time
	ConnKey string // identifies the client's connection

	// Sent says, where an attempt has failed, that the instance had got the request before.
	Sent bool
}

// A Decision is where a request goes, and what the balancer tells the client.
type Decision struct {
	// Instance is the name of the server, "" if none can be chosen.
	Instance string

	// SetCookie is the Set-Cookie line that the balancer adds, "" for none.
	SetCookie string

	// StripCookie names a request cookie that the balancer removes on the way in, "" for none.
	StripCookie string

	// Flow is what the balancer would log.
	Flow session.Flow

	// TrimCookie names a request cookie from whose value the balancer removes its own prefix,
	// all up to and including the first TrimMark, on the way in; "" for none.
	TrimCookie string
	TrimMark   byte

	// Pool is the pool that the request goes through where that is another than the router was asked for (a
	// cookie may lead to a pool of its own), "" for the same.
	Pool string

	// Note is the router's own and comes back to it in Failed and Answered.
	Note any
}

// An Answer is what a router needs to know of an instance's answer.
type Answer struct {
	Status    int
	SetCookie []string // the application's Set-Cookie lines
}

// An Answerer is a Router that also acts on answers: it rewrites or drops Set-Cookie lines,
// learns from them, or asks for another attempt. Who drives a router calls it when there is an answer.
type Answerer interface {
	// Answered returns the decision as it is logged, and the Set-Cookie lines that the client
	// gets, the balancer's own included.
	Answered(c *Call, d Decision, a Answer) (Decision, []string)
}

// A Judge is a Router of a product that takes instances out by itself when live requests fail.
type Judge interface {
	// TakenOut returns the instances that were taken out since it was asked last.
	TakenOut() []string
}

// A Critic is a Router that knows what it cannot follow: conditions and expressions of the
// configuration that it treats as never true. Each text starts with file:line.
type Critic interface {
	Limits() []string
}

// A Router chooses instances as the product does. It holds the product's run-time state
// (round-robin position, learned table, up and down). It is used by one goroutine.
type Router interface {
	Route(c *Call) Decision

	// Failed says that the instance of the last decision could not be connected, and asks for
	// another; ok is false if the product would give up.
	Failed(c *Call, last Decision, attempt int) (next Decision, ok bool)

	// SetUp says that an instance's health changed.
	SetUp(instance string, up bool)

	// SetDrain says that an instance takes no new clients.
	SetDrain(instance string, drain bool)

	// Reload forgets what a reload of the product forgets.
	Reload()
}

// A Record is a request as the emulator saw it, for a LineWriter.
type Record struct {
	Start                                  time.Time
	IdleMs, QueueMs, ConnectMs, ResponseMs int
	TotalMs                                int
	Client                                 netip.AddrPort
	Listener, Pool, Instance               string // Instance "" if unserved
	InstanceAddr                           netip.AddrPort
	Method, Target, Proto, Host, UserAgent string
	Referer, Origin, Scheme, Location      string
	RequestID                              string
	Status                                 int
	Bytes                                  int64
	Flow                                   session.Flow
	Session, SetSession                    string // raw values of the session cookie, "" none
	Affinity, SetAffinity                  string // raw values of the affinity cookie, "" none
	Cleared                                bool   // the answer deletes the session cookie
	Key                                    session.Key
	Retries                                int

	// Tried holds the addresses of the attempts before the last, the first first, where they are known.
	Tried []string
}

// A LineWriter writes log lines as the product would.
type LineWriter interface {
	AppendRequest(dst []byte, r *Record) []byte
	AppendHealth(dst []byte, at time.Time, pool, instance string, up bool, detail string) []byte
	AppendStart(dst []byte, at time.Time, proxy string) []byte
}

// LogLineOptions names what the log line shall show.
type LogLineOptions struct {
	SessionCookie  string // default "SESSION"
	AffinityCookie string // default: the first affinity cookie of Config, or "SRV"
	Config         *topology.Config
	Behind         bool   // it stands behind another tier: keep the request id that came
	KeyVariable    string // the environment variable that holds the key in base64
	Variant        string // product's own variants; "" is the first
}

// PlanInput is what the lab wants a balancer to be.
type PlanInput struct {
	Dir       string            // where files are written
	Config    string            // configuration text, with addresses already in place
	Binary    string            // path; "" finds it
	Files     map[string]string // what the configuration refers to, by name within Dir
	Reload    bool              // the command for a reload instead of the first start
	OldPID    int
	Key       session.Key
	LogTarget string
}

// A Plan is how to start a balancer: data that the lab carries out.
type Plan struct {
	Files map[string]string // relative name -> text
	Check []string          // command that checks the configuration, nil if there is none
	Start []string          // command line that stays in the foreground
	Env   []string

	// Signal is what makes the running process take the new files over, by its name ("HUP"); "" if a reload
	// starts a second process instead.
	Signal string

	// Stdout says that the log is what the process writes to its standard output.
	Stdout bool
}
