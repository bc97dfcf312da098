package lab

import (
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"limpet.dev/witness"
)

// exchangeHeader carries the number of an exchange through the balancer to the shop, so
// that the ledger learns what the shop's own store knew. No log shows it.
const exchangeHeader = "X-Lab-Exchange"

// A ledger keeps the exchanges that are under way. Clients open and close them, the shop
// writes into them.
type ledger struct {
	next atomic.Uint64
	open sync.Map // number as text -> *exchange
}

// An exchange is one request under way.
type exchange struct {
	id string

	mu   sync.Mutex
	seen seen
}

// seen is one request as the shop's application saw it.
type seen struct {
	handled  bool // an instance's application got it
	page     bool // a page that looks at sessions, not a static file
	instance string
	at       time.Time // when the application looked for the session, or got the request

	looked  bool // it looked for a session
	result  witness.Result
	reason  string
	touched bool // the session's idle time began anew

	issued []issue
	ended  bool // the client logged out
}

// An issue is a credential handed out.
type issue struct {
	credential string
	previous   string // the credential that it replaces, "" for a new session
	user       string
	items      int
	at         time.Time
	kept       bool // the answer did not carry it
}

func (l *ledger) begin() *exchange {
	x := &exchange{id: strconv.FormatUint(1_000_000+l.next.Add(1), 10)}
	l.open.Store(x.id, x)
	return x
}

func (l *ledger) end(x *exchange) { l.open.Delete(x.id) }

// of returns the exchange that a request belongs to, nil for the balancer's own checks.
func (l *ledger) of(r *http.Request) *exchange {
	x, ok := l.open.Load(r.Header.Get(exchangeHeader))
	if !ok {
		return nil
	}
	return x.(*exchange)
}

// note lets the shop write into x; a nil exchange notes nothing.
func (x *exchange) note(write func(s *seen)) {
	if x == nil {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	write(&x.seen)
}

// told returns what the shop has written so far.
func (x *exchange) told() seen {
	x.mu.Lock()
	defer x.mu.Unlock()
	s := x.seen
	s.issued = slices.Clone(s.issued)
	return s
}
