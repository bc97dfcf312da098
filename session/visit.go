package session

import "time"

// An Outcome is what became of a request as a follow-up.
type Outcome uint8

// The outcomes. Plain is a request that was no follow-up: nothing was presented, or
// what was presented had ended. Suspect is a follow-up whose answer looks like a loss; what
// healthy sessions show decides later whether it was one.
const (
	Plain Outcome = iota
	Honoured
	Lost
	Incomplete
	Withheld
	Unserved
	Unknown
	Suspect
)

var outcomeNames = [...]string{"none", "honoured", "lost", "incomplete", "withheld", "unserved", "unknown", "suspect"}

// String returns the outcome's name as reports write it.
func (o Outcome) String() string { return outcomeNames[o] }

// A Routing is where a follow-up went, compared with the request before it.
type Routing uint8

// The ways a request can be routed. FirstSeen: no request before it is known.
const (
	NoRouting Routing = iota
	FirstSeen
	Held
	Moved
	RoutedNowhere // unserved
	NotPresented  // withheld
)

var routingNames = [...]string{"first", "first-seen", "held", "moved", "unserved", "withheld"}

// String returns the routing's name as reports write it.
func (r Routing) String() string { return routingNames[r] }

// Signs are what an answer says about a session when no application event does, and what
// an application said that may be an expiry.
type Signs uint8

// The signs of loss.
const (
	SignNewCredential Signs = 1 << iota // a new credential for one that was presented, outside login
	SignDenied                          // 401, 403, 419, 440 or the way to the login page, on a route that answered this session before
	SignCleared                         // the answer deleted the cookie, outside logout
	SignLogin                           // a new login by a signed-in client that had not logged out
	SignShrunk                          // a state page much smaller than before
	SignMiss                            // the application knew no such session and gave no reason
)

// A Mark is a break that shows in how a credential is used, not in what became of one request.
type Mark uint8

// The marks. MixedUp: two clients use one credential. NeverEstablished: somebody signed in and the client never came
// with a credential. NotServed: the balancer has no instance for this session again and again.
const (
	NoMark Mark = iota
	MixedUp
	NeverEstablished
	NotServed
)

var markNames = [...]string{"", "mixed-up", "never-established", "unserved"}

// String returns the mark as the kind of a break.
func (m Mark) String() string { return markNames[m] }

// A Visit is one request of a session as the Correlator judged it.
type Visit struct {
	Start                                          int64
	Presented                                      uint64
	DurUs                                          uint32
	Line, Net, Affinity, NewAffin                  uint32
	Bytes                                          int32
	Instance, AppOn, Pool, Listener, Route, Status uint16
	Input, Reason, Agent, Release                  uint16
	App                                            AppFacts
	Cart                                           int16
	Flow                                           Flow
	Flags                                          Flags
	Method                                         Method
	Routing                                        Routing
	Outcome                                        Outcome
	Signs                                          Signs
	SetNew                                         bool // the answer set another credential
	Rolled                                         bool // the answer handed the credential presented out again
	Mark                                           Mark
	Readdressed                                    bool   // the client's address is not that of the request before
	SameAffinity                                   bool   // the affinity value presented is the one that was presented or set last
	KnownOn                                        uint16 // where the application last knew the session, by its own name or that of the innermost balancer
	Net6                                           uint16
}

// At returns the request's start as a time.
func (v *Visit) At() time.Time { return time.Unix(0, v.Start).UTC() }

// End returns when the answer was complete.
func (v *Visit) End() int64 { return v.Start + int64(v.DurUs)*1000 }

func visitOf(r *Record) Visit {
	return Visit{
		Start: r.Start, Presented: r.Presented, DurUs: durUs(r), Line: r.Line, Net: r.Net, Net6: r.Net6, Affinity: r.Affinity,
		NewAffin: r.NewAffin, Bytes: r.Bytes, Instance: r.Instance, AppOn: r.AppOn, Pool: r.Pool, Listener: r.Listener, Route: r.Route,
		Status: r.Status, Input: r.Input, Reason: r.Reason, Agent: r.Agent, Release: r.Release, App: r.App,
		Cart: int16(min(r.Cart, 1<<15-1)), Flow: r.Flow, Flags: r.Flags, Method: r.Method,
		SetNew: r.Set != 0 && r.Set != r.Presented, Rolled: r.Set != 0 && r.Set == r.Presented,
	}
}

// An End says how a session life ended.
type End uint8

// The ends. Only Abandoned (silence until the window's end) says nothing.
const (
	Abandoned End = iota
	EndLogout
	EndIdle
	EndAbsolute
)

// A Class says what a route is for.
type Class uint8

// The classes of routes.
const (
	Ordinary Class = iota
	LoginRoute
	LogoutRoute
	CartRoute
	CheckoutRoute
	AssetRoute
)

// A Timeline is the life of one session that moved or was in trouble. One that only moved has counts and the pair of requests
// at which it moved; a session with a follow-up that was not honoured has its visits too. It is lent: copy what is to be kept.
type Timeline struct {
	Pseudonym   Pseudonym
	First, Last int64
	Client      uint64
	Net         uint32
	Net6        uint16
	IPv6        bool
	Agent       uint16
	User        uint64
	Created     bool // its creation was seen
	LoggedIn    bool
	Cart        int16 // most items known just before the trouble, -1 unknown
	End         End
	Followups   uint32
	Moves       uint32
	Before      Visit // the pair at which the session moved first, if Moves > 0
	After       Visit
	Visits      []Visit
	Omitted     uint32 // visits that were not kept
	Flips       uint32 // how often the state shown changed with the instance, without a write
	Recovered   int64  // when the client had a working session again after the first trouble, 0 never
	RecoveredBy string
}
