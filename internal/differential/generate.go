package differential

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"limpet.dev/cookie"
	"limpet.dev/internal/client"
)

// Hosts are the names that scenarios use; all lead to loopback. Several sites, public
// suffixes of both sections, an IDN, and this machine.
var Hosts = []string{
	"example.test", "shop.example.test", "www.shop.example.test", "login.example.test", "partner.test", "www.partner.test",
	"example.co.uk", "store.example.co.uk", "alice.github.io", "bob.github.io", "xn--bcher-kva.test",
}

// Generate makes scenarios until they hold at least that many cases. The same seed gives the
// same scenarios.
func Generate(seed uint64, cases int) []Scenario {
	g := &generator{rand.New(rand.NewPCG(seed, 20_26))}
	var out []Scenario
	for n := 0; n < cases; {
		s := g.scenario(len(out) + 1)
		n += s.Cases()
		out = append(out, s)
	}
	return out
}

type generator struct{ *rand.Rand }

// pick chooses one of some words, each as likely as the next; repeat a word to weigh it.
func pick[T any](g *generator, words ...T) T { return words[g.IntN(len(words))] }

func (g *generator) chance(percent int) bool { return g.IntN(100) < percent }

func (g *generator) scenario(id int) Scenario {
	s := Scenario{ID: id}
	home := g.place()
	names := &names{scenario: id}
	s.Set = append(s.Set, g.setting(home, names, 7+g.IntN(5)))
	if g.chance(35) { // the same host again, perhaps over the other scheme, with some of the names
		again := Place{pick(g, "http", "https"), home.Host, g.path()}
		s.Set = append(s.Set, g.setting(again, names, 2+g.IntN(3)))
	}
	s.Probe = g.probe(home)
	return s
}

// place is a page somewhere.
func (g *generator) place() Place {
	host := pick(g, Hosts...)
	if g.chance(8) {
		host = pick(g, "localhost", "127.0.0.1")
	}
	return Place{pick(g, "https", "https", "https", "http"), host, g.path()}
}

func (g *generator) path() string {
	return pick(g, "/", "/a", "/a/", "/a/b", "/a/b/", "/a/b/c", "/ab", "/other/x", "/A/b", "/a%20b/c")
}

// near is a page in some relation to another: the same host, its site, elsewhere.
func (g *generator) near(p Place, sameHost, sameSite int) Place {
	q := Place{p.Scheme, p.Host, g.path()}
	if g.chance(12) {
		q.Scheme = pick(g, "http", "https")
	}
	switch n := g.IntN(100); {
	case n < sameHost:
	case n < sameHost+sameSite:
		u, _ := cookie.ParseURL("https://" + p.Host)
		var related []string
		for _, host := range Hosts {
			if v, _ := cookie.ParseURL("https://" + host); v.Site() == u.Site() {
				related = append(related, host)
			}
		}
		if len(related) > 0 {
			q.Host = pick(g, related...)
		}
	default:
		q.Host = pick(g, Hosts...)
	}
	return q
}

// setting is a step whose answer sets cookies.
func (g *generator) setting(target Place, names *names, lines int) Step {
	s := g.step(target, pick(g, client.Open, client.Open, client.Open, client.Link, client.Submit, client.Frame, client.Fetch, client.Fetch, client.Image, client.Write))
	if s.Verb == client.Write {
		lines = min(lines, 5)
	}
	for range lines {
		s.Lines = append(s.Lines, g.line(target.Host, names))
	}
	if s.Verb != client.Write && g.chance(18) { // a callback that sets cookies and sends on
		hop := Hop{Place: g.near(target, 60, 20), Status: pick(g, 301, 302, 302, 303, 307)}
		hop.Scheme = target.Scheme
		for range 1 + g.IntN(3) {
			hop.Lines = append(hop.Lines, g.line(hop.Host, names))
		}
		s.Via = append(s.Via, hop)
	}
	if s.Verb != client.Write {
		s.Status = pick(g, 0, 0, 0, 0, 0, 401, 404, 500)
	}
	return s
}

// probe is the request at the end.
func (g *generator) probe(home Place) Step {
	target := g.near(home, 70, 24)
	s := g.step(target, pick(g, client.Open, client.Link, client.Link, client.Submit, client.Submit, client.Frame, client.Frame, client.Image, client.Fetch, client.Fetch, client.Fetch, client.Read))
	if s.Verb != client.Read && g.chance(20) {
		for range 1 + g.IntN(2) {
			hop := Hop{Place: g.near(target, 40, 30), Status: pick(g, 301, 302, 302, 303, 307, 308)}
			hop.Scheme = s.Target.Scheme
			s.Via = append(s.Via, hop)
		}
	}
	return s
}

// step chooses where an action comes from. Browsers stop requests from https pages to http
// ones before cookies come into it (mixed content), so there are none.
func (g *generator) step(target Place, verb client.Verb) Step {
	s := Step{Verb: verb, Target: target, CORS: pick(g, "", "", "", "no-credentials", "none")}
	s.Credentials = pick(g, cookie.SameOrigin, cookie.Include, cookie.Include, cookie.Omit)
	if verb == client.Open {
		return s
	}
	s.Page = g.near(target, 30, 25)
	if verb == client.Read || verb == client.Write {
		s.Page = target
	}
	if target.Scheme == "http" && verb != client.Link {
		s.Page.Scheme = "http"
	}
	if !navigates(verb) && g.chance(20) {
		s.Inside = g.near(target, 20, 20)
		s.Inside.Scheme = s.Page.Scheme
		if verb == client.Read || verb == client.Write {
			s.Inside, s.Page.Host = target, g.near(target, 20, 20).Host
		}
		if target.Scheme == "https" && s.Page.Scheme == "http" {
			s.Page.Scheme, s.Inside.Scheme = "https", "https"
		}
	}
	s.Preflight = verb == client.Fetch && g.chance(15)
	return s
}

func navigates(v client.Verb) bool { return v <= client.Submit }

// names hands out names and values that tell lines apart.
type names struct {
	scenario, n int
	used        []string
}

func (g *generator) name(n *names) (name, value string) {
	n.n++
	value = fmt.Sprintf("v%dx%d", n.scenario, n.n)
	if len(n.used) > 0 && g.chance(15) {
		return pick(g, n.used...), value
	}
	name = fmt.Sprintf("k%d", n.n)
	switch g.IntN(24) {
	case 0, 1:
		name = "__Host-" + name
	case 2:
		name = "__Secure-" + name
	case 3:
		name = pick(g, "__Http-", "__Host-Http-", "__host-", "__SECURE-", "__HTTP-") + name
	case 4:
		name += pick(g, " x", "(1)", "@y", "\"q\"", "é", "{}")
	}
	n.used = append(n.used, name)
	return name, value
}

// line is a Set-Cookie line.
func (g *generator) line(host string, n *names) string {
	name, value := g.name(n)
	pair := name + "=" + value
	switch g.IntN(40) {
	case 0:
		pair = value // nameless
	case 1:
		pair = "=" + value
	case 2:
		pair = name + "=" + value + pick(g, " a b", ",z", "\"", "ü", "%20", "=x=", "\\")
	case 3:
		pair = name + "=\"" + value + "\""
	case 4:
		pair = " " + name + " = " + value + "  "
	case 5:
		pair = name + "=" + value + pick(g, "\ta", "\t", "\x01", "\x7f")
	case 6:
		pair = name + "=" + value + strings.Repeat("x", 4096-len(name)-len(value)+g.IntN(2))
	case 7:
		pair = "=" + pick(g, "__Host-", "__Secure-") + value
	}
	parts := []string{pair}
	for _, attribute := range []string{g.domain(host), g.pathAttribute(), g.life(), g.site()} {
		if attribute != "" {
			parts = append(parts, attribute)
		}
	}
	if g.chance(50) {
		parts = append(parts, pick(g, "Secure", "Secure", "secure", "SECURE", "Secure=false", " Secure "))
	}
	if g.chance(25) {
		parts = append(parts, pick(g, "HttpOnly", "httponly", "HttpOnly=0"))
	}
	if g.chance(12) {
		parts = append(parts, pick(g, "Partitioned", "partitioned"))
	}
	if g.chance(5) {
		parts = append(parts, pick(g, "Priority=High", "Version=1", "foo", "\"Secure\"", "a=b=c", "", "Comment="+strings.Repeat("c", 1100)))
	}
	if head := parts[0]; g.chance(30) {
		rest := parts[1:]
		g.Shuffle(len(rest), func(i, j int) { rest[i], rest[j] = rest[j], rest[i] })
		parts = append([]string{head}, rest...)
	}
	return strings.Join(parts, pick(g, "; ", "; ", ";"))
}

func (g *generator) domain(host string) string {
	parent := host[strings.IndexByte(host, '.')+1:]
	switch g.IntN(24) {
	case 0, 1, 2:
		return "Domain=" + host
	case 3, 4, 5:
		return "Domain=" + parent
	case 6:
		return "Domain=." + parent
	case 7:
		return "domain=" + strings.ToUpper(parent)
	case 8:
		return "Domain=" + pick(g, Hosts...)
	case 9:
		return "Domain=" + pick(g, "test", "co.uk", "github.io", "uk", "localhost", "0.0.1")
	case 10:
		return "Domain=" + pick(g, "", ".", "."+host, ".."+parent, parent+".", "https://"+parent, "\""+parent+"\"", "bücher.test")
	case 11:
		return "Domain=" + parent + "; Domain=" + pick(g, "", host, "partner.test")
	}
	return ""
}

func (g *generator) pathAttribute() string {
	switch n := g.IntN(20); {
	case n < 9:
		return "Path=/"
	case n < 13:
		return "Path=" + pick(g, "/a", "/a/", "/a/b", "/A", "/a%20b", "/other")
	case n < 14:
		return pick(g, "Path=", "Path", "Path=a", "Path=\"/\"", "path=/a; Path=/", "Path=/; Path=x", "Path=/a b", "Path=/"+strings.Repeat("p", 1024))
	}
	return ""
}

func (g *generator) life() string {
	switch g.IntN(20) {
	case 0, 1:
		return "Max-Age=3600"
	case 2:
		return "Max-Age=" + pick(g, "0", "-1", "-0", "00")
	case 3:
		return "Max-Age=" + pick(g, "99999999", "315360000", "99999999999999999999999", "34560000", "34560001")
	case 4:
		return "Max-Age=" + pick(g, "", "1h", "\"60\"", "+100", "1.5", "- 1", "0x10", "١")
	case 5, 6:
		return "Expires=" + pick(g, "Wed, 25 Nov 2037 10:00:00 GMT", "Wednesday, 25-Nov-37 10:00:00 GMT", "Wed Nov 25 10:00:00 2037", "25 Nov 2037 10:00:00 +0100")
	case 7:
		return "Expires=" + pick(g, "Thu, 01 Jan 1970 00:00:00 GMT", "Thu, 01-Jan-70 00:00:01 GMT", "Wed, 01 Jan 1601 00:00:00 GMT", "Mon, 01 Jan 2001 00:00:00")
	case 8:
		return "Expires=" + pick(g, "tomorrow", "", "Wed, 31 Feb 2037 10:00:00 GMT", "Wed, 25 Nov 2037", "Wed, 25 Nov 2037 25:00:00 GMT", "0", "2037-11-25T10:00:00Z")
	case 9:
		return pick(g, "Max-Age=3600; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "Expires=Wed, 25 Nov 2037 10:00:00 GMT; Max-Age=0", "Max-Age=0; Max-Age=100", "Max-Age=100; Max-Age=x")
	}
	return ""
}

func (g *generator) site() string {
	switch g.IntN(20) {
	case 0, 1, 2:
		return "SameSite=Lax"
	case 3, 4, 5:
		return "SameSite=Strict"
	case 6, 7, 8, 9, 10:
		return "SameSite=None"
	case 11:
		return pick(g, "samesite=none", "SameSite=", "SameSite", "SameSite=Bogus", "SameSite=\"Lax\"", "SameSite=Strict; SameSite=None", "SameSite=None; SameSite=x", "SAMESITE=LAX")
	}
	return ""
}
