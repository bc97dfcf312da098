package lab

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// A shopper plays one visitor from the plan: what it does comes from its own random
// numbers, how it goes on from what the shop answers.
type shopper struct {
	*client
	habits   habits
	loggedIn bool // what the visitor believes
	pauses   int  // long pauses still to come
}

// habits are what the seed gave a visitor.
type habits struct {
	guest      bool    // never logs in
	typos      float64 // share of logins with a wrong password first
	logsOut    float64 // per action
	logsInNew  float64 // logs in although logged in, per action
	longPauses int
}

func (st *stage) newShopper(i int) *shopper {
	rng := newRand(st.opt.Seed, fmt.Sprintf("habits/%d", i))
	s := &shopper{client: st.newClient(i, drawFamily(rng, st.sc.nativeShare))}
	s.habits = habits{typos: 0.12, logsOut: 0.012, logsInNew: 0.008}
	if s.family != familyNative {
		s.habits.guest = rng.IntN(6) == 0
	}
	if rng.IntN(8) == 0 {
		s.habits.longPauses = 1
	}
	if st.opt.Followups > 0 { // pauses would only hold the run up
		s.habits.longPauses = 0
	}
	s.pauses = s.habits.longPauses
	return s
}

// play visits the shop until the curtain falls. Errors of the network are part of the
// life of a client: it tries again.
func (s *shopper) play(ctx context.Context) {
	s.think(ctx, 0, s.st.opt.Duration/6)
	s.arrive(ctx)
	for s.st.open(ctx) {
		if err := s.act(ctx); err != nil {
			s.think(ctx, 20*time.Millisecond, 100*time.Millisecond)
			if s.st.opt.Followups > 0 {
				s.st.rest(ctx, 10*time.Millisecond)
			}
		}
		s.think(ctx, 60*time.Millisecond, 320*time.Millisecond)
	}
	s.transport.CloseIdleConnections()
}

// arrive looks around, and perhaps fills a cart before logging in.
func (s *shopper) arrive(ctx context.Context) {
	if s.family != familyNative {
		s.get(ctx, "/")
		s.get(ctx, "/static/shop.css")
		s.look(ctx)
		if s.habits.guest || s.rng.IntN(3) == 0 {
			s.add(ctx)
		}
	}
	if !s.habits.guest {
		s.think(ctx, 50*time.Millisecond, 200*time.Millisecond)
		s.logIn(ctx)
	}
}

// act does the next thing.
func (s *shopper) act(ctx context.Context) error {
	if s.pauses > 0 && s.rng.IntN(10) == 0 {
		s.pauses--
		s.st.rest(ctx, s.st.sc.idle*8/5)
	}
	if s.st.sc.pauses > 0 && s.rng.Float64() < s.st.sc.pauses {
		s.think(ctx, s.st.sc.pause, s.st.sc.pause*3/2)
	}
	if s.st.sc.lingers > 0 && s.rng.Float64() < s.st.sc.lingers {
		s.st.rest(ctx, time.Duration((0.2+0.5*s.rng.Float64())*float64(s.st.sc.idle)))
	}
	if !s.habits.guest {
		switch p := s.rng.Float64(); {
		case p < s.habits.logsOut && s.loggedIn:
			return s.logOut(ctx)
		case p < s.habits.logsOut+s.habits.logsInNew && s.loggedIn:
			return s.logIn(ctx)
		}
	}
	if s.family == familyNative {
		return s.actInApp(ctx)
	}
	if s.habits.guest {
		return s.actAsGuest(ctx)
	}
	switch n := s.rng.IntN(20); {
	case n < 4:
		return s.look(ctx)
	case n < 8:
		return s.need(ctx, "/cart")
	case n < 11:
		return s.add(ctx)
	case n < 14:
		return s.need(ctx, "/account")
	case n < 16:
		return s.preferences(ctx)
	case n < 18 && !(s.st.sc.paymentPosts && n == 17): // more of them buy where buying is what fails
		_, err := s.get(ctx, "/api/recommendation?v=2")
		return err
	default:
		return s.buy(ctx)
	}
}

func (s *shopper) actAsGuest(ctx context.Context) error {
	switch n := s.rng.IntN(8); {
	case n < 3:
		return s.look(ctx)
	case n < 6:
		_, err := s.get(ctx, "/cart")
		return err
	default:
		return s.add(ctx)
	}
}

func (s *shopper) actInApp(ctx context.Context) error {
	switch n := s.rng.IntN(10); {
	case n < 5:
		return s.need(ctx, "/api/cart")
	case n < 7:
		return s.need(ctx, "/api/account")
	case n < 8:
		return s.look(ctx)
	default:
		a, err := s.post(ctx, "/api/cart", url.Values{"sku": {"H-1042"}})
		return s.react(ctx, a, err)
	}
}

func (s *shopper) look(ctx context.Context) error {
	pages := 40
	if s.st.sc.sharedCache {
		pages = 12 // those that everybody looks at
	}
	_, err := s.get(ctx, fmt.Sprintf("/product/%d", 1+s.rng.IntN(pages)))
	if s.family != familyNative && s.rng.IntN(3) == 0 {
		s.get(ctx, "/static/shop.css")
	}
	return err
}

// need asks for a page that only a known visitor gets.
func (s *shopper) need(ctx context.Context, target string) error {
	a, err := s.get(ctx, target)
	return s.react(ctx, a, err)
}

// react logs in again if the shop does not know the visitor any more.
func (s *shopper) react(ctx context.Context, a answer, err error) error {
	if err != nil || !a.toLogin() || s.habits.guest {
		return err
	}
	s.loggedIn = false
	s.think(ctx, 150*time.Millisecond, 500*time.Millisecond)
	return s.logIn(ctx)
}

func (s *shopper) add(ctx context.Context) error {
	a, err := s.post(ctx, "/cart/add", url.Values{"sku": {"H-1042"}})
	if err != nil || a.status != http.StatusSeeOther {
		return err
	}
	s.think(ctx, 5*time.Millisecond, 20*time.Millisecond)
	a, err = s.get(ctx, a.location)
	return s.react(ctx, a, err)
}

func (s *shopper) preferences(ctx context.Context) error {
	a, err := s.get(ctx, "/preferences")
	if err != nil || a.toLogin() {
		return s.react(ctx, a, err)
	}
	s.think(ctx, 30*time.Millisecond, 100*time.Millisecond)
	a, err = s.post(ctx, "/preferences", url.Values{"theme": {"dark"}})
	return s.react(ctx, a, err)
}

// logIn logs in, sometimes with a slip of the finger first.
func (s *shopper) logIn(ctx context.Context) error {
	if s.family != familyNative {
		if _, err := s.get(ctx, "/login"); err != nil {
			return err
		}
		s.think(ctx, 40*time.Millisecond, 150*time.Millisecond)
	}
	if s.rng.Float64() < s.habits.typos {
		if _, err := s.post(ctx, "/login", url.Values{"user": {s.user}, "password": {"Harbour1"}}); err != nil {
			return err
		}
		s.think(ctx, 60*time.Millisecond, 200*time.Millisecond)
	}
	a, err := s.post(ctx, "/login", url.Values{"user": {s.user}, "password": {password(s.user)}})
	if err != nil || a.status != http.StatusSeeOther {
		return err
	}
	s.loggedIn = true
	s.think(ctx, 5*time.Millisecond, 20*time.Millisecond)
	if s.family == familyNative {
		_, err = s.get(ctx, "/api/account")
		return err
	}
	_, err = s.get(ctx, a.location)
	return err
}

func (s *shopper) logOut(ctx context.Context) error {
	s.loggedIn = false
	if _, err := s.post(ctx, "/logout", nil); err != nil {
		return err
	}
	s.get(ctx, "/")
	s.think(ctx, 100*time.Millisecond, 300*time.Millisecond)
	return s.logIn(ctx)
}

// buy goes through the checkout, to the payment provider's site and back.
func (s *shopper) buy(ctx context.Context) error {
	a, err := s.get(ctx, "/checkout")
	if err != nil || a.toLogin() {
		return s.react(ctx, a, err)
	}
	s.think(ctx, 40*time.Millisecond, 120*time.Millisecond)
	for _, target := range []string{"/checkout/address", "/checkout/pay"} {
		a, err = s.post(ctx, target, url.Values{"step": {"next"}})
		if err != nil || a.toLogin() {
			return s.react(ctx, a, err)
		}
		s.think(ctx, 30*time.Millisecond, 100*time.Millisecond)
	}
	back := call{method: http.MethodGet, target: "/checkout/return?order=1042", from: paymentSite + "/", crossSite: true}
	if s.st.sc.paymentPosts {
		back = call{method: http.MethodPost, target: "/checkout/return", from: paymentSite + "/", crossSite: true,
			form: url.Values{"order": {"1042"}, "paid": {"yes"}}}
	}
	a, err = s.do(ctx, back)
	if err == nil && a.toLogin() && a.status == http.StatusSeeOther {
		return s.landOnLogin(ctx)
	}
	return s.react(ctx, a, err)
}

// landOnLogin is a browser that follows the redirect after the return; if the shop knows
// the visitor after all, the visitor goes on.
func (s *shopper) landOnLogin(ctx context.Context) error {
	if _, err := s.get(ctx, "/login"); err != nil {
		return err
	}
	s.think(ctx, 60*time.Millisecond, 200*time.Millisecond)
	return s.need(ctx, "/account")
}
