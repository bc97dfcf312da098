package journey

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"limpet.dev/capture"
	"limpet.dev/cookie"
	"limpet.dev/internal/client"
)

// A player plays one journey in one client.
type player struct {
	base  *url.URL
	vars  map[string]string
	virt  *client.Virtual
	tape  *tape
	clock *clock
	cell  *Cell
	page  string // the address of the page that is open
	begun int    // where the latest step begins on the tape
}

// A clock is the client's: real time, and what journeys let pass.
type clock struct {
	now func() time.Time
	off time.Duration
}

func (c *clock) time() time.Time { return c.now().Add(c.off) }

// A tape is a transport that writes down what went over it, as a capture would.
type tape struct {
	next http.RoundTripper
	list []*capture.Exchange
	now  func() time.Time
}

// RoundTrip implements http.RoundTripper.
func (t *tape) RoundTrip(r *http.Request) (*http.Response, error) {
	began := t.now()
	answer, err := t.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	u := *r.URL
	u.User, u.Fragment = nil, ""
	x := &capture.Exchange{
		N: len(t.list) + 1, Start: began, Took: t.now().Sub(began), Method: r.Method, URL: &u, Proto: answer.Proto, SentKnown: true, SetKnown: true, Status: answer.StatusCode,
	}
	for _, name := range []string{"Referer", "Origin", "User-Agent", "Sec-Fetch-Site", "Sec-Fetch-Mode"} {
		if v := r.Header.Get(name); v != "" {
			x.Request = append(x.Request, capture.Field{Name: strings.ToLower(name), Value: capture.Secret(v)})
		}
	}
	for _, pair := range strings.Split(r.Header.Get("Cookie"), ";") {
		if name, value, ok := strings.Cut(strings.TrimSpace(pair), "="); ok {
			x.Sent = append(x.Sent, capture.Pair{Name: name, Value: capture.Secret(value)})
		}
	}
	for _, line := range answer.Header.Values("Set-Cookie") {
		x.SetCookies = append(x.SetCookies, capture.Secret(line))
	}
	for _, name := range []string{"Location", "Access-Control-Allow-Origin", "Access-Control-Allow-Credentials", "X-Cache", "Age", "Cache-Control", "Date"} {
		if v := answer.Header.Get(name); v != "" {
			x.Response = append(x.Response, capture.Field{Name: strings.ToLower(name), Value: capture.Secret(v)})
		}
	}
	t.list = append(t.list, x)
	return answer, nil
}

// steps plays steps until one fails, and reports whether all went well. Expectations count if count says so.
func (p *player) steps(ctx context.Context, list []Step, count bool) (ok bool, err error) {
	for i := range list {
		s := &list[i]
		out, err := p.step(ctx, s)
		if err != nil {
			if count {
				p.at(i, s)
			}
			return false, err
		}
		if s.Expect.empty() {
			continue
		}
		if want, got := p.judge(&s.Expect, out); want != "" {
			if count {
				p.at(i, s)
				p.cell.Want, p.cell.Got = want, got
			}
			return false, nil
		}
		if count {
			p.cell.Met++
		}
	}
	return true, nil
}

func (p *player) at(i int, s *Step) {
	word, arg, _ := s.actions()
	p.cell.Step = fmt.Sprintf("%d %s %s", i+1, word, shown(arg))
}

// shown is an address without its query.
func shown(arg string) string {
	arg, _, _ = strings.Cut(arg, "?")
	return arg
}

// step carries one action out.
func (p *player) step(ctx context.Context, s *Step) (*client.Outcome, error) {
	word, arg, _ := s.actions()
	switch word {
	case "wait":
		d, err := time.ParseDuration(arg)
		p.clock.off += d
		return &client.Outcome{}, err
	case "restart":
		with := client.SameProfile
		if arg == "new" {
			with = client.NewProfile
		}
		return &client.Outcome{}, p.virt.Restart(ctx, with)
	}
	a := client.Action{Verb: verbs[word], Method: s.Method, Credentials: modes[cmp.Or(s.Credentials, "same-origin")], Header: http.Header{}}
	var err error
	if a.URL, err = p.address(arg); err != nil {
		return nil, err
	}
	if s.Inside != "" {
		if a.Inside, err = p.address(s.Inside); err != nil {
			return nil, err
		}
	}
	for k, v := range s.Header {
		a.Header.Set(k, p.fill(v))
	}
	if len(s.Form) > 0 {
		a.Form = url.Values{}
		for k, v := range s.Form {
			a.Form.Set(k, p.fill(v))
		}
	}
	from := len(p.tape.list)
	p.begun = from
	out, err := p.virt.Do(ctx, a)
	if out != nil {
		p.annotate(from, word, out.Hops)
	}
	if err == nil && (word == "open" || word == "link" || word == "submit") {
		p.page = out.URL
	}
	return out, err
}

var verbs = map[string]client.Verb{"open": client.Open, "link": client.Link, "submit": client.Submit, "frame": client.Frame, "image": client.Image, "fetch": client.Fetch}

var types = map[string]string{"open": "document", "link": "document", "submit": "document", "frame": "iframe", "image": "image", "fetch": "fetch"}

// annotate adds to what the tape holds what only the client knows: the cookies that it kept at home or refused, and why.
func (p *player) annotate(from int, word string, hops []client.Hop) {
	made := p.tape.list[from:]
	for i, x := range made {
		x.Type = types[word]
		if word == "frame" {
			x.Request = append(x.Request, capture.Field{Name: "sec-fetch-mode", Value: "navigate"}, capture.Field{Name: "sec-fetch-dest", Value: "iframe"})
		}
		if word != "open" && p.page != "" {
			x.Origin, _, _ = strings.Cut(p.page, "?")
		}
		if i >= len(hops) || len(made) != len(hops) {
			continue
		}
		for _, c := range hops[i].Withheld {
			x.NotSent = append(x.NotSent, capture.Blocked{Name: c.Name, Reasons: names(c.Why)})
		}
		for _, c := range hops[i].Refused {
			b := capture.Blocked{Name: c.Name, Reasons: names(c.Why)}
			for _, line := range x.SetCookies {
				if strings.HasPrefix(line.Reveal(), c.Name+"=") {
					b.Line = line
				}
			}
			x.NotStored = append(x.NotStored, b)
		}
	}
}

func names(why cookie.Reasons) []string {
	var out []string
	for r := range why.All() {
		out = append(out, r.String())
	}
	return out
}

// address is what a step means: relative to the target, variables filled in.
func (p *player) address(arg string) (string, error) {
	u, err := p.base.Parse(p.fill(arg))
	if err != nil {
		return "", errors.New("not an address")
	}
	return u.String(), nil
}

// fill puts variables in place of ${name}.
func (p *player) fill(text string) string {
	if !strings.Contains(text, "${") {
		return text
	}
	for name, value := range p.vars {
		text = strings.ReplaceAll(text, "${"+name+"}", value)
	}
	return text
}

// judge compares an answer with what is expected; want is "" where all is as it should be. Nothing of the page is told.
func (p *player) judge(e *Expect, out *client.Outcome) (want, got string) {
	state := fmt.Sprintf("%s %d", place(out.URL), out.Status)
	switch {
	case e.Status != 0 && out.Status != e.Status:
		return fmt.Sprintf("status %d", e.Status), state
	case e.URL != "" && !strings.HasPrefix(out.URL, p.mustAddress(e.URL)):
		return "the way to " + shown(e.URL), state
	case e.Readable != nil && *e.Readable == out.Hidden:
		return map[bool]string{true: "an answer that script may read", false: "an answer that script may not read"}[*e.Readable], state
	}
	body := string(out.Body)
	for _, text := range e.Contains {
		if !strings.Contains(body, p.fill(text)) {
			return fmt.Sprintf("the text %q", text), state + ", without it"
		}
	}
	for _, text := range e.Lacks {
		if strings.Contains(body, p.fill(text)) {
			return fmt.Sprintf("a page without %q", text), state + ", with it"
		}
	}
	return "", ""
}

func (p *player) mustAddress(arg string) string {
	a, err := p.address(arg)
	if err != nil {
		return arg
	}
	return a
}

// place is an address fit for a report.
func place(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return "no answer"
	}
	return capture.PlaceOf(u)
}
