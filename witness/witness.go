// Package witness records what an application does with its web sessions: it writes
// limpet's lifecycle events, one JSON object a line, so that "the session was lost" is
// the application's own word and not a guess from status codes.
//
// A Recorder is handed its sink and its clock. Wrap gives each request the facts that all
// its events share (request id, trace id, route); Record writes one event. Credentials and
// user names are turned into pseudonyms before a line exists.
package witness

import (
	"context"
	"net/http"
	"strings"
	"time"

	"limpet.dev/session"
)

// An Op is what happened to a session, or to the process.
type Op string

// The operations, as they stand in an event's "event" field.
const (
	Create  Op = "websession.create"  // a new session; its credential was handed out
	Read    Op = "websession.read"    // a lookup; Result says what was found
	Write   Op = "websession.write"   // state was stored; Previous where the credential changed with it
	Rotate  Op = "websession.rotate"  // the credential changed, the state did not; Previous is the old one
	Destroy Op = "websession.destroy" // the session ended; Reason says why
	Restore Op = "websession.restore" // state came back from a replica or an archive
	Start   Op = "process.start"      // the process began to serve
)

// A Result is what a lookup or a write found.
type Result string

// The results, as they stand in an event's "result" field.
const (
	Hit   Result = "hit"
	Miss  Result = "miss"
	Stale Result = "stale" // found, but older or partial
	Error Result = "error" // the store or the session machinery failed
)

// Reasons that tell a legitimate end from a failure. Others may be used.
const (
	ReasonLogout       = "logout"
	ReasonIdle         = "idle"
	ReasonAbsolute     = "absolute"
	ReasonEvicted      = "evicted"
	ReasonRotated      = "rotated"
	ReasonUnreadable   = "unreadable"
	ReasonBadSignature = "bad-signature"
	ReasonTimeout      = "timeout"
	ReasonUnknown      = "unknown"
)

// An Event is one thing that happened to a session. Only Op is required; what is left
// empty is left out of the line.
type Event struct {
	Op     Op
	Result Result
	Reason string

	// Session and Previous are credentials as they travel on the wire. Only their
	// pseudonyms are written.
	Session, Previous string

	// User is a user's name or id. Only its pseudonym ("u:…") is written.
	User string

	// StoreTime is how long the store took, 0: not measured.
	StoreTime time.Duration

	// State counts what the session held ("cart_items": 3), nil: not said.
	State map[string]int
}

// A Recorder writes events to Sink. Its fields are set before first use.
type Recorder struct {
	// Sink receives one line, with its line end. It is called from request goroutines,
	// several at a time, and owns the line. Required.
	Sink func(line []byte)

	// Now is the clock; nil means time.Now.
	Now func() time.Time

	// Zone is the zone in which times are written; nil means UTC.
	Zone *time.Location

	// Key makes the pseudonyms; the same key as in the balancer's log line.
	Key session.Key

	// Instance is this copy of the application, named as the balancer names it.
	Instance string

	// Release is the running version, "" not said.
	Release string

	// Store is where sessions live: memory, cookie, redis …
	Store string

	// FingerprintCookie names the session cookie for balancers whose log cannot make an HMAC: answers then carry
	// PresentedHeader and SetHeader, which the balancer logs and removes. "" adds no headers.
	FingerprintCookie string

	// RequestIDHeader carries the balancer's request id; "" means X-Request-ID.
	RequestIDHeader string
}

// request is what all events of one request share.
type request struct {
	id, trace, route string
}

type requestKey struct{}

// Wrap hands next each request together with what its events share. Without it events
// carry no request id, and are joined to the balancer's log by pseudonym alone.
func (r *Recorder) Wrap(next http.Handler) http.Handler {
	header := r.RequestIDHeader
	if header == "" {
		header = "X-Request-ID"
	}
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		shared := &request{
			id:    req.Header.Get(header),
			trace: traceID(req.Header.Get("Traceparent")),
			route: route(req.URL.Path),
		}
		if r.FingerprintCookie != "" {
			w = r.fingerprint(w, req)
		}
		next.ServeHTTP(w, req.WithContext(context.WithValue(req.Context(), requestKey{}, shared)))
	})
}

// Record writes one event of the request that ctx belongs to. Outside a request (a
// clean-up job, the start of the process) any context serves.
func (r *Recorder) Record(ctx context.Context, e Event) {
	now := time.Now
	if r.Now != nil {
		now = r.Now
	}
	shared, _ := ctx.Value(requestKey{}).(*request)
	if shared == nil {
		shared = &request{}
	}
	r.Sink(r.line(now(), shared, &e))
}

// route is the path without path parameters, which may hold a credential (;jsessionid=…).
func route(path string) string {
	path, _, _ = strings.Cut(path, ";")
	return path
}

// traceID is the second field of a W3C traceparent header, "" if it has none.
func traceID(traceparent string) string {
	parts := strings.Split(traceparent, "-")
	if len(parts) < 4 || len(parts[1]) != 32 {
		return ""
	}
	return parts[1]
}
