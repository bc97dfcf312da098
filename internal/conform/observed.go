package conform

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"limpet.dev/cookie"
)

// rows says which row of the client table an observed client is.
var rows = map[string]string{
	"chromium": "chrome", "chromium-third-party-blocked": "chrome-third-party-blocked", "chromium-phaseout-switch": "chrome-phaseout",
	"firefox": "firefox", "webkitgtk": "webkitgtk", "webkitgtk-itp": "webkitgtk-itp",
	"curl-with-cookie-jar": "curl-jar", "curl-without-jar": "curl",
	"go-http-client-cookiejar-nil-psl": "go-jar-no-suffixes", "go-http-client-cookiejar-publicsuffix": "go-jar", "go-http-client-without-jar": "go",
	"python-requests-get": "python-requests", "python-requests-session": "python-requests-session", "python-urllib": "python-urllib",
}

// observedAt is about when the scenarios were recorded: their dates count from there.
var observedAt = time.Date(2026, 11, 23, 23, 23, 18, 0, time.UTC)

// scenario is one story and what each client made of it.
type scenario struct {
	ID       string                 `json:"id"`
	Steps    []step                 `json:"steps"`
	Observed map[string]observation `json:"observed"`
}

type observation struct {
	Stored []struct {
		Name, Value, Domain, Path string
		Secure, HTTPOnly          bool
		SameSite, Partition       string
		TTLDays                   string `json:"ttlDays"`
	} `json:"stored"`
	SetBlocked []blocked `json:"setBlocked"`
	NextHop    *string   `json:"nextHopCookie"`
	Requests   map[string]struct {
		Cookie  string    `json:"cookie"`
		NotSent []blocked `json:"notSent"`
	} `json:"requests"`
}

type blocked struct {
	Line, Name string
	Reasons    []string
}

// probe is how a request of the observed file is made.
type probe struct{ StartPage, Action, Target string }

func (t *tally) observed(data []byte) error {
	var file struct {
		Probes    map[string]probe
		Scenarios []scenario
		Timed     map[string]timed
	}
	if err := json.Unmarshal(data, &file); err != nil {
		return fmt.Errorf("read vectors: %w", err)
	}
	for _, s := range file.Scenarios {
		for _, name := range slices.Sorted(maps.Keys(s.Observed)) {
			client, err := rowOf(name)
			if err != nil {
				return fmt.Errorf("%s: %w", s.ID, err)
			}
			p := play{scenario: &s, want: s.Observed[name], jar: cookie.NewJar(client), probes: file.Probes, now: observedAt}
			if err := p.run(); err != nil {
				return fmt.Errorf("%s: %w", s.ID, err)
			}
			t.count(s.ID, client.ID, p.differs)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(file.Timed)) {
		client, err := rowOf(name)
		if err != nil {
			return err
		}
		t.timed(client, file.Timed[name])
	}
	return nil
}

// rowOf finds the row of the client table for an observed client.
func rowOf(name string) (*cookie.Client, error) {
	client, ok := cookie.ClientNamed(rows[name])
	if !ok {
		return nil, fmt.Errorf("unknown client %q", name)
	}
	return client, nil
}

// play is one scenario with one client.
type play struct {
	*scenario
	want    observation
	jar     *cookie.Jar
	probes  map[string]probe
	now     time.Time
	differs []string
}

func (p *play) run() error {
	var refused []string
	for _, s := range p.Steps {
		r, err := stepRequest(s)
		if err != nil {
			return err
		}
		lines := append(s.SetCookie, s.Script...)
		for i, v := range p.jar.SetAll(lines, r, p.now) {
			if v.Why != 0 && r.Kind != cookie.Script {
				refused = append(refused, short(lines[i])+" -> "+protocol(v.Why))
			}
		}
		p.now = p.now.Add(100 * time.Millisecond)
		if s.Status == 302 && p.want.NextHop != nil {
			page, _ := cookie.ParseURL("https://app.example.test/app/page")
			p.header("the next hop", r.Follow(302, page), *p.want.NextHop)
		}
	}
	if p.jar.Client.Class == cookie.Browser {
		p.stored()
	}
	if p.reports() {
		p.refusals(refused)
	}
	return p.requests()
}

// reports tells the clients whose protocol names reasons.
func (p *play) reports() bool { return strings.HasPrefix(p.jar.Client.ID, "chrome") }

func (p *play) requests() error {
	for _, name := range slices.Sorted(maps.Keys(p.want.Requests)) {
		want := p.want.Requests[name]
		r, err := p.request(name)
		if err != nil {
			return err
		}
		if p.reports() {
			var got, expected []string
			for _, o := range p.jar.Explain(r, p.now) {
				if why := protocol(o.Why); why != "" && r.Kind != cookie.Script {
					got = append(got, o.Cookie.Name+" -> "+why)
				}
			}
			for _, b := range want.NotSent {
				expected = append(expected, b.Name+" -> "+strings.Join(family(b.Reasons), " "))
			}
			p.compare(name+" withholds", got, expected)
		}
		p.header(name, r, want.Cookie)
	}
	return nil
}

func (p *play) header(where string, r *cookie.Request, want string) {
	if got := short(string(p.jar.AppendHeader(nil, r, p.now))); got != want {
		p.differs = append(p.differs, headerDiffers(where, got, want))
	}
}

func (p *play) compare(what string, got, want []string) {
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		p.differs = append(p.differs, fmt.Sprintf("%s %q, want %q", what, got, want))
	}
}

// refusals compares what the protocol reported about Set-Cookie lines.
func (p *play) refusals(got []string) {
	got = slices.DeleteFunc(got, func(s string) bool { return strings.HasSuffix(s, "-> ") })
	var want []string
	for _, b := range p.want.SetBlocked {
		want = append(want, b.Line+" -> "+strings.Join(family(b.Reasons), " "))
	}
	p.compare("refused", got, want)
}

// stored compares the jar. WebKit's driver shows the cookies of one document only: there all
// that it shows must be in the jar.
func (p *play) stored() {
	var got, want []string
	for _, c := range p.jar.Cookies() {
		got = append(got, describe(&c, p))
	}
	for _, s := range p.want.Stored {
		ttl := "session"
		if s.TTLDays != "" {
			days, _ := strconv.ParseFloat(s.TTLDays, 64)
			ttl = fmt.Sprint(math.Round(days))
		}
		want = append(want, fmt.Sprint(short(s.Name), ":", lengthOf(s.Value), s.Domain, s.Path, s.Secure, s.HTTPOnly, p.siteText(s.SameSite), p.partitionText(s.Partition), ttl))
	}
	if strings.HasPrefix(p.jar.Client.ID, "webkitgtk") {
		got = slices.DeleteFunc(got, func(g string) bool { return !slices.Contains(want, g) })
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		p.differs = append(p.differs, fmt.Sprintf("stored %q, want %q", got, want))
	}
}

func describe(c *cookie.Cookie, p *play) string {
	domain := c.Domain
	if !c.HostOnly {
		domain = "." + domain
	}
	ttl := "session"
	if c.Persistent() {
		ttl = fmt.Sprint(math.Round(c.Expires.Sub(p.now).Hours() / 24))
	}
	return fmt.Sprint(short(c.Name), ":", lengthOf(short(c.Value)), domain, short(c.Path), c.Secure, c.HttpOnly, p.siteText(c.SameSite.String()), p.partitionText(c.Partition.String()), ttl)
}

// lengthOf stands for a value, which is never shown.
func lengthOf(value string) string { return fmt.Sprintf(" %d ", len(value)) }

func (p *play) siteText(s string) string {
	s = strings.ToLower(s)
	if s == "default" || s == "" || strings.HasPrefix(p.jar.Client.ID, "webkitgtk") && s == "none" {
		return "unset"
	}
	return s
}

// partitionText keeps the site of a partition. Firefox's protocol does not tell a Partitioned
// cookie that was set first-party from others.
func (p *play) partitionText(s string) string {
	site, _, _ := strings.Cut(s, " ")
	if p.jar.Client.ID == "firefox" && site == "https://example.test" {
		return ""
	}
	return site
}

// protocol returns the reasons that the browser's protocol knows, in the one spelling for SameSite.
func protocol(why cookie.Reasons) string {
	var names []string
	for r := range why.All() {
		if !strings.HasPrefix(r.String(), "X.") {
			names = append(names, r.String())
		}
	}
	return strings.Join(family(names), " ")
}

// family takes both spellings of SameSite reasons for one and sorts.
func family(reasons []string) []string {
	var out []string
	for _, r := range reasons {
		out = append(out, strings.TrimPrefix(r, "Schemeful"))
	}
	slices.Sort(out)
	return out
}

// short shows text of more than 80 octets as the file does.
func short(s string) string {
	if len(s) <= 80 {
		return s
	}
	return fmt.Sprintf("%.12s...(%d octets)", s, len(s))
}
