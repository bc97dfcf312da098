package journey

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
)

// A web is several hosts behind one RoundTripper, without a network.
type web struct {
	hosts map[string]http.Handler // "https://shop.test"
	mu    sync.Mutex
	seen  map[string]int // requests by host
}

func (w *web) RoundTrip(r *http.Request) (*http.Response, error) {
	w.mu.Lock()
	w.seen[r.URL.Host]++
	w.mu.Unlock()
	h, ok := w.hosts[r.URL.Scheme+"://"+r.URL.Host]
	if !ok {
		return nil, fmt.Errorf("no such host")
	}
	rec := httptest.NewRecorder()
	r.RequestURI = r.URL.RequestURI()
	h.ServeHTTP(rec, r)
	answer := rec.Result()
	answer.Request = r
	return answer, nil
}

// A shop is a site with one session cookie, which a fault bends.
type shop struct {
	fault string

	mu       sync.Mutex
	sessions map[string]*state
	next     int
	kept     bool // logout leaves the state where it is
}

type state struct {
	user, theme, addr string
	items             int
}

func newWeb(fault string) (*web, *shop) {
	s := &shop{fault: fault, sessions: map[string]*state{}, kept: fault == "logout-keeps-state"}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /login", func(w http.ResponseWriter, r *http.Request) {
		if fault == "cookie-duplicate-scope" { // what an earlier release left behind
			w.Header().Add("Set-Cookie", "SID=stale; Path=/account; Secure")
		}
		fmt.Fprint(w, "Please log in.")
	})
	mux.HandleFunc("GET /blog", func(w http.ResponseWriter, r *http.Request) {
		if fault == "cookie-name-collision" { // another service with a session of its own
			w.Header().Set("X-Powered-By", "Blog/2")
			w.Header().Add("Set-Cookie", "SID=blog-1; Path=/; Secure")
		}
		fmt.Fprint(w, "News.")
	})
	mux.HandleFunc("POST /login", s.login)
	mux.HandleFunc("/account", s.page(func(st *state) string { return "Your account." }))
	mux.HandleFunc("GET /cart", s.page(func(st *state) string { return fmt.Sprintf("Your cart holds %d items.", st.items) }))
	mux.HandleFunc("POST /cart/add", s.change("/cart", func(st *state, r *http.Request) { st.items++ }))
	mux.HandleFunc("GET /api/cart", s.api)
	mux.HandleFunc("GET /product/{n}", func(w http.ResponseWriter, r *http.Request) { s.product(w, r) })
	mux.HandleFunc("GET /checkout", s.page(func(st *state) string { return fmt.Sprintf("Checkout: %d items.", st.items) }))
	mux.HandleFunc("POST /checkout/address", s.page(func(st *state) string { return "How would you like to pay?" }))
	mux.HandleFunc("/checkout/return", s.page(func(st *state) string { st.items = 0; return "Thank you for your order." }))
	mux.HandleFunc("GET /widget", s.page(func(st *state) string { return "Your account." }))
	mux.HandleFunc("GET /preferences", s.page(func(st *state) string { return "Theme: " + st.theme }))
	mux.HandleFunc("POST /preferences", s.change("/preferences", func(st *state, r *http.Request) { st.theme = r.PostFormValue("theme") }))
	mux.HandleFunc("POST /logout", func(w http.ResponseWriter, r *http.Request) {
		if c, err := r.Cookie("SID"); err == nil && !s.kept {
			s.mu.Lock()
			delete(s.sessions, c.Value)
			s.mu.Unlock()
		}
		w.Header().Add("Set-Cookie", "SID=; Max-Age=0; Path=/")
		http.Redirect(w, r, "/login", http.StatusSeeOther)
	})
	pay := http.NewServeMux()
	pay.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "Pay here.") })
	w := &web{seen: map[string]int{}, hosts: map[string]http.Handler{
		"https://shop.example": mux, "http://shop.example": mux, "https://api.shop.example": mux, "https://pay.test": pay,
	}}
	return w, s
}

// cookie is the Set-Cookie line as the fault bends it.
func (s *shop) cookie(id string) []string {
	const good = "; Path=/; Secure; HttpOnly; SameSite=Lax"
	switch s.fault {
	case "samesite-cross-site-post", "third-party-cookie-blocked":
		return []string{"SID=" + id + good}
	case "samesite-strict-redirect":
		return []string{"SID=" + id + "; Path=/; Secure; HttpOnly; SameSite=Strict"}
	case "samesite-legacy-client":
		return []string{"SID=" + id + "; Path=/; Secure; HttpOnly; SameSite=None"}
	case "secure-cookie-proto-unknown":
		return []string{"SID=" + id + "; Path=/; HttpOnly; SameSite=None"}
	case "cookie-domain-invalid":
		return []string{"SID=" + id + "; Path=/; Domain=app1.internal"}
	case "cookie-path-rewrite":
		return []string{"SID=" + id + "; Path=/shop; Secure"}
	case "cookie-stripped-by-cdn":
		return nil
	case "cookie-too-large":
		return []string{"SID=" + id + strings.Repeat("x", 4200) + good}
	}
	return []string{"SID=" + id + good}
}

func (s *shop) login(w http.ResponseWriter, r *http.Request) {
	if r.PostFormValue("password") != "test-only" {
		http.Error(w, "Wrong user or password.", http.StatusUnauthorized)
		return
	}
	s.mu.Lock()
	s.next++
	id := "secret-" + strconv.Itoa(s.next)
	s.sessions[id] = &state{user: r.PostFormValue("user"), addr: r.Header.Get("X-Forwarded-For")}
	s.mu.Unlock()
	for _, line := range s.cookie(id) {
		w.Header().Add("Set-Cookie", line)
	}
	to := "/account"
	if s.fault == "secure-cookie-over-http" {
		to = "http://shop.example/account"
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// of finds a request's session.
func (s *shop) of(r *http.Request) *state {
	c, err := r.Cookie("SID")
	if err != nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sessions[strings.TrimRight(c.Value, "x")]
}

func (s *shop) page(show func(*state) string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		st := s.of(r)
		if st == nil {
			http.Redirect(w, r, "/login", http.StatusSeeOther)
			return
		}
		fmt.Fprint(w, show(st))
	}
}

func (s *shop) change(to string, edit func(*state, *http.Request)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if st := s.of(r); st != nil {
			edit(st, r)
		}
		http.Redirect(w, r, to, http.StatusSeeOther)
	}
}

// api answers scripts, of the shop's own pages and, with CORS, of its other host's.
func (s *shop) api(w http.ResponseWriter, r *http.Request) {
	if o := r.Header.Get("Origin"); o == "https://shop.example" {
		w.Header().Set("Access-Control-Allow-Origin", o)
		w.Header().Set("Access-Control-Allow-Credentials", "true")
	}
	if st := s.of(r); st != nil {
		fmt.Fprintf(w, `{"items":[%s]}`, strings.Repeat(`"H-1042"`, min(st.items, 1)))
		return
	}
	w.WriteHeader(http.StatusUnauthorized)
}

func (s *shop) product(w http.ResponseWriter, r *http.Request) {
	fmt.Fprint(w, "Product "+r.PathValue("n"))
}
