package capture

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"strings"
)

// ScrubHAR copies a HAR without its credentials. It writes what it knows and leaves out all else: bodies, comments,
// fields of others. Of a file that breaks off, what could be read is written as a whole HAR and the error says where it broke.
func (s *Scrubber) ScrubHAR(w io.Writer, r io.Reader) error {
	c := &harCopier{Scrubber: s, s: newScanner(r), w: bufio.NewWriterSize(w, 64<<10)}
	c.s.keys = copiedKeys
	err := c.file()
	for len(c.open) > 0 { // what a broken file left open
		c.end()
	}
	_ = c.w.WriteByte('\n')
	if werr := c.w.Flush(); werr != nil {
		return werr
	}
	return err
}

// A shape says which fields of an object are copied, and how; all others are left out.
type shape map[string]func(*harCopier) error

var (
	cookieShape, blockedShape, entryShape, pageShape, logShape shape
	copiedKeys                                                 map[string]string
)

func init() {
	who := shape{"name": text, "version": text}
	cookieShape = shape{"path": path, "domain": host, "expires": date, "httpOnly": word, "secure": word, "sameSite": word}
	blockedShape = shape{"blockedReasons": words, "cookieLine": setCookie, "cookie": func(c *harCopier) error { return c.object(shape{"name": cookieName, "path": path, "domain": host}) }}
	message := shape{
		"method": word, "url": address1, "httpVersion": text, "headers": headers, "cookies": listOf(cookies), "queryString": gone("query list"),
		"postData": body("post data"), "headersSize": number, "bodySize": number, "status": number, "statusText": gone("status text"),
		"content": body("body"), "redirectURL": address1, "_transferSize": number, "_error": text,
		"_associatedCookies": listOf(func(c *harCopier) error { return c.object(blockedShape) }),
		"_blockedCookies":    listOf(func(c *harCopier) error { return c.object(blockedShape) }),
	}
	timings := shape{"blocked": number, "dns": number, "connect": number, "send": number, "wait": number, "receive": number, "ssl": number}
	frame := shape{"url": address1}
	stack := shape{"callFrames": listOf(func(c *harCopier) error { return c.object(frame) })}
	initiator := shape{"type": word, "url": address1, "stack": func(c *harCopier) error { return c.object(stack) }}
	entryShape = shape{
		"startedDateTime": date, "time": number, "pageref": pageID, "_resourceType": word, "_fromCache": word, "_priority": word,
		"request": func(c *harCopier) error { return c.object(message) }, "response": func(c *harCopier) error { return c.object(message) },
		"timings": func(c *harCopier) error { return c.object(timings) }, "_initiator": func(c *harCopier) error { return c.object(initiator) },
		"serverIPAddress": func(c *harCopier) error { return c.string1(64, c.Address) }, "comment": gone("comment"),
	}
	pageShape = shape{"id": pageID, "startedDateTime": date, "title": gone("page title"), "comment": gone("comment"),
		"pageTimings": func(c *harCopier) error { return c.object(shape{"onContentLoad": number, "onLoad": number}) }}
	logShape = shape{
		"version": text, "creator": func(c *harCopier) error { return c.object(who) }, "browser": func(c *harCopier) error { return c.object(who) },
		"pages":   listOf(func(c *harCopier) error { return c.object(pageShape) }),
		"entries": listOf(func(c *harCopier) error { return c.object(entryShape) }), "comment": gone("comment"),
	}
	copiedKeys = known("log", "name", "value", "mimeType", "size", "text", "params", "encoding")
	for _, sh := range []shape{who, cookieShape, blockedShape, message, timings, frame, stack, initiator, entryShape, pageShape, logShape, {"onLoad": nil, "onContentLoad": nil}} {
		for k := range sh {
			copiedKeys[k] = k
		}
	}
}

// A harCopier writes while it reads.
type harCopier struct {
	*Scrubber
	s     *scanner
	w     *bufio.Writer
	open  []byte // closing brackets still to write
	comma bool   // something stands before, in the innermost bracket
	key   string // waiting for its value
}

func (c *harCopier) file() error {
	b, err := c.s.peek()
	if err != nil {
		return err
	}
	if b == 0xef {
		c.s.pos += 3
		if b, err = c.s.peek(); err != nil {
			return err
		}
	}
	if b != '{' {
		return c.s.broken("this is no HAR: it begins with " + visible(b) + ", not with '{'")
	}
	return c.object(shape{"log": func(c *harCopier) error { return c.object(logShape) }})
}

func (c *harCopier) begin(open, end byte) {
	c.lead()
	_ = c.w.WriteByte(open)
	c.open = append(c.open, end)
	c.comma = false
}

func (c *harCopier) end() {
	_ = c.w.WriteByte(c.open[len(c.open)-1])
	c.open = c.open[:len(c.open)-1]
	c.comma = true
}

// lead writes what stands before a value: comma and key.
func (c *harCopier) lead() {
	if c.comma {
		_ = c.w.WriteByte(',')
		if len(c.open) == 3 && c.open[2] == ']' { // one entry a line
			_ = c.w.WriteByte('\n')
		}
	}
	if c.key != "" {
		c.quote(c.key)
		_ = c.w.WriteByte(':')
		c.key = ""
	}
}

func (c *harCopier) quote(v string) {
	b, err := json.Marshal(v)
	if err != nil { // cannot be: it is a string
		b = []byte(`""`)
	}
	_, _ = c.w.Write(b)
}

func (c *harCopier) put(v string) {
	c.lead()
	c.quote(v)
	c.comma = true
}

func (c *harCopier) raw(v []byte) {
	c.lead()
	_, _ = c.w.Write(v)
	c.comma = true
}

// object copies an object by its shape; what is none is left out.
func (c *harCopier) object(sh shape) error {
	b, err := c.s.peek()
	if err != nil {
		return err
	}
	if b != '{' {
		c.raw([]byte("null"))
		return c.s.skip()
	}
	c.begin('{', '}')
	deep := len(c.open)
	err = c.s.object(func(key string) error {
		copyIt := sh[key]
		if copyIt == nil {
			return c.leaveOut(key)
		}
		c.key = key
		err := copyIt(c)
		c.key = ""
		return err
	})
	if err == nil {
		for len(c.open) > deep {
			c.end()
		}
		c.end()
	}
	return err
}

func (c *harCopier) leaveOut(key string) error {
	b, err := c.s.peek()
	if err != nil {
		return err
	}
	if b == '"' || b == '{' || b == '[' {
		c.Count("field", key)
	}
	return c.s.skip()
}

func listOf(element func(*harCopier) error) func(*harCopier) error {
	return func(c *harCopier) error {
		b, err := c.s.peek()
		if err != nil {
			return err
		}
		if b != '[' {
			c.raw([]byte("[]"))
			return c.s.skip()
		}
		c.begin('[', ']')
		if err := c.s.array(func() error { return element(c) }); err != nil {
			return err
		}
		c.end()
		return nil
	}
}

// string1 copies a string through f.
func (c *harCopier) string1(most int, f func(string) string) error {
	v, err := c.s.value(most)
	if err != nil {
		return err
	}
	c.put(f(string(v)))
	return nil
}

func text(c *harCopier) error     { return c.string1(100, c.Text) }
func address1(c *harCopier) error { return c.string1(mostText, c.URL) }
func path(c *harCopier) error     { return c.string1(mostText, c.path) }
func setCookie(c *harCopier) error {
	return c.string1(mostCookie, c.SetCookie)
}
func cookieName(c *harCopier) error { return c.string1(mostText, c.cookieName) }

func host(c *harCopier) error {
	return c.string1(200, func(v string) string {
		if hostLike.MatchString(v) {
			return v
		}
		return Gone
	})
}

func date(c *harCopier) error {
	return c.string1(64, func(v string) string {
		if t := readTime(v); !t.IsZero() {
			return t.Format("2006-01-02T15:04:05.000Z")
		}
		return ""
	})
}

// pageID keeps the short names that creators give pages.
func pageID(c *harCopier) error {
	return c.string1(100, func(v string) string {
		if ours.MatchString(v) || len(v) <= 12 && !tokenLike(v) {
			return v
		}
		return "page_" + c.short(v)
	})
}

// word copies a short word, true, false or null.
func word(c *harCopier) error {
	b, err := c.s.peek()
	if err != nil {
		return err
	}
	v, err := c.s.value(48)
	switch {
	case err != nil:
		return err
	case b == '"' && len(v) < 48 && nameLike.Match(v) && !tokenLike(string(v)):
		c.put(string(v))
	case b == '"':
		c.put("")
	case string(v) == "true", string(v) == "false":
		c.raw(v)
	default:
		c.raw([]byte("null"))
	}
	return nil
}

func words(c *harCopier) error { return listOf(word)(c) }

// number copies a number; one in quotes too.
func number(c *harCopier) error {
	v, err := c.s.value(40)
	if err != nil {
		return err
	}
	if len(v) > 0 && len(v) < 24 && json.Valid(v) && len(bytes.Trim(v, "0123456789.-+eE")) == 0 {
		c.raw(v)
		return nil
	}
	c.raw([]byte("-1"))
	return nil
}

// gone leaves a value out for good, an empty one of its kind in its place.
func gone(what string) func(*harCopier) error {
	return func(c *harCopier) error {
		b, err := c.s.peek()
		if err != nil {
			return err
		}
		c.Count(what, "")
		if b == '[' {
			c.raw([]byte("[]"))
		} else {
			c.put("")
		}
		return c.s.skip()
	}
}

// body copies what describes a body, without the body.
func body(what string) func(*harCopier) error {
	return func(c *harCopier) error {
		c.Count(what, "")
		return c.object(shape{"mimeType": text, "size": number, "text": func(c *harCopier) error { c.put(Gone); return c.s.skip() }, "params": func(c *harCopier) error { c.raw([]byte("[]")); return c.s.skip() }})
	}
}

// headers copies header fields.
func headers(c *harCopier) error {
	return listOf(func(c *harCopier) error {
		name, value, err := c.nameAndValue(func(k string) error { return c.leaveOut(k) })
		if err != nil {
			return err
		}
		shown := strings.ToLower(name)
		if c.name(shown) == "" {
			name = "x-" + c.short(name)
		}
		c.begin('{', '}')
		c.key = "name"
		c.put(plain(name))
		c.key = "value"
		c.put(c.Header(shown, value))
		c.end()
		return nil
	})(c)
}

func (c *harCopier) nameAndValue(other func(key string) error) (name, value string, err error) {
	err = c.s.object(func(key string) error {
		switch key {
		case "name":
			v, err := c.s.value(mostText)
			name = string(v)
			return err
		case "value":
			v, err := c.s.value(mostCookie)
			value = string(v)
			return err
		}
		return other(key)
	})
	return name, value, err
}

// cookies copies an element of a list of cookies.
func cookies(c *harCopier) error {
	c.begin('{', '}')
	name, value, err := c.nameAndValue(func(key string) error {
		copyIt := cookieShape[key]
		if copyIt == nil {
			return c.leaveOut(key)
		}
		c.key = key
		err := copyIt(c)
		c.key = ""
		return err
	})
	if err != nil {
		return err
	}
	c.key = "name"
	c.put(c.cookieName(name))
	c.key = "value"
	c.put(c.Credential("cookie", name, value))
	c.end()
	return nil
}
