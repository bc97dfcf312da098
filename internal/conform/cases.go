package conform

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"limpet.dev/cookie"
)

// standard is the row that specification suites are run with.
const standard = "rfc6265bis"

// step is a page that sets cookies.
type step struct {
	URL       string   `json:"url"`
	Context   string   `json:"context"`
	SetCookie []string `json:"setCookie"`
	Script    []string `json:"script"`
	Status    int      `json:"status"`
	CORS      string   `json:"cors"`
}

// exchange is a case of a specification's suite: pages set cookies, then one request is made.
type exchange struct {
	ID      string    `json:"id"`
	Now     time.Time `json:"now"`
	Steps   []step    `json:"steps"`
	SetBy   string    `json:"setBy"`
	Request struct {
		URL       string   `json:"url"`
		Method    string   `json:"method"`
		Context   string   `json:"context"`
		Initiator string   `json:"initiator"`
		Via       []string `json:"redirectChain"`
	} `json:"request"`
	Expected string   `json:"expectedCookie"`
	Reasons  []string `json:"derivedReasons"`
	Differs  *struct {
		Cookie string `json:"derivedCookie"`
	} `json:"rfc6265bisDiffers"`
}

// exchange runs a case. Where the older RFC 6265 and bis differ the file says so, and bis counts.
func (t *tally) exchange(raw json.RawMessage) error {
	var c exchange
	if err := json.Unmarshal(raw, &c); err != nil {
		return err
	}
	client, _ := cookie.ClientNamed(standard)
	jar := cookie.NewJar(client)
	var differs []string
	var reasons []string
	for _, s := range c.Steps {
		r, err := c.setting(s)
		if err != nil {
			return err
		}
		for _, line := range s.SetCookie {
			v := jar.Set(line, r, c.Now)
			reasons = append(reasons, v.Why.String())
		}
	}
	if len(c.Reasons) == len(reasons) {
		for i, want := range c.Reasons {
			if want != reasons[i] {
				differs = append(differs, fmt.Sprintf("line %d: reason %q, want %q", i+1, reasons[i], want))
			}
		}
	}
	r, err := c.asking()
	if err != nil {
		return err
	}
	want := c.Expected
	if c.Differs != nil {
		want = c.Differs.Cookie
	}
	if got := string(jar.AppendHeader(nil, r, c.Now)); got != want {
		differs = append(differs, headerDiffers("the request", got, want))
	}
	t.count(c.ID, standard, differs)
	return nil
}

// setting is the request whose answer sets cookies.
func (c *exchange) setting(s step) (*cookie.Request, error) {
	u, err := cookie.ParseURL(s.URL)
	if err != nil {
		return nil, err
	}
	switch {
	case c.SetBy == "document.cookie":
		return cookie.Document(u), nil
	case strings.HasPrefix(s.Context, "same-origin fetch"):
		return cookie.Call(u, u, cookie.SameOrigin), nil
	case s.Context == "top-level", strings.HasPrefix(s.Context, "first-party"), strings.HasPrefix(s.Context, "top-level"):
		return cookie.Typed(u), nil
	}
	return nil, fmt.Errorf("%s: unknown context %q", c.ID, s.Context)
}

// asking is the request at the end of a case.
func (c *exchange) asking() (*cookie.Request, error) {
	u, err := cookie.ParseURL(c.Request.URL)
	if err != nil {
		return nil, err
	}
	r := &cookie.Request{URL: u, Method: c.Request.Method, From: u}
	if c.Request.Initiator != "" {
		if r.From, err = cookie.ParseURL(c.Request.Initiator); err != nil {
			return nil, err
		}
	}
	for _, via := range c.Request.Via {
		hop, err := cookie.ParseURL(via)
		if err != nil {
			return nil, err
		}
		r.Via = append(r.Via, hop)
	}
	context := c.Request.Context
	switch {
	case strings.HasPrefix(context, "document.cookie"):
		r.Kind = cookie.Script
	case strings.Contains(context, "fetch"):
		r.Kind = cookie.Fetch
		if strings.Contains(context, "include") {
			r.Credentials = cookie.Include
		}
	case strings.Contains(context, "iframe"):
		r.Kind = cookie.Frame
	case strings.Contains(context, "image"):
		r.Kind = cookie.Resource
	case strings.HasPrefix(context, "top-level"), strings.HasPrefix(context, "same-site"):
	default:
		return nil, fmt.Errorf("%s: unknown context %q", c.ID, context)
	}
	return r, nil
}

// date runs an Expires string; null is one that cannot be read.
func (t *tally) date(raw json.RawMessage) error {
	var c struct {
		ID, Input string
		Expected  *string
	}
	if err := json.Unmarshal(raw, &c); err != nil {
		return err
	}
	got, ok := cookie.ParseDate(c.Input)
	want := time.Time{}
	if c.Expected != nil {
		var err error
		if want, err = time.Parse(http.TimeFormat, *c.Expected); err != nil {
			return err
		}
	}
	var differs []string
	if ok != (c.Expected != nil) || !got.Equal(want) {
		differs = append(differs, fmt.Sprintf("read %t %v, want %v", ok, got, want))
	}
	t.count(c.ID, standard, differs)
	return nil
}

// domain runs a pair of host and cookie domain.
func (t *tally) domain(raw json.RawMessage) error {
	var c struct {
		ID, Host, CookieDomain string
		Match                  bool
	}
	if err := json.Unmarshal(raw, &c); err != nil {
		return err
	}
	var differs []string
	if got := cookie.DomainMatch(c.Host, c.CookieDomain); got != c.Match {
		differs = append(differs, fmt.Sprintf("host %q, domain %q: match %t, want %t", c.Host, c.CookieDomain, got, c.Match))
	}
	t.count(c.ID, standard, differs)
	return nil
}

// folded runs a line of joined Set-Cookie lines.
func (t *tally) folded(raw json.RawMessage) error {
	var c struct {
		ID, Input string
		Expected  []string
	}
	if err := json.Unmarshal(raw, &c); err != nil {
		return err
	}
	var differs []string
	if got := cookie.Split(c.Input); !slices.Equal(got, c.Expected) {
		differs = append(differs, fmt.Sprintf("%d lines, want %d", len(got), len(c.Expected)))
	}
	t.count(c.ID, standard, differs)
	return nil
}

// headerDiffers says which names two Cookie headers hold.
func headerDiffers(where, got, want string) string {
	return fmt.Sprintf("%s sends [%s], want [%s]", where, namesIn(got), namesIn(want))
}

// namesIn lists the names in a Cookie header, with the length of each value.
func namesIn(header string) string {
	if header == "" {
		return ""
	}
	var names []string
	for pair := range strings.SplitSeq(header, "; ") {
		name, value, ok := strings.Cut(pair, "=")
		if !ok {
			name, value = "(nameless)", pair
		}
		names = append(names, fmt.Sprintf("%.24s:%d", name, len(value)))
	}
	return strings.Join(names, " ")
}
