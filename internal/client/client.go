// Package client acts as a person's client does: it opens pages, follows links, posts forms,
// fetches, embeds, and keeps cookies by the rules of its kind. Three things stand behind
// one small interface: Virtual, which computes with package cookie and needs nothing
// installed, and two real browsers, Chromium and Firefox, which are driven over their own protocols.
package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"

	"limpet.dev/cookie"
)

// A Client keeps cookies and acts on pages, one action at a time.
type Client interface {
	// Do carries one action out and returns when its requests have been answered.
	Do(ctx context.Context, a Action) (*Outcome, error)

	// Cookies returns what the client holds.
	Cookies(ctx context.Context) ([]cookie.Cookie, error)

	// Restart ends the client's process and begins it again: with the same profile, or as
	// somebody who was never here. No page is open then.
	Restart(ctx context.Context, with Profile) error

	Close() error
}

// Profile says what survives a restart.
type Profile uint8

// Profiles.
const (
	SameProfile Profile = iota // what the client writes to disk
	NewProfile                 // nothing
)

// An Action is one thing that happens in a client. All but Open happen in the page that is open.
type Action struct {
	Verb Verb
	URL  string

	// Method, Form and Header are for Submit and Fetch. Method "" is POST for Submit, GET for Fetch.
	Method string
	Form   url.Values
	Header http.Header

	// Credentials is the mode of a Fetch.
	Credentials cookie.Credentials

	// Inside is the URL of a frame of the page in which the action happens; it is loaded
	// first. "" is the page itself.
	Inside string

	// Text is what Write assigns to document.cookie. It may hold a credential.
	Text string
}

// Verb is what an action does.
type Verb uint8

// Verbs.
const (
	Open   Verb = iota // the user types an address
	Link               // the page goes to another one
	Submit             // the page posts a form
	Frame              // the page embeds a frame
	Image              // the page loads an image
	Fetch              // the page fetches
	Read               // script reads document.cookie
	Write              // script writes document.cookie
)

var verbNames = [...]string{"open", "link", "submit", "frame", "image", "fetch", "read", "write"}

func (v Verb) String() string { return verbNames[v] }

// navigates reports verbs that bring another page into the address bar.
func (v Verb) navigates() bool { return v <= Submit }

// An Outcome is what came of an action.
type Outcome struct {
	Hops []Hop // the requests made, redirects included, in their order

	// URL, Status and Body are those of the page that is open now, or of the last answer. A real
	// browser gives the document as it stands for a Body, none for frames and images, and no Header.
	URL    string
	Status int
	Header http.Header
	Body   []byte

	// Hidden: script in the page may not see the answer to a Fetch.
	Hidden bool

	// Text is what Read saw: a credential.
	Text string
}

// settle says which page is open now; its status is that of the last request for it.
func (o *Outcome) settle(url, document string) {
	o.URL, o.Body = url, []byte(document)
	for _, hop := range o.Hops {
		if hop.URL == url {
			o.Status = hop.Status
		}
	}
}

// fetched takes in what script saw of a Fetch: {"text": …}, or nothing if it may not see it.
func (o *Outcome) fetched(answer string) {
	var seen struct{ Text string }
	o.Hidden = json.Unmarshal([]byte(answer), &seen) != nil
	o.Body = []byte(seen.Text)
}

// A Hop is one request and what became of cookies with it.
type Hop struct {
	Method, URL string
	Status      int
	Withheld    []Cause // cookies that stayed at home
	Refused     []Cause // Set-Cookie lines that were not kept
}

// A Cause names a cookie and why it stayed at home, or was not kept.
type Cause struct {
	Name string
	Why  cookie.Reasons
}
