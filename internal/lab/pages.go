package lab

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// filler pads pages to the size of real ones: size differences are evidence in logs.
var filler = strings.Repeat("<p>Wool socks, oilskin jackets, sou'westers and good boots.</p>\n", 64)

// page answers with a page of about size bytes beside its text.
func (v *visit) page(status int, text string, size int) {
	h := v.w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	v.w.WriteHeader(status)
	fmt.Fprintf(v.w, "<!doctype html><title>Harbour Shop</title><main>%s</main>\n%s", text, filler[:min(size, len(filler))])
}

func (v *visit) json(status int, text string) {
	v.w.Header().Set("Content-Type", "application/json")
	v.w.WriteHeader(status)
	fmt.Fprintln(v.w, text)
}

func (v *visit) redirect(to string) {
	v.w.Header().Set("Location", to)
	v.w.WriteHeader(http.StatusSeeOther)
}

// user reports whether somebody is logged in; if not, it has sent them to the login page.
func (v *visit) user() bool {
	if v.rec != nil && v.rec.User != "" {
		return true
	}
	v.redirect("/login")
	return false
}

// apiUser is user for programs: they get 401.
func (v *visit) apiUser() bool {
	if v.rec != nil && v.rec.User != "" {
		return true
	}
	v.json(http.StatusUnauthorized, `{"error":"login required"}`)
	return false
}

func (v *visit) home() { v.page(http.StatusOK, "Welcome to the harbour.", 2600) }

func (v *visit) product() {
	v.page(http.StatusOK, "Product "+v.r.PathValue("n"), 2000)
}

func (v *visit) loginForm() { v.page(http.StatusOK, "Please log in.", 900) }

// password is the user's password, so that wrong ones are really wrong.
func password(user string) string {
	sum := sha256.Sum256([]byte("harbour/" + user))
	return hex.EncodeToString(sum[:6])
}

func (v *visit) login() {
	user := v.r.PostFormValue("user")
	if user == "" || v.r.PostFormValue("password") != password(user) {
		v.page(http.StatusUnauthorized, "Wrong user or password.", 950)
		return
	}
	if v.rotate(func(rec *record) { rec.User = user }) {
		v.redirect("/account")
	}
}

func (v *visit) logout() {
	v.end()
	v.redirect("/")
}

// cart is empty for a visitor without session. Who comes with a session that is not known
// has lost it, and is asked to log in.
func (v *visit) cart() {
	switch {
	case v.rec != nil:
		v.page(http.StatusOK, fmt.Sprintf("Your cart holds %d items.", v.rec.Items), 1100+min(v.rec.Items, 8)*240)
	case v.credential != "":
		v.redirect("/login")
	default:
		v.page(http.StatusOK, "Your cart is empty.", 1100)
	}
}

func (v *visit) addToCart() {
	if v.change(func(rec *record) { rec.Items++ }) {
		v.redirect("/cart")
	}
}

func (v *visit) account() {
	if v.user() {
		v.page(http.StatusOK, "Your account.", 1700)
	}
}

func (v *visit) preferences() {
	if v.user() {
		v.page(http.StatusOK, "Theme: "+v.rec.Theme, 1300)
	}
}

func (v *visit) savePreferences() {
	if v.user() && v.change(func(rec *record) { rec.Theme = v.r.PostFormValue("theme") }) {
		v.redirect("/preferences")
	}
}

func (v *visit) checkout() {
	if v.user() {
		v.page(http.StatusOK, fmt.Sprintf("Checkout: %d items. Where shall they go?", v.rec.Items), 1500)
	}
}

func (v *visit) checkoutAddress() {
	if v.user() && v.change(func(rec *record) { rec.Address = true }) {
		v.page(http.StatusOK, "How would you like to pay?", 1400)
	}
}

// paymentSite is where customers pay: another site than the shop's.
const paymentSite = "http://pay.example"

func (v *visit) checkoutPay() {
	if v.user() {
		v.redirect(paymentSite + "/pay")
	}
}

// checkoutReturn is where the payment provider sends customers back to.
func (v *visit) checkoutReturn() {
	if v.rec == nil && v.credential == "" && v.shop.returnStarts {
		// Session middleware in front of the callback starts a session for whoever has none.
		if !v.change(func(*record) {}) {
			return
		}
	}
	if v.user() && v.change(func(rec *record) { rec.Items, rec.Address = 0, false }) {
		v.page(http.StatusOK, "Thank you for your order.", 1250)
	}
}

func (v *visit) apiCart() {
	if v.apiUser() {
		v.json(http.StatusOK, `{"items":[`+strings.TrimSuffix(strings.Repeat(`{"sku":"H-1042","qty":1},`, v.rec.Items), ",")+`]}`)
	}
}

func (v *visit) apiAdd() {
	if v.apiUser() && v.change(func(rec *record) { rec.Items++ }) {
		v.json(http.StatusOK, `{"ok":true}`)
	}
}

func (v *visit) apiAccount() {
	if v.apiUser() {
		v.json(http.StatusOK, `{"name":"customer","since":2019}`)
	}
}

// recommendation fails now and then, and nobody is worse off.
func (v *visit) recommendation() {
	if v.shop.rejected.Add(1)%7 == 0 {
		v.json(http.StatusInternalServerError, `{"error":"no model"}`)
		return
	}
	v.json(http.StatusOK, `{"products":[17,4,8]}`)
}

func (s *shop) health(w http.ResponseWriter, r *http.Request) {
	if d := time.Duration(s.lateHealth.Load()); d > 0 {
		pause(r.Context(), d)
	}
	fmt.Fprintln(w, "ok")
}

// static answers without looking at sessions.
func (s *shop) static(w http.ResponseWriter, r *http.Request) {
	s.ledger.of(r).note(func(x *seen) { x.handled, x.instance, x.at = true, s.name, time.Now() })
	w.Header().Set("Content-Type", "text/css")
	w.Header().Set("Cache-Control", "max-age=60")
	fmt.Fprint(w, filler[:1024])
}
