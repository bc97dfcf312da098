package journey

import (
	"cmp"
	"slices"
	"strings"

	"limpet.dev/capture"
	"limpet.dev/cookie"
	"limpet.dev/internal/clientside"
)

// explain says why a cell failed, from what went over the wire and what the client kept at home.
func (p *player) explain() {
	c := p.cell
	report := clientside.Examine([]clientside.Source{{Path: c.Journey, Read: func(do func(*capture.Exchange) error) (capture.About, error) {
		for _, x := range p.tape.list {
			if err := do(x); err != nil {
				return capture.About{}, err
			}
		}
		return capture.About{Kind: capture.HAR, Exchanges: len(p.tape.list), Cookies: true}, nil
	}}}, clientside.Options{})
	twice := p.presentedTwice()
	for i := range report.Findings {
		f := &report.Findings[i]
		if f.Times == 0 || f.Severity == clientside.Info || twice != "" && f.Rule != "cookie-duplicate-scope" {
			continue // follows from a header alone, or is not what the last request shows
		}
		c.Cause, c.Cookie, c.Rules, c.Fix, c.Reason = f.Rule, f.Cookie, f.Reasons, f.Fix, f.Title
		p.misread()
		return
	}
	if b, sent := p.lastBlocked(); b != nil {
		c.Cookie, c.Rules = b.Name, b.Reasons
		c.Reason = "the client does not keep the cookie"
		if sent {
			c.Reason = "the client does not send the cookie"
		}
		p.misread()
		return
	}
	if p.noneSet() {
		c.Reason = "no answer set a cookie. Look at the same answer behind the balancer: if it sets one there, something on the way takes it out " +
			"(cookie-stripped-by-cdn); if not, the application keeps it back (secure-cookie-proto-unknown)"
		return
	}
	c.Reason = "the client did all that it should: the site did not honour the session, or the page is not what the journey expects"
}

// presentedTwice is the name of a cookie that a request of the latest step carried twice: nothing stayed at home then, and the
// older one may win.
func (p *player) presentedTwice() string {
	for _, x := range p.tape.list[p.begun:] {
		seen := map[string]bool{}
		for _, pair := range x.Sent {
			if seen[pair.Name] {
				return pair.Name
			}
			seen[pair.Name] = true
		}
	}
	return ""
}

// noneSet reports whether no answer set any cookie.
func (p *player) noneSet() bool {
	return !slices.ContainsFunc(p.tape.list, func(x *capture.Exchange) bool { return len(x.SetCookies) > 0 })
}

// misread names the cause where a client takes SameSite=None for something else: what it then does looks like Strict, or like a
// cookie that nobody takes.
func (p *player) misread() {
	if p.virt.Kind.Rules.NoneMisread == cookie.NoneUnderstood {
		return
	}
	for _, x := range p.tape.list {
		for _, line := range x.SetCookies {
			text := line.Reveal()
			if strings.HasPrefix(text, p.cell.Cookie+"=") && strings.Contains(strings.ToLower(strings.ReplaceAll(text, " ", "")), ";samesite=none") {
				p.cell.Cause, p.cell.Reason = "samesite-legacy-client", "this client misreads SameSite=None"
				p.cell.Fix = "no SameSite attribute for this client, told by its User-Agent"
				return
			}
		}
	}
}

// lastBlocked finds the latest cookie that stayed at home, or was refused.
func (p *player) lastBlocked() (b *capture.Blocked, sending bool) {
	for _, x := range slices.Backward(p.tape.list) {
		if len(x.NotSent) > 0 {
			return &x.NotSent[0], true
		}
		if len(x.NotStored) > 0 {
			return &x.NotStored[0], false
		}
	}
	return nil, false
}

// able reports whether a kind of client can make a journey at all, and why not.
func able(k *cookie.Client, j *Journey) (ok bool, why string) {
	if k.Rules.Jar == cookie.NoJar {
		return false, "this client keeps no cookies"
	}
	for _, s := range j.Steps {
		word, _, _ := s.actions()
		if (word == "frame" || word == "image" || s.Inside != "") && k.Class != cookie.Browser && k.Class != cookie.WebView {
			return false, "this client shows no pages: it has no " + strings.TrimSuffix(cmp.Or(word, "frame"), "s") + "s"
		}
	}
	return true, ""
}
