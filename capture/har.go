package capture

import (
	"bytes"
	"errors"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// harKeys are the names of HAR 1.2 (w3c.github.io/web-performance, "HTTP Archive (HAR) format"), and of the fields that
// browsers and proxies add, which are read; all others are skipped.
var harKeys = known("log", "creator", "browser", "name", "version", "entries", "pages", "pageref", "startedDateTime", "time",
	"request", "response", "method", "url", "httpVersion", "headers", "cookies", "value", "status", "comment",
	"path", "domain", "expires", "httpOnly", "secure", "sameSite", "redirectURL", "_fromCache", "_resourceType", "_initiator",
	"type", "stack", "callFrames", "parent", "_error", "_associatedCookies", "_blockedCookies", "cookie", "cookieLine", "blockedReasons")

func known(names ...string) map[string]string {
	m := map[string]string{}
	for _, n := range names {
		m[n] = n
	}
	return m
}

const (
	mostText   = 8 << 10 // URL and ordinary header values
	mostCookie = 1 << 20 // Cookie and Set-Cookie values: browsers stop at 4 KiB, but that is what we are to see
	mostList   = 4096    // header fields or cookies of one message
)

// A harReader reads one HAR.
type harReader struct {
	s     *scanner
	about *About
	do    func(*Exchange) error
	x     Exchange
	msg   message // the request or answer being read
}

// A message is the request or the answer of an entry as it is read.
type message struct {
	fields  Fields
	cookies []listed
	names   int // header fields seen, kept or not
	blocked []Blocked
}

// A listed cookie is an element of a "cookies" array.
type listed struct {
	name, path, domain, expires, sameSite string
	value                                 Secret
	httpOnly, secure                      bool
}

func readHAR(r io.Reader, about *About, do func(*Exchange) error) error {
	h := &harReader{s: newScanner(r), about: about, do: do}
	c, err := h.s.peek()
	if err != nil {
		return err
	}
	if c == 0xef { // byte order mark of UTF-8
		h.s.pos += 3
		if c, err = h.s.peek(); err != nil {
			return err
		}
	}
	switch c {
	case '{':
		entries := false
		err = h.s.object(func(key string) error {
			if key != "log" {
				return h.s.skip()
			}
			return h.log(&entries)
		})
		if err == nil && !entries {
			return h.s.broken("this is JSON, but no HAR: it has no log.entries")
		}
		return err
	case 0xff, 0xfe:
		return h.s.broken("the file is written in UTF-16; save it as UTF-8")
	}
	return h.s.broken("this is no HAR: it begins with " + visible(c) + ", not with '{'")
}

func (h *harReader) log(entries *bool) error {
	return h.s.object(func(key string) error {
		switch key {
		case "creator", "browser":
			return h.creator(key == "browser")
		case "entries":
			*entries = true
			return h.s.array(h.entry)
		}
		return h.s.skip()
	})
}

// creator reads who wrote the capture; a browser's own name wins over that of its developer tools.
func (h *harReader) creator(browser bool) error {
	var name, version string
	err := h.s.object(func(key string) error {
		v, err := h.s.value(100)
		switch key {
		case "name":
			name = string(v)
		case "version":
			version = string(v)
		}
		return err
	})
	if name != "" && (h.about.Creator == "" || browser) {
		h.about.Creator = strings.TrimSpace(plain(name) + " " + plain(version))
	}
	return err
}

// plain keeps what cannot disturb a terminal or hide a credential.
func plain(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f || r == 0xfffd {
			return -1
		}
		return r
	}, s)
	return s[:min(len(s), 60)]
}

// entry reads one entry and hands the exchange on.
func (h *harReader) entry() error {
	c, err := h.s.peek()
	if err != nil {
		return err
	}
	if c != '{' {
		h.about.skip("an entry that is no object")
		return h.s.skip()
	}
	x := &h.x
	*x = Exchange{N: h.about.Exchanges + 1, At: h.s.offset(), Request: x.Request[:0], Response: x.Response[:0], Sent: x.Sent[:0],
		SetCookies: x.SetCookies[:0], NotSent: x.NotSent[:0], NotStored: x.NotStored[:0]}
	request := false
	err = h.s.object(func(key string) error {
		switch key {
		case "request":
			request = true
			return h.request()
		case "response":
			return h.response()
		case "startedDateTime":
			v, err := h.s.value(64)
			x.Start = readTime(string(v))
			return err
		case "time":
			v, err := h.s.value(64)
			if ms, perr := strconv.ParseFloat(string(v), 64); perr == nil && ms > 0 && ms < 1e9 {
				x.Took = time.Duration(ms * float64(time.Millisecond))
			}
			return err
		case "pageref":
			v, err := h.s.value(100)
			x.Page = plain(string(v))
			return err
		case "_resourceType":
			v, err := h.s.value(40)
			x.Type = plain(strings.ToLower(string(v)))
			return err
		case "_fromCache":
			v, err := h.s.value(20)
			x.FromCache = len(v) > 0 && string(v) != "false"
			return err
		case "_initiator":
			return h.initiator(4)
		}
		return h.s.skip()
	})
	if err != nil {
		return err
	}
	if !request || x.URL == nil && x.Method == "" {
		h.about.skip("an entry without a request")
		return nil
	}
	return h.hand()
}

// hand passes a whole exchange on.
func (h *harReader) hand() error {
	x := &h.x
	h.about.Exchanges++
	if len(x.Sent)+len(x.SetCookies) > 0 {
		h.about.Cookies = true
	}
	for _, p := range x.Sent {
		if p.Value.Redacted() {
			h.about.Redacted++
		}
	}
	return h.do(x)
}

func (h *harReader) request() error {
	x := &h.x
	h.msg = message{fields: x.Request, cookies: h.msg.cookies[:0]}
	err := h.s.object(func(key string) error {
		switch key {
		case "method":
			v, err := h.s.value(20)
			x.Method = plain(strings.ToUpper(string(v)))
			return err
		case "url":
			v, err := h.s.value(mostText)
			x.URL = address(string(v))
			return err
		case "httpVersion":
			v, err := h.s.value(20)
			x.Proto = plain(string(v))
			return err
		}
		return h.part(key, true)
	})
	m := &h.msg
	x.Request, x.NotSent = m.fields, m.blocked
	for _, f := range m.fields {
		if f.Name == "cookie" {
			x.Sent = appendPairs(x.Sent, string(f.Value))
		}
	}
	if len(x.Sent) == 0 {
		for _, c := range m.cookies {
			x.Sent = append(x.Sent, Pair{c.name, c.value})
		}
	}
	x.SentKnown = len(x.Sent) > 0 || m.names > 0 && !provisional(m)
	return err
}

// provisional reports whether a browser exported only what it meant to send: Chrome does so for requests of which it had
// not seen the real header, and those lack Host and Cookie.
func provisional(m *message) bool {
	return m.names <= 4 && !m.fields.Has("host") && !m.fields.Has(":authority") && !m.fields.Has("accept")
}

func (h *harReader) response() error {
	x := &h.x
	h.msg = message{fields: x.Response, cookies: h.msg.cookies[:0]}
	location := ""
	err := h.s.object(func(key string) error {
		switch key {
		case "status":
			v, err := h.s.value(20)
			if n, perr := strconv.ParseFloat(string(v), 64); perr == nil && n >= 100 && n < 1000 {
				x.Status = int(n)
			}
			return err
		case "redirectURL":
			v, err := h.s.value(mostText)
			location = string(v)
			return err
		case "_error":
			v, err := h.s.value(100)
			x.FailedText = plain(string(v))
			return err
		}
		return h.part(key, false)
	})
	m := &h.msg
	x.Response, x.NotStored = m.fields, m.blocked
	for _, f := range m.fields {
		if f.Name == "set-cookie" {
			x.SetCookies = appendLines(x.SetCookies, string(f.Value))
		}
	}
	if len(x.SetCookies) == 0 && len(m.cookies) > 0 {
		x.Joined = true
		for _, c := range m.cookies {
			x.SetCookies = append(x.SetCookies, c.line())
		}
	}
	x.SetKnown = len(x.SetCookies) > 0 || m.names > 0
	if location != "" && !x.Response.Has("location") {
		x.Response = append(x.Response, Field{"location", Secret(location)})
	}
	return err
}

// part reads what requests and answers have in common.
func (h *harReader) part(key string, request bool) error {
	switch key {
	case "headers":
		return h.headers()
	case "cookies":
		return h.s.array(h.cookie)
	case "_associatedCookies":
		if request {
			return h.s.array(h.blocked)
		}
	case "_blockedCookies":
		return h.s.array(h.blocked)
	}
	return h.s.skip()
}

// headers reads [{"name": …, "value": …}], or an object of names and values as some tools write.
func (h *harReader) headers() error {
	return h.s.array(func() error {
		var name string
		var value Secret
		err := h.s.object(func(key string) error {
			switch key {
			case "name":
				v, err := h.s.value(100)
				name = strings.ToLower(string(bytes.TrimSpace(v)))
				return err
			case "value":
				most := mostText
				if name == "" || name == "cookie" || name == "set-cookie" {
					most = mostCookie
				} else if !wanted[name] {
					return h.s.skip()
				}
				v, err := h.s.value(most)
				value = Secret(v)
				return err
			}
			return h.s.skip()
		})
		if name == "" {
			return err
		}
		h.msg.names++
		if wanted[name] && len(h.msg.fields) < mostList {
			h.msg.fields = append(h.msg.fields, Field{name, value})
		}
		return err
	})
}

func (h *harReader) cookie() error {
	var c listed
	err := h.s.object(func(key string) error {
		v, err := h.s.value(mostText)
		t := string(v)
		switch key {
		case "name":
			c.name = t
		case "value":
			c.value = Secret(t)
		case "path":
			c.path = t
		case "domain":
			c.domain = t
		case "expires":
			c.expires = t
		case "sameSite":
			c.sameSite = t
		case "httpOnly":
			c.httpOnly = t == "true"
		case "secure":
			c.secure = t == "true"
		}
		return err
	})
	if (c.name != "" || c.value != "") && len(h.msg.cookies) < mostList {
		h.msg.cookies = append(h.msg.cookies, c)
	}
	return err
}

// line writes a listed cookie as the Set-Cookie line that it may have been. A list cannot tell an absent Path or Domain
// from the default, so these are written only where they say more than that.
func (c *listed) line() Secret {
	var b strings.Builder
	b.WriteString(c.name + "=" + string(c.value))
	if c.path != "" {
		b.WriteString("; Path=" + c.path)
	}
	if strings.HasPrefix(c.domain, ".") {
		b.WriteString("; Domain=" + c.domain)
	}
	if t := readTime(c.expires); !t.IsZero() {
		b.WriteString("; Expires=" + t.UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT"))
	}
	if c.httpOnly {
		b.WriteString("; HttpOnly")
	}
	if c.secure {
		b.WriteString("; Secure")
	}
	if c.sameSite != "" {
		b.WriteString("; SameSite=" + c.sameSite)
	}
	return Secret(b.String())
}

// blocked reads one element of what the DevTools protocol calls associatedCookies (of a request) or blockedCookies (of an
// answer). One without reasons was not blocked.
func (h *harReader) blocked() error {
	var b Blocked
	err := h.s.object(func(key string) error {
		switch key {
		case "cookie":
			return h.s.object(func(key string) error {
				v, err := h.s.value(mostText)
				if key == "name" {
					b.Name = string(v)
				}
				return err
			})
		case "cookieLine":
			v, err := h.s.value(mostCookie)
			b.Line = Secret(v)
			return err
		case "blockedReasons":
			return h.s.array(func() error {
				v, err := h.s.value(60)
				if len(v) > 0 {
					b.Reasons = append(b.Reasons, plain(string(v)))
				}
				return err
			})
		}
		return h.s.skip()
	})
	if b.Name == "" {
		b.Name = NameOf(string(b.Line))
	}
	if len(b.Reasons) > 0 && len(h.msg.blocked) < mostList {
		h.msg.blocked = append(h.msg.blocked, b)
	}
	return err
}

// initiator finds the address of the page or script that caused a request.
func (h *harReader) initiator(deep int) error {
	return h.s.object(func(key string) error {
		switch {
		case key == "url":
			v, err := h.s.value(mostText)
			if u := address(string(v)); u != nil && h.x.Origin == "" {
				h.x.Origin = u.Scheme + "://" + u.Host + u.Path
			}
			return err
		case key == "stack" && deep > 0:
			return h.initiator(deep - 1)
		case key == "callFrames" && deep > 0:
			return h.s.array(func() error { return h.initiator(deep - 1) })
		}
		return h.s.skip()
	})
}

// address reads a URL and takes out what may be secret or plays no part: user information and fragment. nil if
// it is none, or not of HTTP.
func address(text string) *url.URL {
	u, err := url.Parse(strings.TrimSpace(text))
	if err != nil || u.Host == "" {
		return nil
	}
	switch u.Scheme {
	case "http", "https", "ws", "wss":
	default:
		return nil
	}
	u.User, u.Fragment, u.RawFragment = nil, "", ""
	return u
}

// timeForms are how creators write times; HAR 1.2 wants the first.
var timeForms = []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999Z0700", "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999",
	"2006-01-02 15:04:05.999999999 -0700", time.RFC1123, time.RFC1123Z}

// readTime reads a time, also as seconds or milliseconds since 1970; zero if it is none.
func readTime(text string) time.Time {
	text = strings.TrimSpace(text)
	if text == "" {
		return time.Time{}
	}
	for _, form := range timeForms {
		if t, err := time.Parse(form, text); err == nil {
			return t.UTC()
		}
	}
	if n, err := strconv.ParseFloat(text, 64); err == nil && n > 1e8 {
		if n < 1e11 {
			n *= 1000
		}
		if n < 1e14 {
			return time.UnixMilli(int64(n)).UTC()
		}
	}
	return time.Time{}
}

var errStop = errors.New("stop")
