package cookie

// A Client is a kind of client: one row of the tables in clients_browsers.go and clients_tools.go.
type Client struct {
	ID    string // stable, for options and reports: "chrome", "safari-ios-12"
	Name  string // for people, with the versions it is about
	Class Class
	Rules Rules
	Note  string // what an operator should know about its jar; may be empty

	claims func(*agent) bool // recognises a User-Agent; rows are asked in the table's order
}

// Class is what a client is built for.
type Class string

// Classes of clients.
const (
	Standard Class = "standard" // a specification, not a program
	Browser  Class = "browser"
	WebView  Class = "webview" // a browser engine inside an app
	Native   Class = "native"  // an app's own HTTP library
	Tool     Class = "tool"    // scripts, servers, load generators
	Crawler  Class = "crawler"
)

// table holds all rows, the more particular ones first.
var table = rows(standards, crawlers, inApp, oldBrowsers, browsers, tools)

func rows(parts ...[]*Client) (all []*Client) {
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

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

// ClientFor returns the row for a User-Agent: the first one that claims it. An unknown
// browser follows the standard, an unknown tool has no jar. Callers that see an agent often
// remember the answer.
func ClientFor(userAgent string) *Client {
	a := readAgent(userAgent)
	for _, c := range table {
		if c.claims != nil && c.claims(&a) {
			return c
		}
	}
	if a.isBrowser() {
		return standards[0]
	}
	return unknownTool
}
