// Package capture reads what a client saw: HAR files of browsers and proxies, curl transcripts,
// header dumps, single Set-Cookie lines. Read streams a capture and lends its exchanges one by one;
// bodies are passed over without being kept.
//
// A capture is full of credentials. Values that may be one are Secrets: they print as "[hidden]"
// wherever they are formatted, and only their owner's code takes the bytes out.
package capture

import (
	"net/url"
	"strings"
	"time"

	"limpet.dev/session"
)

// A Kind is a form of capture.
type Kind string

// The kinds.
const (
	Unknown    Kind = ""
	HAR        Kind = "har"
	Transcript Kind = "curl"       // curl -v, -i, --trace-ascii
	Headers    Kind = "headers"    // header blocks of answers, with or without their requests
	SetCookie  Kind = "set-cookie" // Set-Cookie lines alone
)

// A Secret is text that may hold a credential. Every way of formatting it hides it.
type Secret string

// String returns a placeholder.
func (Secret) String() string { return "[hidden]" }

// GoString returns a placeholder.
func (Secret) GoString() string { return "[hidden]" }

// MarshalText returns a placeholder.
func (Secret) MarshalText() ([]byte, error) { return []byte("[hidden]"), nil }

// Reveal returns the text itself. What it returns must not leave the process.
func (s Secret) Reveal() string { return string(s) }

// Redacted reports whether the value was taken out by a tool before us: asterisks, "REDACTED",
// "[redacted]", a pseudonym of limpet's own does not count.
func (s Secret) Redacted() bool {
	t := strings.ToLower(strings.Trim(string(s), "[](){}<>\"' "))
	switch {
	case t == "":
		return false
	case strings.Trim(t, "*") == "", strings.Trim(t, "x") == "" && len(t) > 2, strings.Trim(t, ".…") == "":
		return true
	}
	for _, w := range []string{"redacted", "removed", "sanitized", "sanitised", "masked", "hidden", "filtered", "scrubbed"} {
		if strings.Contains(t, w) {
			return true
		}
	}
	return false
}

// A Pair is one cookie as a request presented it.
type Pair struct {
	Name  string
	Value Secret
}

// A Field is one header field that was kept.
type Field struct {
	Name  string // lower case
	Value Secret
}

// Fields are header fields in the order in which they stood.
type Fields []Field

// Get returns the first value of a field, "" for none. The name is in lower case.
func (f Fields) Get(name string) string {
	for _, h := range f {
		if h.Name == name {
			return string(h.Value)
		}
	}
	return ""
}

// Has reports whether a field is there.
func (f Fields) Has(name string) bool {
	for _, h := range f {
		if h.Name == name {
			return true
		}
	}
	return false
}

// A Blocked is what the browser itself said about a cookie that it did not store or send.
type Blocked struct {
	Name    string
	Line    Secret   // the Set-Cookie line, "" for a cookie that was not sent
	Reasons []string // names of the Chrome DevTools Protocol
}

// An Exchange is one request with its answer. It is lent: what is kept is copied.
type Exchange struct {
	N      int    // number in the capture, from 1
	At     int64  // where it begins: byte offset in a HAR, line in a transcript
	Page   string // the capture's own identifier of the page, "" unknown
	Type   string // document, xhr, fetch, image, … where the capture says so
	Origin string // URL of the page or script that caused it, without query, "" unknown
	Start  time.Time
	Took   time.Duration

	Method string
	URL    *url.URL // without user information and fragment; nil where only a header was given
	Target string   // the path asked, where URL is not known
	Proto  string

	Request   Fields // only those that matter for sessions
	Sent      []Pair // cookies presented
	SentKnown bool   // the request's header was captured: an absent cookie was really absent

	Status     int // 0: no answer seen
	Response   Fields
	SetCookies []Secret // the Set-Cookie lines in order, split as the client would see them
	SetKnown   bool     // the answer's header was captured
	Joined     bool     // SetCookies were rebuilt from a list of cookies: what that cannot hold is missing

	FromCache  bool
	NotSent    []Blocked // cookies that the browser withheld
	NotStored  []Blocked // cookies that the browser refused
	Remarks    []string  // words beside the exchange that somebody wrote down
	FailedText string    // why there is no answer, in the client's words
}

// Host returns the host asked, without port, "" unknown.
func (x *Exchange) Host() string {
	if x.URL == nil {
		return ""
	}
	return strings.ToLower(x.URL.Hostname())
}

// Place says where the request went, fit for a report: no query, no user information, no identifiers in the path.
func (x *Exchange) Place() string {
	if x.URL == nil {
		return "(address not captured)"
	}
	return PlaceOf(x.URL)
}

// PlaceOf writes an address fit for a report.
func PlaceOf(u *url.URL) string {
	return u.Scheme + "://" + u.Host + session.RouteOf([]byte(u.EscapedPath()))
}

// SentCookie returns the values presented under a name.
func (x *Exchange) SentCookie(name string) []Secret {
	var v []Secret
	for _, p := range x.Sent {
		if p.Name == name {
			v = append(v, p.Value)
		}
	}
	return v
}

// About says what a capture is and how far it could be read.
type About struct {
	Kind      Kind
	Creator   string // program and version, as it names itself
	Exchanges int
	Skipped   map[string]int // entries that are no exchange, by reason
	Cookies   bool           // some request or answer shows a cookie at all
	Redacted  int            // values that were taken out before us
	Notes     []string
}

// Sanitised reports whether credentials were taken out of the capture before it came here, as far as can
// be seen: no cookie in any of many exchanges, or placeholders instead of values.
func (a *About) Sanitised() bool { return a.Redacted > 0 || !a.Cookies && a.Exchanges >= 3 }

func (a *About) skip(reason string) {
	if a.Skipped == nil {
		a.Skipped = map[string]int{}
	}
	a.Skipped[reason]++
}

// A BrokenError says that a capture could be read up to a place. What came before was delivered.
type BrokenError struct {
	Kind   Kind
	Offset int64 // bytes from the beginning
	Msg    string
}

func (e *BrokenError) Error() string {
	return "byte " + itoa(e.Offset) + ": " + e.Msg
}
