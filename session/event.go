package session

// A Kind says what an Event reports.
type Kind uint8

// The kinds of event. Request comes from balancer logs, Create to Restore and
// Start from applications (limpet's lifecycle events), Health and Lifecycle from
// balancer logs again.
const (
	Request Kind = iota + 1
	Create
	Read
	Write
	Rotate
	Destroy
	Restore
	Start     // an instance's process started
	Health    // a balancer changed its mind about an instance
	Lifecycle // the balancer itself started, reloaded or stopped
)

// A Result is what the application found when it looked for a session.
type Result uint8

// The results of a session operation. NoResult means the source did not say.
const (
	NoResult Result = iota
	Hit
	Miss
	Stale // found, but older or partial state: an incomplete session
	Error // the store or the session machinery failed
)

// UnknownMs marks a duration that the source did not log.
const UnknownMs = -1

// A Credential is a session credential as a source shows it: the raw value, or
// already a fingerprint. Raw never leaves the process.
type Credential struct {
	// Raw is the value on the wire, or the fingerprint's text. Empty: none.
	Raw []byte

	// Opaque says that Raw is an identifier of the application's own, in a space apart from
	// what travels on the wire.
	Opaque bool

	// Fingerprint says that Raw is a pseudonym already ("s:…" or 32 hexadecimal digits).
	Fingerprint bool

	// Cut says that the log may have cut the value, so that it can match nothing.
	Cut bool
}

// Empty reports whether no credential was there. An emptied or "deleted" cookie is none.
func (c Credential) Empty() bool { return len(c.Raw) == 0 }

// An Event is one thing that one source saw: a request through a balancer, a lifecycle
// event of an application, a change of an instance's health. A scanner lends it: it and
// the bytes that it points into belong to the scanner until the next line is read.
//
// Times are nanoseconds since 1970 UTC by the source's own clock; 0 means unknown.
type Event struct {
	Kind Kind

	// Start is when the request reached the source (its own first byte, not the accept of a
	// kept-alive connection), End when the source had finished. For application events both
	// are the event's time.
	Start, End int64

	// Has says which facts the source can show at all, so that "absent" and "not logged"
	// stay apart.
	Has Facts

	Instance []byte // the instance that answered, as this source names it
	Pool     []byte // the balancer's pool (backend, upstream)
	Listener []byte // the balancer's entry (frontend, server block)

	RequestID []byte
	TraceID   []byte

	Session    Credential // presented by the client, or the session an application event is about
	SetSession Credential // handed to the client by this answer
	Previous   Credential // application events: the credential that Session replaced
	Twice      bool       // the client presented the credential's name more than once
	Held       Credential // captures of a client: what it holds and did not present, by the rule in Reason
	Cleared    bool       // the answer deleted the client's session cookie

	Affinity    []byte // the affinity cookie's value as presented; never shown
	SetAffinity []byte // the affinity cookie's value in the answer; never shown

	Client    []byte // client address as text, without port
	Port      uint16 // of the client's connection; 0 unknown
	UserAgent []byte
	Method    []byte
	Target    []byte // request target as logged: path with or without query; the query is never kept
	Host      []byte
	Scheme    []byte
	Referer   []byte // Referer or Origin, at least its host
	Location  []byte // where a redirect points, query removed if the log can
	Status    uint16 // 0: none
	Bytes     int64  // response size, -1 unknown
	TotalMs   int32  // whole duration, UnknownMs where not logged
	ServerMs  int32  // the instance's own answer time, UnknownMs where not logged

	// Flow is the balancer's own account of how it routed this request.
	Flow Flow

	// Application events. A capture's Reason is the rule by which the client kept its credential back.
	Result  Result
	Reason  []byte // logout, idle, absolute, evicted, rotated, unreadable, bad-signature, timeout, …
	User    []byte // pseudonym of the user, "u:…"
	Store   []byte // memory, redis, …
	StoreMs float32
	Release []byte
	Cart    int32  // state.cart_items, -1 unknown
	State   uint32 // hash of the rest of the state that the application showed (settings …), 0 none; seeded per process

	// Health and Lifecycle events.
	Up     bool   // the instance is UP; for Lifecycle: the balancer started
	Detail []byte // the balancer's own words, redacted
}

// Facts is a set of what a source's lines can show.
type Facts uint16

// The facts that decide what can be known from a log.
const (
	HasSession     Facts = 1 << iota // the session credential presented
	HasSetSession                    // the session credential set
	HasAffinity                      // the affinity cookie presented
	HasSetAffinity                   // the affinity cookie set
	HasInstance
	HasStatus
	HasRequestID
	HasUserAgent
	HasReferer
	HasTarget
	HasClient
	HasFlow
	HasLocation // where a redirect points
	ClientSide  // the source is the client itself: a capture
)

// Flow is how a balancer routed one request, in product-neutral words. The scanner
// translates the product's own flags (HAProxy's termination state, say) into it.
type Flow struct {
	// Affinity is what the balancer made of the affinity cookie that was presented.
	Affinity AffinityState

	// Set is what the answer did to the affinity cookie.
	Set AffinitySet

	// Unserved: no instance answered; the answer is the balancer's own.
	Unserved bool

	// Aborted: the client went away before the answer was complete.
	Aborted bool

	// Redispatched: the balancer gave up the instance chosen first and took another.
	Redispatched bool

	// Retries counts connection attempts beyond the first.
	Retries uint8

	// Queued: the request waited for a free place at an instance.
	Queued bool

	// Code is the product's own text for all this ("--DI"), kept as evidence.
	Code [4]byte
}

// AffinityState is what became of the affinity value that a request presented.
type AffinityState uint8

// The states of a presented affinity value. AffinityUnknown: the log does not say.
const (
	AffinityUnknown AffinityState = iota
	AffinityOff                   // no affinity cookie in force here
	AffinityNone                  // none presented
	AffinityValid                 // presented, valid, followed
	AffinityInvalid               // names no instance
	AffinityDown                  // names an instance that is down or was given up
	AffinityIdle                  // older than the idle limit
	AffinityOld                   // older than the absolute limit
	AffinityUnused                // presented, but a rule overrode it
)

// AffinitySet is what an answer did to the affinity cookie.
type AffinitySet uint8

// What an answer can do to the affinity cookie.
const (
	SetUnknown AffinitySet = iota
	SetNothing
	SetInserted
	SetRewritten
	SetRefreshed
	SetDeleted
	SetPassed
)

// Reset empties e for the next line, with unknown numbers marked as such.
func (e *Event) Reset() {
	*e = Event{Bytes: -1, TotalMs: UnknownMs, ServerMs: UnknownMs, Cart: -1}
}
