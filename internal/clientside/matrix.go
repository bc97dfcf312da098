package clientside

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"limpet.dev/capture"
	"limpet.dev/cookie"
)

// A kind of request, as the matrix tells them apart.
type kind struct {
	name string
	make func(u cookie.URL) *cookie.Request
	wait time.Duration // after the cookie was set
}

var kinds = []kind{
	{"typed address or a link of the same site", func(u cookie.URL) *cookie.Request { return cookie.Link(u, u) }, 10 * time.Second},
	{"link from another site", func(u cookie.URL) *cookie.Request { return cookie.Link(elsewhere, u) }, 10 * time.Second},
	{"form POST from another site, within two minutes", func(u cookie.URL) *cookie.Request { return cookie.Post(elsewhere, u) }, 30 * time.Second},
	{"form POST from another site, later", func(u cookie.URL) *cookie.Request { return cookie.Post(elsewhere, u) }, 10 * time.Minute},
	{"frame in another site", func(u cookie.URL) *cookie.Request { return cookie.Embed(elsewhere, u) }, 10 * time.Second},
	{"fetch from another site, with credentials", func(u cookie.URL) *cookie.Request { return cookie.Call(elsewhere, u, cookie.Include) }, 10 * time.Second},
	{"fetch from another site, default mode", func(u cookie.URL) *cookie.Request { return cookie.Call(elsewhere, u, cookie.SameOrigin) }, 10 * time.Second},
	{"plain http, same host", func(u cookie.URL) *cookie.Request { u.Scheme, u.Port = "http", ""; return cookie.Typed(u) }, 10 * time.Second},
	{"the site's root path", func(u cookie.URL) *cookie.Request { return cookie.Typed(u.At("/")) }, 10 * time.Second},
}

// shownClients are the rows of the client table that reports look at: what people have, not the standards.
func shownClients() []*cookie.Client {
	var list []*cookie.Client
	for _, c := range cookie.Clients() {
		if c.Class != cookie.Standard && c.ID != "tool" {
			list = append(list, c)
		}
	}
	slices.SortStableFunc(list, func(a, b *cookie.Client) int { return place(a) - place(b) })
	return list
}

// place puts first what most people use.
func place(c *cookie.Client) int {
	first := []string{"chrome", "firefox", "safari", "android-webview", "wkwebview"}
	if i := slices.Index(first, c.ID); i >= 0 {
		return i
	}
	return len(first)
}

// row judges one line in one client.
func row(c *cookie.Client, line string, set *cookie.Request, at time.Time) Row {
	r := Row{Clients: []string{c.Name}, IDs: []string{c.ID}}
	v := c.Judge(line, set, at)
	if r.Stored = v.Outcome != cookie.Rejected; !r.Stored {
		r.Why = words(v.Why)
		return r
	}
	for _, k := range kinds {
		stored := v.Cookie
		why := c.Withholds(&stored, k.make(set.URL), at.Add(k.wait))
		r.Cells = append(r.Cells, Cell{Kind: k.name, Sent: why == 0, Why: words(why)})
	}
	return r
}

// matrix is what all clients do with a line; those that behave alike share a row.
func matrix(line string, set *cookie.Request, at time.Time) []Row {
	var rows []Row
	for _, c := range shownClients() {
		r := row(c, line, set, at)
		if i := slices.IndexFunc(rows, func(o Row) bool { return alike(&o, &r) }); i >= 0 {
			rows[i].Clients, rows[i].IDs = append(rows[i].Clients, c.Name), append(rows[i].IDs, c.ID)
			continue
		}
		rows = append(rows, r)
	}
	return rows
}

func alike(a, b *Row) bool {
	return a.Stored == b.Stored && slices.Equal(a.Why, b.Why) && slices.EqualFunc(a.Cells, b.Cells, func(x, y Cell) bool { return x.Sent == y.Sent && slices.Equal(x.Why, y.Why) })
}

// setting is the request whose answer sets a cookie for the matrix: a visit of the same site.
func setting(s *step) *cookie.Request { return cookie.Link(s.req.URL, s.req.URL) }

// refusing names the clients with a jar that refuse a line.
func (a *analysis) refusing(line string, s *step) []string {
	var out []string
	for _, c := range shownClients() {
		if c.Rules.Jar == cookie.NoJar {
			continue
		}
		if v := c.Judge(line, s.req, s.at); v.Outcome == cookie.Rejected {
			out = append(out, c.Name)
		}
	}
	return out
}

// withholding names the clients that keep a cookie and do not send it with a step's request.
func withholding(line string, set, req *cookie.Request, at, later time.Time) []string {
	var out []string
	for _, c := range shownClients() {
		if c.Rules.Jar == cookie.NoJar {
			continue
		}
		v := c.Judge(line, set, at)
		if v.Outcome == cookie.Rejected || c.Withholds(&v.Cookie, req, later) != 0 {
			out = append(out, c.Name)
		}
	}
	return out
}

// views shows each cookie that was set, in the order in which they were first set.
func (a *analysis) views() {
	for _, key := range a.order {
		seen := a.lines[key]
		name, _, _ := strings.Cut(key, "\x00")
		v := View{Name: name, Role: a.roleOf(name), Header: shown(seen.line), Host: seen.step.url.Host, Bytes: size(seen.line)}
		if seen.step.assumed {
			v.Host = "(assumed: " + seen.step.url.Host + " over https)"
		}
		if c := a.affinity(name); c.product != "" {
			v.Product, v.Says = c.product, c.says.words()
		}
		if n := a.stats[name]; n != nil {
			v.Set, v.Sent, v.Withheld = n.set, n.sent, n.withheld
		}
		judged, _ := cookie.ClientNamed("rfc6265bis")
		verdict := judged.Judge(seen.line, setting(seen.step), seen.step.at)
		v.Scope, v.Lifetime = scope(&verdict), lifetime(seen.line)
		if v.Role != OtherCookie || len(a.order) <= 3 {
			v.Matrix = matrix(seen.line, setting(seen.step), seen.step.at)
		}
		v.Matrix = orEmpty(v.Matrix)
		a.report.Cookies = append(a.report.Cookies, v)
	}
	a.report.Cookies = orEmpty(a.report.Cookies)
	slices.SortStableFunc(a.report.Cookies, func(x, y View) int { return rank(x.Role) - rank(y.Role) })
}

func rank(r Role) int {
	return slices.Index([]Role{SessionCookie, AffinityCookie, OtherCookie}, r)
}

func (a *analysis) roleOf(name string) Role {
	if r := a.role[name]; r != "" {
		return r
	}
	return OtherCookie
}

// scope says where a cookie goes, in words.
func scope(v *cookie.Verdict) string {
	if v.Outcome == cookie.Rejected {
		return "nowhere: it is refused"
	}
	c := &v.Cookie
	where := "to this host only"
	if !c.HostOnly {
		where = "to " + hostWord(c.Domain) + " and all hosts below it"
	}
	if c.Path != "/" {
		where += ", below " + attributesOf("x=1; Path=" + c.Path)[len("; Path="):]
	}
	if c.Secure {
		where += ", https only"
	}
	return where
}

// hostWord shows a domain unless it looks like a token.
func hostWord(domain string) string {
	if ordinary(domain) {
		return domain
	}
	return "its domain"
}

func lifetime(line string) string {
	l, refused := cookie.Parse(line)
	switch {
	case refused != 0 && l.Name == "":
		return "unknown"
	case l.HasMaxAge && l.MaxAge <= 0:
		return "deletes"
	case l.HasMaxAge:
		return l.MaxAge.String()
	case !l.Expires.IsZero():
		return "until " + l.Expires.Format("2006-01-02 15:04 MST")
	}
	return "until the browser is closed"
}

// size is what browsers count: name and value.
func size(line string) int {
	pair, _, _ := strings.Cut(line, ";")
	name, value, found := strings.Cut(pair, "=")
	if !found {
		return len(strings.TrimSpace(name))
	}
	return len(strings.TrimSpace(name)) + len(strings.TrimSpace(value))
}

// Limits that are worth a warning before they are reached (RFC 6265bis 5.6: 4096 octets; servers and balancers take 8 KiB of a
// header field by default: nginx large_client_header_buffers, Apache LimitRequestFieldSize).
const (
	nearPair   = 3500
	nearHeader = 7000
	fullHeader = 8190
	nearCount  = 150 // of 180 for a site in Chromium and Firefox
)

func (w *walk) nearLimit(s *step, line string) {
	if n := size(line); n >= nearPair && n <= 4096 {
		f := w.finding("cookie-near-limit", capture.NameOf(line), "")
		f.Severity = w.weight(capture.NameOf(line), Warning)
		w.seen(f, s)
		f.Evidence = union(f.Evidence, []string{fmt.Sprintf("name and value have %d bytes; browsers refuse more than 4096", n)})
		f.Fix, f.Why = fixSetting(cookie.NameValuePairExceedsMaxSize.Set(), line, s)
	}
}

// headerSize looks at all cookies of a request together.
func (w *walk) headerSize(s *step) {
	n := 0
	largest, most := "", 0
	for _, p := range s.sent {
		l := len(p.Name) + len(p.Value.Reveal()) + 3
		if n += l; l > most {
			largest, most = p.Name, l
		}
	}
	rejected := s.status == 431 || s.status == 494 || s.status == 400 && n >= nearHeader
	if n < nearHeader && len(s.sent) < nearCount && !(rejected && n >= 4096) {
		return
	}
	rule := "cookie-header-large"
	if rejected {
		rule = "cookie-too-large"
	}
	f := w.finding(rule, largest, "header")
	f.Severity = Warning
	w.seen(f, s)
	f.Evidence = union(f.Evidence, []string{fmt.Sprintf("a request carried %d cookies, %d bytes in its Cookie header", len(s.sent), n)})
	if n >= fullHeader {
		f.Evidence = union(f.Evidence, []string{"servers and balancers take 8 KiB by default"})
	}
	if rejected {
		f.Severity = Error
		f.Evidence = union(f.Evidence, []string{"it was refused: " + statusWord(s.status)})
	}
	f.Fix = "Set-Cookie: " + largest + "=; Path=/; Max-Age=0"
	f.Why = "for cookies that nobody needs, of which " + largest + " is the largest; what the session must keep belongs on the server"
}

func itoa(n int) string { return strconv.Itoa(n) }

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
