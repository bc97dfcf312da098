package clientside

import (
	"net/url"
	"strings"
	"time"

	"limpet.dev/capture"
	"limpet.dev/cookie"
)

// A step is what is kept of an exchange.
type step struct {
	input    int
	n        int
	at       time.Time // of the capture, or counted where it has no times
	dated    bool
	url      *url.URL
	assumed  bool // the address was not captured: one was put in its place
	req      *cookie.Request
	method   string
	page     string
	from     string // where it came from, for reports
	agent    string
	status   int
	location *url.URL
	sent     []capture.Pair
	known    bool // an absent cookie was really absent
	set      []string
	setKnown bool
	hit      string // the cache that answered, "" none
	cors     cookie.CORS
	notSent  []capture.Blocked
	notSet   []capture.Blocked
	forwards []string // remarks
	cached   bool
	cdn      bool

	requestID, traceID string
}

// where is a step as a report shows it.
func (a *analysis) where(s *step) *Request {
	r := &Request{Input: a.inputs[s.input].Path, N: s.n, Method: s.method, URL: capture.PlaceOf(s.url), From: s.from, Status: s.status}
	if s.assumed {
		r.URL = "(address not captured)"
	}
	if s.dated {
		r.At = s.at
	}
	return r
}

// assumedURL is where a header without an address is taken to come from.
const assumedURL = "https://shop.example/"

// elsewhere is another site, for what is known to have come from one without its name.
var elsewhere = mustURL("https://another-site.example/")

func mustURL(text string) cookie.URL {
	u, err := cookie.ParseURL(text)
	if err != nil {
		panic(err) // constants of this package
	}
	return u
}

// assumed is an address for an exchange that shows none: on the host that its cookies name, with the path that is known.
func assumed(x *capture.Exchange) *url.URL {
	u, err := url.Parse(assumedURL)
	if err != nil {
		panic(err) // a constant
	}
	for _, l := range x.SetCookies {
		if line, refused := cookie.Parse(l.Reveal()); refused == 0 && strings.Contains(line.Domain, ".") && !strings.ContainsAny(line.Domain, ":/") && ordinary(line.Domain) {
			u.Host = strings.ToLower(line.Domain)
		}
	}
	if strings.HasPrefix(x.Target, "/") {
		if at, err := u.Parse(x.Target); err == nil && at.Host == u.Host {
			u = at
		}
	}
	return u
}

// undated is the time of a first exchange without one; the next ones follow second by second.
var undated = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// stepOf takes over what matters of an exchange; false if nothing does.
func (a *analysis) stepOf(input int, x *capture.Exchange) (*step, bool) {
	s := &step{input: input, n: x.N, at: x.Start, dated: !x.Start.IsZero(), method: x.Method, page: x.Page, agent: x.Request.Get("user-agent"),
		status: x.Status, known: x.SentKnown && !a.sanitised[input], setKnown: x.SetKnown, cached: x.FromCache}
	s.url = x.URL
	if s.url == nil {
		s.url = assumed(x)
		s.assumed = true
		if loc := x.Response.Get("location"); loc == "" && x.Method == "" && len(x.SetCookies) == 0 && len(x.Sent) == 0 {
			return nil, false
		}
	}
	if s.method == "" {
		s.method = "GET"
	}
	if !s.dated {
		s.at = a.clock.Add(time.Second)
	}
	if s.at.After(a.clock) {
		a.clock = s.at
	}
	s.sent = append(s.sent, x.Sent...)
	for _, l := range x.SetCookies {
		s.set = append(s.set, l.Reveal())
	}
	s.notSent, s.notSet = append(s.notSent, x.NotSent...), append(s.notSet, x.NotStored...)
	s.forwards = append(s.forwards, x.Remarks...)
	s.hit = cacheHit(x.Response)
	s.cdn = x.Response.Has("via") || x.Response.Has("x-cache") || x.Response.Has("cf-cache-status") || x.Response.Has("x-served-by")
	s.requestID, s.traceID = x.RequestID(), x.TraceID()
	if loc := x.Response.Get("location"); loc != "" && s.status >= 300 && s.status < 400 {
		if u, err := s.url.Parse(loc); err == nil {
			s.location = u
		}
	}
	a.context(s, x)
	return s, true
}

// cacheHit names the field by which a cache says that it answered itself.
func cacheHit(f capture.Fields) string {
	for _, n := range []string{"cf-cache-status", "x-cache", "x-cache-status"} {
		if strings.Contains(strings.ToUpper(f.Get(n)), "HIT") {
			return n + ": HIT"
		}
	}
	if age := f.Get("age"); age != "" && age != "0" {
		return "age above 0"
	}
	return ""
}

// context finds out what asked for what: the kind of request, the document it came from, the page in the address bar.
func (a *analysis) context(s *step, x *capture.Exchange) {
	u, err := cookie.ParseURL(s.url.String())
	if err != nil {
		u = mustURL(assumedURL)
	}
	r := &cookie.Request{URL: u, Method: s.method, Kind: kindOf(x)}
	s.req = r
	if r.Kind == cookie.Navigation {
		if prev := a.redirectTo(s); prev != nil { // the chain counts from where it began
			*r = *prev.req.Follow(prev.status, u)
			r.Method = s.method
			s.from = prev.from
			return
		}
	}
	r.From, s.from = origin(x, &u)
	if r.Kind != cookie.Navigation {
		r.Top = a.pageOf(s, r.From)
	}
	if r.Kind == cookie.Fetch {
		s.cors = corsOf(x)
		r.CORS = s.cors
		if len(s.sent) > 0 {
			r.Credentials = cookie.Include
		}
	}
}

// kindOf reads Fetch metadata (W3C Fetch Metadata Request Headers), else what the capture calls the resource.
func kindOf(x *capture.Exchange) cookie.Kind {
	f := x.Request
	if x.Method == "OPTIONS" && f.Has("access-control-request-method") {
		return cookie.Preflight
	}
	dest := f.Get("sec-fetch-dest")
	switch f.Get("sec-fetch-mode") {
	case "navigate":
		if dest == "iframe" || dest == "frame" || dest == "embed" || dest == "object" {
			return cookie.Frame
		}
		return cookie.Navigation
	case "websocket":
		return cookie.WebSocket
	case "cors", "same-origin":
		return cookie.Fetch
	case "no-cors":
		return cookie.Resource
	}
	switch x.Type {
	case "document", "":
		if dest == "iframe" {
			return cookie.Frame
		}
		return cookie.Navigation
	case "xhr", "fetch", "eventsource":
		return cookie.Fetch
	case "websocket":
		return cookie.WebSocket
	case "preflight":
		return cookie.Preflight
	}
	return cookie.Resource
}

// origin returns the document that caused a request, zero for the user, and its name for a report.
func origin(x *capture.Exchange, u *cookie.URL) (cookie.URL, string) {
	site := x.Request.Get("sec-fetch-site")
	if site == "none" {
		return cookie.URL{}, ""
	}
	for _, text := range []string{x.Request.Get("origin"), x.Request.Get("referer"), x.Origin} {
		if text == "" || text == "null" {
			continue
		}
		from, err := cookie.ParseURL(text)
		if err != nil {
			continue
		}
		// The browser's own word wins: a Referer may have been cut, or be that of an earlier hop.
		if site == "cross-site" && from.SameSite(u, true) || (site == "same-origin" || site == "same-site") && !from.SameSite(u, false) {
			continue
		}
		return from, from.Origin()
	}
	switch {
	case site == "cross-site", x.Request.Get("origin") == "null":
		return elsewhere, "another site (not named)"
	case site == "same-origin", site == "same-site":
		return *u, ""
	}
	return cookie.URL{}, ""
}

func corsOf(x *capture.Exchange) cookie.CORS {
	allow := x.Response.Get("access-control-allow-origin")
	switch {
	case allow == "":
		return cookie.CORSNone
	case allow == "*" || x.Response.Get("access-control-allow-credentials") != "true":
		return cookie.CORSNoCredentials
	}
	return cookie.CORSAllowed
}

// redirectTo finds the step whose redirect led to s.
func (a *analysis) redirectTo(s *step) *step {
	for i := len(a.steps) - 1; i >= 0 && i >= len(a.steps)-40; i-- {
		p := a.steps[i]
		if p.input != s.input {
			return nil
		}
		if p.location == nil || p.req.Kind != cookie.Navigation {
			continue
		}
		if p.location.Host == s.url.Host && p.location.Path == s.url.Path && p.location.RawQuery == s.url.RawQuery && p.location.Scheme == s.url.Scheme {
			return p
		}
	}
	return nil
}

// pageOf returns the page in the address bar while s was loaded: the document of its page in the capture, else
// the document that asked.
func (a *analysis) pageOf(s *step, from cookie.URL) cookie.URL {
	if s.page != "" {
		if top, ok := a.pages[s.page]; ok {
			return top
		}
	}
	return from
}
