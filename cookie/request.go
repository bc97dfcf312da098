package cookie

import "time"

// A Request is what a client is about to send, or has sent, as far as cookies depend on it.
// The answer to it comes back with Set-Cookie lines.
type Request struct {
	URL    URL
	Method string // "" is GET
	Kind   Kind

	// From is the document that asks; zero is the user (a typed address, a bookmark).
	From URL
	// Top is the page in the address bar. Zero: From, if that is zero URL.
	Top URL
	// Foreign: a frame between Top and the one that asks, or loads, is of another site than Top (A in B in A).
	Foreign bool
	// Via are the URLs of the redirects that led to URL, the first one first.
	Via []URL

	Credentials Credentials // of a Call
	CORS        CORS        // what the answer to a Call says

	// Date is the server's clock as the answer says it; zero: not known, or the same as ours.
	Date time.Time
}

// Kind is what asks.
type Kind uint8

// Kinds of requests.
const (
	Navigation Kind = iota // of the page in the address bar: typed, link, form, window.open, redirect
	Frame                  // of a frame in a page
	Resource               // image, style sheet, script, video: no CORS
	Fetch                  // fetch, XMLHttpRequest, EventSource, sendBeacon, <img crossorigin>
	Script                 // document.cookie in the document at URL: nothing is sent
	Preflight              // the question that CORS puts in front of some requests
	WebSocket              // its opening
	Prefetch               // a document fetched in advance for a possible navigation
	Worker                 // fetch in a service worker registered at From
)

// Credentials is the mode of a fetch. XMLHttpRequest knows the first two
// (withCredentials).
type Credentials uint8

// Modes of a fetch.
const (
	SameOrigin Credentials = iota // the default
	Include
	Omit
)

// CORS is what an answer says about who may read it.
type CORS uint8

// Answers.
const (
	CORSAllowed       CORS = iota // origin named, credentials allowed (also: does not matter)
	CORSNoCredentials             // Access-Control-Allow-Credentials is missing
	CORSNone                      // Access-Control-Allow-Origin is missing or another
)

// Typed is a navigation that the user starts: a typed address, a bookmark.
func Typed(u URL) *Request { return &Request{URL: u} }

// Link is a top-level GET that a document starts: a link, location.href, window.open.
func Link(from, u URL) *Request { return &Request{URL: u, From: from} }

// Post is a top-level form POST.
func Post(from, u URL) *Request { return &Request{URL: u, From: from, Method: "POST"} }

// Embed is the loading of a frame in the page from.
func Embed(from, u URL) *Request { return &Request{URL: u, From: from, Kind: Frame} }

// Load is the loading of an image, a style sheet or a script without CORS.
func Load(from, u URL) *Request { return &Request{URL: u, From: from, Kind: Resource} }

// Call is a fetch or an XMLHttpRequest.
func Call(from, u URL, mode Credentials) *Request {
	return &Request{URL: u, From: from, Kind: Fetch, Credentials: mode}
}

// Document is document.cookie, read or written in the page u.
func Document(u URL) *Request { return &Request{URL: u, From: u, Kind: Script} }

// Follow returns the request that follows a redirect with a status to another URL: 303 always
// turns into GET, 301 and 302 turn POST into GET, 307 and 308 keep the method (Fetch, 4.4).
func (r *Request) Follow(status int, to URL) *Request {
	next := *r
	next.URL = to
	next.Via = append(r.Via[:len(r.Via):len(r.Via)], r.URL)
	if status == 303 && r.Method != "HEAD" || (status == 301 || status == 302) && r.Method == "POST" {
		next.Method = "GET"
	}
	return &next
}

// top returns the page in the address bar.
func (r *Request) top() *URL {
	switch {
	case r.Kind == Navigation:
		return &r.URL
	case !r.Top.IsZero():
		return &r.Top
	case !r.From.IsZero():
		return &r.From
	}
	return &r.URL
}

// firstParty reports whether the request's URL is of the site for cookies (bis, 5.2.1): that
// of the page in the address bar, if every frame in between is of it.
func (r *Request) firstParty(rules *Rules) bool {
	if r.Kind == Navigation {
		return true
	}
	return (!r.Foreign || rules.TopOnly) && r.top().SameSite(&r.URL, rules.Schemeful)
}

// access is how near a request is to the site of its URL.
type access uint8

const (
	crossSite access = iota
	laxUnsafe        // a top-level navigation from another site, with POST
	laxSafe          // the same with GET
	sameSite
)

// access computes bis, 5.2 and 5.6.7.1: redirects are not looked at (but by Firefox); a
// navigation that began on another site stays so through all its redirects.
func (r *Request) access(rules *Rules) access {
	if !r.firstParty(rules) {
		return crossSite
	}
	redirected := rules.Redirects && r.bounced(rules)
	switch {
	case redirected && r.Kind != Navigation:
		return crossSite
	case !redirected && (r.From.IsZero() || r.From.SameSite(&r.URL, rules.Schemeful) || rules.TopOnly && r.Kind != Navigation):
		return sameSite
	case r.Kind == Navigation && safe(r.Method):
		return laxSafe
	case r.Kind == Navigation:
		return laxUnsafe
	}
	return crossSite // a frame that another site's frame navigates
}

// bounced reports a redirect by another site on the way.
func (r *Request) bounced(rules *Rules) bool {
	for i := range r.Via {
		if !r.Via[i].SameSite(&r.URL, rules.Schemeful) {
			return true
		}
	}
	return false
}

func safe(method string) bool {
	switch method {
	case "", "GET", "HEAD", "OPTIONS", "TRACE":
		return true
	}
	return false
}

// without says why a request goes without any cookies, and its answer sets none (Fetch,
// "credentials mode"); zero if cookies are looked at.
func (r *Request) without() Reasons {
	switch r.Kind {
	case Preflight:
		return PreflightNoCookies.Set()
	case Fetch, Worker:
		switch r.Credentials {
		case Omit:
			return CredentialsOmitted.Set()
		case SameOrigin:
			if r.crossedOrigin() {
				return CredentialsOmitted.Set()
			}
		}
	case Prefetch:
		if r.crossedOrigin() && !r.From.SameSite(&r.URL, true) {
			return CredentialsOmitted.Set() // Chromium: a prefetch across sites is made without credentials
		}
	}
	return 0
}

// crossedOrigin reports whether the URL, or a redirect on the way, is of another origin than
// the document: from then on the request stays "cross-origin".
func (r *Request) crossedOrigin() bool {
	if r.From.IsZero() {
		return false
	}
	if !r.From.sameOrigin(&r.URL) {
		return true
	}
	for i := range r.Via {
		if !r.From.sameOrigin(&r.Via[i]) {
			return true
		}
	}
	return false
}

// hidden says that script does not get the answer although cookies were sent and kept.
func (r *Request) hidden() Reasons {
	if (r.Kind == Fetch || r.Kind == Worker) && r.CORS != CORSAllowed && r.crossedOrigin() && (r.CORS == CORSNone || r.Credentials == Include) {
		return CorsResponseHidden.Set()
	}
	return 0
}

// secure reports a connection that a client trusts with Secure cookies.
func (r *Request) secure(rules *Rules) bool {
	return secureScheme(r.URL.Scheme) || rules.SecureLoopback && r.URL.loopback()
}

// partition returns the jar within the jar of a request: for Partitioned cookies, and for all
// cookies of a client that partitions third parties.
func (r *Request) partition(rules *Rules) Partition {
	top := r.top()
	third := !r.firstParty(rules)
	p := Partition{Scheme: "http", Site: top.site}
	if secureScheme(top.Scheme) {
		p.Scheme = "https"
	}
	if rules.ThirdParty == PartitionThird {
		p.CrossSite = third && top.site == r.URL.site
	} else {
		p.CrossSite = third
	}
	return p
}
