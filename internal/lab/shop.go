package lab

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	"limpet.dev/witness"
)

// sessionCookie is the name of the shop's session cookie.
const sessionCookie = "SHOPSESSION"

// A shop is the application of one instance.
type shop struct {
	name         string
	store        sessionStore
	record       *witness.Recorder
	ledger       *ledger
	returnStarts bool
	secure       bool // the session cookie is set with Secure, and over https only
	schemeLost   bool // does not believe what it is told about the scheme: all is http
	rolling      bool // every page hands the session cookie out again

	// late is how much longer each answer takes, and how much longer the health page's.
	late, lateHealth atomic.Int64

	rejected atomic.Int64 // counts lookups, to let some answers fail
}

// handler is the shop's routes behind the witness.
func (s *shop) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", s.health)
	mux.HandleFunc("GET /static/{file}", s.static)
	mux.HandleFunc("GET /robots.txt", s.static)
	for pattern, page := range map[string]func(v *visit){
		"GET /{$}":                (*visit).home,
		"GET /product/{n}":        (*visit).product,
		"GET /search":             (*visit).home,
		"GET /login":              (*visit).loginForm,
		"POST /login":             (*visit).login,
		"POST /logout":            (*visit).logout,
		"GET /cart":               (*visit).cart,
		"POST /cart/add":          (*visit).addToCart,
		"GET /account":            (*visit).account,
		"GET /preferences":        (*visit).preferences,
		"POST /preferences":       (*visit).savePreferences,
		"GET /checkout":           (*visit).checkout,
		"POST /checkout/address":  (*visit).checkoutAddress,
		"POST /checkout/pay":      (*visit).checkoutPay,
		"GET /checkout/return":    (*visit).checkoutReturn,
		"POST /checkout/return":   (*visit).checkoutReturn,
		"GET /api/cart":           (*visit).apiCart,
		"POST /api/cart":          (*visit).apiAdd,
		"GET /api/account":        (*visit).apiAccount,
		"GET /api/recommendation": (*visit).recommendation,
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			if d := time.Duration(s.late.Load()); d > 0 {
				if pause(r.Context(), d); r.Context().Err() != nil {
					return // whoever asked has given up: nothing is done for nobody
				}
			}
			page(s.open(w, r))
		})
	}
	return s.record.Wrap(mux)
}

// pause waits, at most until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// A visit is one request to a dynamic page, with the session that it belongs to.
type visit struct {
	shop *shop
	w    http.ResponseWriter
	r    *http.Request
	x    *exchange

	credential string  // as presented, "" none
	rec        *record // the session's state, nil if there is none
}

// open looks up the session of a request, and says in an event what it found.
func (s *shop) open(w http.ResponseWriter, r *http.Request) *visit {
	v := &visit{shop: s, w: w, r: r, x: s.ledger.of(r)}
	v.x.note(func(x *seen) { x.handled, x.page, x.instance, x.at = true, true, s.name, time.Now() })
	cookie, err := r.Cookie(sessionCookie)
	if err != nil || cookie.Value == "" || cookie.Value == deletedValue {
		return v
	}
	v.credential = cookie.Value
	began := time.Now()
	f := s.store.load(v.credential)
	took := time.Since(began)
	e := witness.Event{Op: witness.Read, Result: witness.Miss, Reason: f.reason, Session: v.credential, StoreTime: took}
	switch {
	case f.failed:
		e.Result = witness.Error
	case f.rec != nil:
		v.rec = f.rec
		e.Result, e.User, e.State = witness.Hit, f.rec.User, f.rec.state()
	}
	v.x.note(func(x *seen) {
		x.looked, x.result, x.reason, x.touched = true, e.Result, f.reason, f.touched
		x.at = time.Now()
	})
	s.record.Record(r.Context(), e)
	switch {
	case f.renewed != "":
		v.wrote(witness.Write, f.renewed, 0)
	case s.rolling && v.rec != nil:
		v.handOut()
	}
	return v
}

func (r *record) state() map[string]int { return map[string]int{"cart_items": r.Items} }

// deletedValue is what a cookie holds after the shop took it back, for clients that keep it.
const deletedValue = "deleted"

// change stores the visit's state: a new session if there was none. It reports whether
// the store took it; if not, it has answered.
func (v *visit) change(edit func(rec *record)) bool {
	op := witness.Write
	if v.rec == nil {
		op, v.credential, v.rec = witness.Create, "", &record{Created: time.Now()}
	}
	edit(v.rec)
	began := time.Now()
	credential, err := v.shop.store.save(v.credential, v.rec)
	return v.stored(op, credential, err, time.Since(began))
}

// rotate gives the session a new credential, as every login should.
func (v *visit) rotate(edit func(rec *record)) bool {
	if v.rec == nil {
		return v.change(edit)
	}
	edit(v.rec)
	began := time.Now()
	credential, err := v.shop.store.rotate(v.credential, v.rec)
	return v.stored(witness.Rotate, credential, err, time.Since(began))
}

func (v *visit) stored(op witness.Op, credential string, err error, took time.Duration) bool {
	if err != nil {
		reason := storeReason(err)
		v.shop.record.Record(v.r.Context(), witness.Event{
			Op: op, Result: witness.Error, Reason: reason, Session: v.credential, StoreTime: took,
		})
		v.x.note(func(x *seen) { x.looked, x.result, x.reason = true, witness.Error, reason })
		v.page(http.StatusInternalServerError, "The shop is not available right now.", 300)
		return false
	}
	v.wrote(op, credential, took)
	return true
}

// wrote tells the event, the ledger and the client about a stored session.
func (v *visit) wrote(op witness.Op, credential string, took time.Duration) {
	previous := ""
	if op != witness.Create && credential != v.credential {
		previous = v.credential
	}
	v.shop.record.Record(v.r.Context(), witness.Event{
		Op: op, Result: witness.Hit, Session: credential, Previous: previous,
		User: v.rec.User, StoreTime: took, State: v.rec.state(),
	})
	changed := credential != v.credential
	v.credential = credential
	kept := changed && !v.handOut()
	v.x.note(func(x *seen) {
		x.touched = true
		if changed {
			x.issued = append(x.issued, issue{
				credential: credential, previous: previous, user: v.rec.User, items: v.rec.Items, at: time.Now(), kept: kept,
			})
		}
	})
}

// handOut sets the session cookie and reports whether it did. A Secure cookie is not set on what the shop takes for plain http: session
// middleware leaves it out there, without a word.
func (v *visit) handOut() bool {
	if v.shop.secure && (v.shop.schemeLost || v.r.Header.Get("X-Forwarded-Proto") != "https") {
		return false
	}
	v.setCookie(&http.Cookie{
		Name: sessionCookie, Value: v.credential, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: v.shop.secure,
	})
	return true
}

// setCookie replaces what this answer said about the cookie before.
func (v *visit) setCookie(c *http.Cookie) { v.w.Header().Set("Set-Cookie", c.String()) }

// end destroys the session at the user's wish.
func (v *visit) end() {
	if v.rec != nil {
		v.shop.store.drop(v.credential)
		v.shop.record.Record(v.r.Context(), witness.Event{
			Op: witness.Destroy, Reason: witness.ReasonLogout, Session: v.credential, User: v.rec.User,
		})
		v.x.note(func(x *seen) { x.ended = true })
	}
	v.setCookie(&http.Cookie{Name: sessionCookie, Value: deletedValue, Path: "/", MaxAge: -1, HttpOnly: true})
}
