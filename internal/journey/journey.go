// Package journey plays what users do (sign in, fill a cart, check out) against a running site, once as every kind of client,
// and says for each whether the session was still there at the end, by what the pages say and not only by their status.
// Where a journey breaks it names the cookie, the rule by which that client kept it at home, and the header that mends it.
//
// How the parts meet: a File (file.go) holds journeys as users write them; Run (run.go) plays each of them in each client
// (play.go) through a guard (guard.go) that contacts no host that is not on the list; the traffic goes to
// package clientside, which names causes (explain.go); Write shows the matrix (text.go).
package journey

import (
	"time"

	"limpet.dev/cookie"
)

// A Result is what came of all journeys in all clients.
type Result struct {
	Schema   string  `json:"schema"`
	Target   string  `json:"target"`
	Verdict  Verdict `json:"verdict"`
	Cells    []Cell  `json:"cells"` // journey by journey, client by client, in the order of the file and of the client table
	Requests int64   `json:"requests"`
	Stopped  string  `json:"stopped,omitempty"` // why a safety rule ended the run
}

// Schema names the form of a Result.
const Schema = "limpet.journeys/v1"

// A Verdict is a result in one word.
type Verdict string

// The verdicts.
const (
	Passed    Verdict = "passed"
	Failed    Verdict = "failed"     // some client lost its session, or a page was not as expected
	Stopped   Verdict = "stopped"    // by a safety rule
	NotProven Verdict = "not-proven" // the site did not answer
)

// An Outcome is what came of one journey in one client.
type Outcome string

// The outcomes. Unable: this kind of client cannot make the journey at all, whatever the site does.
const (
	Pass   Outcome = "pass"
	Fail   Outcome = "fail"
	Unable Outcome = "unable"
	Broken Outcome = "no-answer"
)

// A Cell is one journey in one client.
type Cell struct {
	Journey string       `json:"journey"`
	Client  string       `json:"client"` // the identifier of package cookie's table
	Class   cookie.Class `json:"class"`
	Outcome Outcome      `json:"outcome"`

	// Checks is how many expectations were met of those that the journey has; their quotient is the cell's continuity.
	Met    int `json:"met"`
	Checks int `json:"checks"`

	// Where and why it went wrong.
	Step   string   `json:"step,omitempty"`   // "3 open /cart"
	Want   string   `json:"want,omitempty"`   // what was expected there
	Got    string   `json:"got,omitempty"`    // what came, without anything of the page's text
	Reason string   `json:"reason,omitempty"` // in words
	Cause  string   `json:"cause,omitempty"`  // the catalogue's identifier, or a rule of limpet cookies
	Cookie string   `json:"cookie,omitempty"` // name
	Rules  []string `json:"rules,omitempty"`  // the rules by which it stayed at home
	Fix    string   `json:"fix,omitempty"`    // one exact header

	// Clean says whether the state was gone after the journey's clean-up; "" where it has none, or came not so far.
	Clean string        `json:"clean,omitempty"` // "gone", "still there"
	Took  time.Duration `json:"-"`
}

// Continuity is the share of expectations that were met, 1 where there are none.
func (c *Cell) Continuity() float64 {
	if c.Checks == 0 {
		return 1
	}
	return float64(c.Met) / float64(c.Checks)
}
