package witness

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"limpet.dev/session"
)

// MaxTrace is the longest time for which a Tracer can be switched on.
const MaxTrace = 15 * time.Minute

// A Tracer writes down, request by request, which session credentials were presented and set: absent, present or duplicated,
// by fingerprint, with the attributes of what was set (S32). It is off until Start, and switches itself off. No value leaves it.
type Tracer struct {
	// Sink receives one JSON line a request, with its line end, while the trace is on. Required.
	Sink func(line []byte)

	// Cookies names the cookies to follow; others are not mentioned. Required.
	Cookies []string

	// Key makes the fingerprints.
	Key session.Key

	// Now is the clock; nil means time.Now.
	Now func() time.Time

	// Instance is this copy of the application.
	Instance string

	// RequestIDHeader carries the balancer's request id; "" means X-Request-ID.
	RequestIDHeader string

	mu    sync.Mutex
	until time.Time
}

// Start switches the trace on for d, at most MaxTrace, and returns when it will end.
func (t *Tracer) Start(d time.Duration) (until time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.until = t.now().Add(max(0, min(d, MaxTrace)))
	return t.until
}

// Stop switches it off.
func (t *Tracer) Stop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.until = time.Time{}
}

// On reports whether it is on, and until when.
func (t *Tracer) On() (until time.Time, on bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.until, t.now().Before(t.until)
}

func (t *Tracer) now() time.Time {
	if t.Now != nil {
		return t.Now()
	}
	return time.Now()
}

// ServeHTTP is the switch, for a port that only operators reach: GET tells, POST ?for=5m switches on, DELETE off.
func (t *Tracer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodGet:
	case http.MethodPost:
		d, err := time.ParseDuration(r.FormValue("for"))
		if err != nil || d <= 0 {
			http.Error(w, "for is a time such as 5m", http.StatusBadRequest)
			return
		}
		t.Start(d)
	case http.MethodDelete:
		t.Stop()
	default:
		w.Header().Set("Allow", "GET, POST, DELETE")
		http.Error(w, "GET, POST or DELETE", http.StatusMethodNotAllowed)
		return
	}
	if until, on := t.On(); on {
		fmt.Fprintf(w, "on until %s\n", until.UTC().Format(time.RFC3339))
		return
	}
	fmt.Fprintln(w, "off")
}

// A traceLine is what is written of one request.
type traceLine struct {
	Time      string        `json:"time"`
	Event     string        `json:"event"`
	Instance  string        `json:"instance,omitempty"`
	RequestID string        `json:"request_id,omitempty"`
	Method    string        `json:"method"`
	Route     string        `json:"route"`
	Status    int           `json:"status"`
	Cookies   []traceCookie `json:"cookies"`
}

// A traceCookie is one cookie in one request and its answer.
type traceCookie struct {
	Name      string     `json:"name"`
	Presented string     `json:"presented"` // absent, present, duplicated
	Values    []string   `json:"values,omitempty"`
	Bytes     int        `json:"bytes,omitempty"`
	Set       []traceSet `json:"set,omitempty"`
}

// A traceSet is one Set-Cookie line without its value.
type traceSet struct {
	Value      string   `json:"value,omitempty"`
	Cleared    bool     `json:"cleared,omitempty"`
	Bytes      int      `json:"bytes"`
	Attributes []string `json:"attributes"`
}

// Wrap traces the requests of next while the trace is on. Off, it costs one look at the clock.
func (t *Tracer) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, on := t.On(); !on {
			next.ServeHTTP(w, r)
			return
		}
		at, status, set := t.now(), http.StatusOK, []string(nil)
		head := &headWriter{ResponseWriter: w, before: func(s int) { status, set = s, slices.Clone(w.Header().Values("Set-Cookie")) }}
		next.ServeHTTP(head, r)
		if !head.wrote { // net/http sends what the header holds
			set = w.Header().Values("Set-Cookie")
		}
		if _, on := t.On(); on {
			t.write(at, r, status, set)
		}
	})
}

func (t *Tracer) write(at time.Time, r *http.Request, status int, set []string) {
	id := r.Header.Get(t.RequestIDHeader)
	if t.RequestIDHeader == "" {
		id = r.Header.Get("X-Request-ID")
	}
	l := traceLine{
		Time: at.UTC().Format("2006-01-02T15:04:05.000000Z07:00"), Event: "credential.trace", Instance: t.Instance, RequestID: id, Method: r.Method,
		Route: route(r.URL.Path), Status: status,
	}
	for _, name := range t.Cookies {
		l.Cookies = append(l.Cookies, t.cookie(name, r, set))
	}
	text, err := json.Marshal(l)
	if err != nil { // texts and numbers always marshal
		return
	}
	t.Sink(append(text, '\n'))
}

func (t *Tracer) cookie(name string, r *http.Request, set []string) traceCookie {
	c := traceCookie{Name: name, Presented: "absent"}
	for _, k := range r.CookiesNamed(name) {
		c.Values = append(c.Values, t.Key.Pseudonym([]byte(k.Value)).String())
		c.Bytes += len(k.Name) + 1 + len(k.Value)
	}
	switch len(c.Values) {
	case 0:
	case 1:
		c.Presented = "present"
	default:
		c.Presented = "duplicated"
	}
	for _, line := range set {
		if s, ok := t.line(name, line); ok {
			c.Set = append(c.Set, s)
		}
	}
	return c
}

// line is a Set-Cookie line without its value, if it sets that cookie.
func (t *Tracer) line(name, text string) (traceSet, bool) {
	pair, attrs, _ := strings.Cut(text, ";")
	got, value, ok := strings.Cut(pair, "=")
	if !ok || strings.TrimSpace(got) != name {
		return traceSet{}, false
	}
	s := traceSet{Bytes: len(text), Attributes: []string{}}
	if value = strings.TrimSpace(value); value == "" {
		s.Cleared = true
	} else {
		s.Value = t.Key.Pseudonym([]byte(value)).String()
	}
	for a := range strings.SplitSeq(attrs, ";") {
		if a = strings.TrimSpace(a); knownAttribute(a) {
			s.Attributes = append(s.Attributes, a)
		}
	}
	return s, true
}

// knownAttribute lets through what RFC 6265bis knows: anything else could be a value that went astray.
func knownAttribute(a string) bool {
	name, _, _ := strings.Cut(strings.ToLower(a), "=")
	return slices.Contains([]string{"expires", "max-age", "domain", "path", "secure", "httponly", "samesite", "partitioned", "priority"}, strings.TrimSpace(name))
}
