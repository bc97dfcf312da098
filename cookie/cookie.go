package cookie

import (
	"fmt"
	"time"
)

// A Cookie is one stored cookie. The zero Expires means that it ends with the client's session.
type Cookie struct {
	Name   string
	Value  string `json:"-"` // a credential: never shown
	Domain string // the host, or the Domain attribute without its leading dot, lower case
	Path   string

	HostOnly    bool // no Domain attribute: subdomains do not get it
	Secure      bool
	HttpOnly    bool
	Partitioned bool // the attribute of CHIPS
	SameSite    SameSite
	Priority    Priority

	Partition Partition // the jar within the jar in which it lives; zero: the common one
	Expires   time.Time
	Created   time.Time
	Accessed  time.Time

	bare  bool      // there was no "=" and it is sent without one (Python)
	order uint64    // of creation
	group [2]uint64 // for Grouped: the order of the first cookie of its domain, and of its path there
}

// Persistent reports whether the cookie outlives the client's session.
func (c *Cookie) Persistent() bool { return !c.Expires.IsZero() }

// String names the cookie and its scope, without the value.
func (c Cookie) String() string {
	scope := c.Domain
	if !c.HostOnly {
		scope = "*." + scope
	}
	return c.Name + " (" + scope + c.Path + ")"
}

// Format writes String for every verb of fmt, %#v too, so that no value gets out.
func (c Cookie) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(c.String())) }

// SameSite is the attribute of that name.
type SameSite uint8

// Values of SameSite. Unset also stands for a value that nobody knows (bis, 5.6.7).
const (
	Unset SameSite = iota
	None
	Lax
	Strict
)

var sameSiteNames = [...]string{"", "None", "Lax", "Strict"}

func (s SameSite) String() string { return sameSiteNames[s] }

// Priority is Chromium's attribute of that name: which cookies go last when a jar is full.
type Priority uint8

// Values of Priority.
const (
	Medium Priority = iota
	Low
	High
)

// rank orders priorities from the first to go to the last.
func (p Priority) rank() int { return [...]int{Medium: 1, Low: 0, High: 2}[p] }

// A Partition names a jar within the jar: the site in the address bar and whether a frame of
// another site lies in between (CHIPS, "partition key"; Firefox's state partitioning).
type Partition struct {
	Scheme, Site string
	CrossSite    bool
}

func (p Partition) String() string {
	if p == (Partition{}) {
		return ""
	}
	return p.Scheme + "://" + p.Site
}
