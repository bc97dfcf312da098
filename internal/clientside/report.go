// Package clientside says what clients do with a site's cookies: which they keep, which they send with which kind of request,
// and by which rule not. It walks through captures with the client engine of package cookie, compares what the engine
// expects with what was really presented, and names for each disappearance the request, the cookie, the rule, the
// clients concerned and the header that mends it. It never shows a value.
package clientside

import (
	"time"

	"limpet.dev/capture"
	"limpet.dev/cookie"
)

//go:generate go run ./gen ../../docs/limpet.cookies.v1.schema.json

// Schema names the form of the report.
const Schema = "limpet.cookies/v1"

// A Report is everything that is known about the cookies of some captures.
type Report struct {
	Schema   string    `json:"schema"`
	Verdict  Verdict   `json:"verdict"`
	Headline string    `json:"headline"`
	Inputs   []Input   `json:"inputs"`
	Findings []Finding `json:"findings"`
	Cookies  []View    `json:"cookies"`
	Changes  []Change  `json:"changes"`
	Rewrites []Rewrite `json:"rewrites"`
	Unknown  []string  `json:"unknown"` // what these inputs cannot tell

	Notes []Note `json:"-"` // request by request, for who follows sessions
}

// A Note says what became of a session or affinity cookie with one exchange.
type Note struct {
	Input, N int
	Cookie   string
	Set      bool           // an answer's line that was not kept; else a cookie that stayed at home
	Why      cookie.Reasons // by the engine's word
	Held     capture.Secret // the value that stayed at home
	Counts   bool           // the request needed it: a page, a call, not a picture
	Never    bool           // it was refused before: the client has nothing to send
}

// A Verdict is the report in one word.
type Verdict string

// The verdicts.
const (
	Clean     Verdict = "clean"
	Problems  Verdict = "problems"
	NotProven Verdict = "not-proven"
)

// An Input is one capture as it was read.
type Input struct {
	Path      string         `json:"path"`
	Kind      string         `json:"kind"`
	Creator   string         `json:"creator,omitempty"`
	Exchanges int            `json:"exchanges"`
	Skipped   map[string]int `json:"skipped,omitempty"`
	Sanitised bool           `json:"sanitised,omitempty"`
	Error     string         `json:"error,omitempty"`
	From      time.Time      `json:"from,omitzero"`
	To        time.Time      `json:"to,omitzero"`
}

// A Severity says how bad a finding is.
type Severity string

// The severities.
const (
	Error   Severity = "error"   // sessions are lost by it
	Warning Severity = "warning" // they may be
	Info    Severity = "info"
)

// A Finding is one way in which a cookie does not do what it is for.
type Finding struct {
	Rule     string   `json:"rule"` // stable: a cause of the catalogue, or a rule of this package
	Severity Severity `json:"severity"`
	Cookie   string   `json:"cookie"`
	Title    string   `json:"title"`
	Feels    string   `json:"feels,omitempty"`   // what the user notices
	Request  *Request `json:"request,omitempty"` // the first at which it was seen
	Times    int      `json:"times"`             // how often it was seen; 0: it follows from the header alone
	Reasons  []string `json:"reasons,omitempty"` // names of the Chrome DevTools Protocol, X.… ours
	Browser  []string `json:"browser_says,omitempty"`
	Clients  []string `json:"clients,omitempty"` // concerned
	Evidence []string `json:"evidence,omitempty"`
	Routes   []string `json:"routes,omitempty"`
	Fix      string   `json:"fix,omitempty"` // one exact header
	Why      string   `json:"why_fix,omitempty"`
}

// A Request is where something was seen.
type Request struct {
	Input  string    `json:"input,omitempty"`
	N      int       `json:"n"`
	At     time.Time `json:"at,omitzero"`
	Method string    `json:"method,omitempty"`
	URL    string    `json:"url"` // no query
	From   string    `json:"from,omitempty"`
	Status int       `json:"status,omitempty"`
}

// A View is one cookie in all clients.
type View struct {
	Name     string `json:"name"`
	Role     Role   `json:"role"`
	Product  string `json:"product,omitempty"` // an affinity cookie's balancer
	Says     string `json:"says,omitempty"`    // what the affinity value names, without secrets
	Header   string `json:"header"`            // the line with its value replaced
	Host     string `json:"host"`
	Scope    string `json:"scope"` // where it goes, in words
	Bytes    int    `json:"bytes"`
	Lifetime string `json:"lifetime"`
	Set      int    `json:"set"`
	Sent     int    `json:"sent"`
	Withheld int    `json:"withheld"`
	Matrix   []Row  `json:"matrix"`
}

// A Role is what a cookie is for.
type Role string

// The roles.
const (
	SessionCookie  Role = "session"
	AffinityCookie Role = "affinity"
	OtherCookie    Role = "other"
)

// A Row is what clients that behave alike do with a cookie.
type Row struct {
	Clients []string `json:"clients"`
	IDs     []string `json:"ids"`
	Stored  bool     `json:"stored"`
	Why     []string `json:"why,omitempty"` // not stored
	Cells   []Cell   `json:"cells,omitempty"`
}

// A Cell is one kind of request.
type Cell struct {
	Kind string   `json:"kind"`
	Sent bool     `json:"sent"`
	Why  []string `json:"why,omitempty"`
}

// A Change is a difference between two moments in how a cookie is set.
type Change struct {
	Cookie   string    `json:"cookie"`
	Host     string    `json:"host"`
	Fields   []Diff    `json:"fields"`
	After    time.Time `json:"after,omitzero"`  // last seen as it was
	Before   time.Time `json:"before,omitzero"` // first seen as it is now
	Silenced []Silence `json:"silenced"`
	Fix      string    `json:"fix,omitempty"`
}

// A Diff is one attribute that changed. "" is absent.
type Diff struct {
	Attribute string `json:"attribute"`
	Was       string `json:"was"`
	Is        string `json:"is"`
}

// A Silence is a kind of request with which clients stop sending the cookie.
type Silence struct {
	Kind    string   `json:"kind"`
	Clients []string `json:"clients"`
	Why     []string `json:"why"`
}

// A Rewrite is a cookie as the application issued it and as the client got it.
type Rewrite struct {
	Cookie    string `json:"cookie"`
	Issued    string `json:"issued"`
	Delivered string `json:"delivered"` // "" dropped
	Directive string `json:"directive"`
	Source    string `json:"source"` // file:line
}
