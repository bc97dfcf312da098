package cookie

import "time"

// A Client is a kind of client: one row of the table in this file.
type Client struct {
	ID    string // stable, for options and reports: "chrome", "safari-ios-12"
	Name  string // for people
	Class Class
	Rules Rules
	Since string // which versions the row is about

	claims func(*agent) bool // recognises a User-Agent; rows are asked in the table's order
}

// Class is what a client is built for.
type Class string

// Classes of clients.
const (
	Browser  Class = "browser"
	WebView  Class = "webview"
	Native   Class = "native"
	Tool     Class = "tool"
	Crawler  Class = "crawler"
	Standard Class = "standard"
)

// Clients returns the table. The rows are the package's own: do not change them.
func Clients() []*Client { return table }

// ClientNamed finds a row by its identifier.
func ClientNamed(id string) (*Client, bool) {
	for _, c := range table {
		if c.ID == id {
			return c, true
		}
	}
	return nil, false
}

var table = []*Client{
	{ID: "rfc6265bis", Name: "The standard (RFC 6265bis)", Class: Standard, Rules: bis},
	{ID: "chrome", Name: "Chrome, Edge and other Chromium", Since: "140", Class: Browser, Rules: chromium(),
		claims: func(a *agent) bool { return a.has("Chrome/", "Chromium/") }},
	{ID: "firefox", Name: "Firefox", Since: "143", Class: Browser, Rules: firefox(),
		claims: func(a *agent) bool { return a.has("Firefox/") }},
	unknownTool,
}

var unknownTool = &Client{ID: "tool", Name: "A tool without a cookie jar", Class: Tool}

func chromium() Rules {
	r := bis
	r.Schemeful, r.SecureLoopback, r.RenewOnChange, r.NoInnerTab = true, true, true, true
	r.MaxPerSite, r.PurgeSite, r.MaxTotal, r.PurgeTotal, r.SpareYoung = 180, 150, 3300, 3000, 30*24*time.Hour
	r.MaxPartition = 10240
	return r
}

func firefox() Rules {
	r := bis
	r.LaxByDefault, r.LaxPost, r.ExplicitRoot, r.SecureLoopback = false, 0, false, true
	r.Nameless, r.ThirdParty = NamelessNamed, PartitionThird
	r.MaxPerSite, r.PurgeSite, r.MaxTotal, r.PurgeTotal = 180, 150, 3000, 3000
	r.MaxPartition = 10240
	return r
}
