package haproxy

import (
	"strconv"
	"strings"
)

// An expr is a sample expression, "fetch(args),converter(args),…" (manual, section 7.3).
type expr struct {
	text  string
	fetch fetchCall
	convs []fetchCall
}

// A fetchCall is a name with its arguments.
type fetchCall struct {
	name string
	args []string
}

func (c fetchCall) arg(i int) string {
	if i < len(c.args) {
		return c.args[i]
	}
	return ""
}

// exprEnd returns the index of the ']' that ends the expression which begins at from, or -1.
// A ']' within parentheses or quotes belongs to an argument.
func exprEnd(s string, from int) int {
	depth, quote := 0, byte(0)
	for i := from; i < len(s); i++ {
		switch ch := s[i]; {
		case ch == '\\':
			i++
		case quote != 0:
			if ch == quote {
				quote = 0
			}
		case ch == '"' || ch == '\'':
			if depth > 0 {
				quote = ch
			}
		case ch == '(':
			depth++
		case ch == ')':
			depth--
		case ch == ']' && depth <= 0:
			return i
		}
	}
	return -1
}

// parseExpr reads an expression. It accepts whatever it is given: what it does not know means nothing.
func parseExpr(text string) *expr {
	e := &expr{text: strings.TrimSpace(text)}
	for i, part := range splitArgs(e.text) {
		name, rest, has := strings.Cut(strings.TrimSpace(part), "(")
		c := fetchCall{name: strings.ToLower(name)}
		if has {
			c.args = splitArgs(strings.TrimSuffix(strings.TrimSpace(rest), ")"))
			for k := range c.args {
				c.args[k] = strings.Trim(strings.TrimSpace(c.args[k]), `"'`)
			}
		}
		if i == 0 {
			e.fetch = c
		} else {
			e.convs = append(e.convs, c)
		}
	}
	return e
}

// splitArgs cuts at the commas that stand outside parentheses and quotes.
func splitArgs(s string) []string {
	var parts []string
	depth, quote, from := 0, byte(0), 0
	for i := 0; i < len(s); i++ {
		switch ch := s[i]; {
		case ch == '\\':
			i++
		case quote != 0:
			if ch == quote {
				quote = 0
			}
		case ch == '"' || ch == '\'':
			quote = ch
		case ch == '(':
			depth++
		case ch == ')':
			depth--
		case ch == ',' && depth == 0:
			parts = append(parts, s[from:i])
			from = i + 1
		}
	}
	return append(parts, s[from:])
}

// A binding is what is known beside the format string: the names of the cookies, what the
// listener captures, and what its variables hold.
type binding struct {
	session, affinity string // cookie names, "" unknown
	request, response []capture
	vars              map[string]*expr
}

// bind returns the format with the meaning of its expressions filled in.
func (f *format) bind(b *binding) *format {
	bound := &format{text: f.text, nodes: append([]node(nil), f.nodes...)}
	for i := range bound.nodes {
		n := &bound.nodes[i]
		if n.expr == nil {
			continue
		}
		n.what = b.meaning(n.expr, 0)
		if n.what == meansNothing && n.expr.vague() {
			n.what, n.secret = meaningOfName(n.expr.variable())
			if n.what == meansNothing {
				n.what, n.secret = meaningOfName(n.label)
			}
		}
		if n.what == meansForwardedFor {
			n.first = true
		}
		b.form(n, n.expr, 0)
		n.shape = shapeOf(n.what)
	}
	return bound
}

// vague reports whether only the name of a variable, or a label, can say what the expression means.
func (e *expr) vague() bool {
	return e.fetch.name == "var" || strings.HasPrefix(e.fetch.name, "capture.")
}

func (e *expr) variable() string {
	if e.fetch.name != "var" {
		return ""
	}
	return e.fetch.arg(0)
}

// form works out how the value differs from what it means: hashed, escaped for JSON.
func (b *binding) form(n *node, e *expr, depth int) {
	if under, ok := b.vars[e.variable()]; ok && depth < 4 {
		b.form(n, under, depth+1)
	}
	for _, c := range e.convs {
		switch c.name {
		case "hmac":
			n.secret = secretFingerprint
		case "sha1", "sha2", "md5", "digest", "crc32", "crc32c", "djb2", "sdbm", "wt6", "xxh3", "xxh32", "xxh64", "base64", "ub64enc", "url_dec", "aes_gcm_enc":
			n.secret = secretOpaque
		case "hex":
			if n.secret == secretRaw {
				n.secret = secretOpaque
			}
		case "json":
			n.esc = true
		}
	}
}

// meaning returns what an expression says about the request.
func (b *binding) meaning(e *expr, depth int) meaning {
	for _, c := range e.convs {
		switch c.name {
		case "length", "bool", "strcmp", "count", "in_table", "debug", "mod", "not":
			return meansNothing
		}
	}
	switch e.fetch.name {
	case "var":
		if under, ok := b.vars[e.fetch.arg(0)]; ok && depth < 4 {
			return b.meaning(under, depth+1)
		}
	case "capture.req.hdr", "capture.res.hdr":
		return b.captured(e)
	case "req.cook", "req.cook_val", "cook", "cook_val":
		return b.cookie(e.fetch.arg(0), meansSession, meansAffinity)
	case "res.cook", "res.cook_val", "scook", "scook_val":
		return b.cookie(e.fetch.arg(0), meansSetSession, meansSetAffinity)
	case "req.hdr", "req.fhdr", "hdr", "fhdr", "shdr", "req.hdr_ip", "hdr_ip":
		return b.header(e.fetch.arg(0), false)
	case "res.hdr", "res.fhdr":
		return b.header(e.fetch.arg(0), true)
	case "accept_date", "request_date":
		return dateMeaning(e)
	}
	return fetchMeanings[e.fetch.name]
}

// fetchMeanings are the fetches whose name alone says what they give.
var fetchMeanings = map[string]meaning{
	"unique-id": meansRequestID, "src": meansClient, "method": meansMethod, "path": meansPath, "pathq": meansTarget,
	"url": meansTarget, "url32": meansNothing, "query": meansQuery, "status": meansStatus, "txn.status": meansStatus,
	"ssl_fc": meansTLS, "ssl_fc_sni": meansNothing, "be_name": meansPool, "srv_name": meansInstance, "fe_name": meansListener,
	"capture.req.method": meansMethod, "capture.req.uri": meansTarget, "capture.req.ver": meansVersion,
	"txn.sess_term_state": meansState, "txn.redispatched": meansRedispatched, "bytes_out": meansBytes, "res.bytes_out": meansBytes,
	"fc.timer.handshake": meansHandshakeMs, "req.timer.idle": meansIdleMs, "req.timer.hdr": meansRequestMs, "req.timer.tq": meansRequestTotalMs,
	"req.timer.queue": meansQueueMs, "bc.timer.connect": meansConnectMs, "res.timer.hdr": meansServerMs, "res.timer.data": meansDataMs,
	"txn.timer.total": meansActiveMs, "txn.timer.user": meansUserMs, "fc.timer.total": meansTotalMs,
	"txn.conn_retries": meansRetries, "pid": meansPid, "uuid": meansNothing, "req.ver": meansVersion,
}

func dateMeaning(e *expr) meaning {
	unit := e.fetch.arg(0)
	if unit == "" {
		unit = e.fetch.arg(1)
	}
	request := e.fetch.name == "request_date"
	switch {
	case len(e.convs) > 0:
		return meansNothing
	case unit == "ms" && request:
		return meansRequestMillis
	case unit == "ms":
		return meansAcceptEpochMs
	case unit == "us" && request:
		return meansRequestMicros
	case unit == "us":
		return meansAcceptEpochUs
	case request:
		return meansNothing
	}
	return meansAcceptSeconds
}

func (b *binding) captured(e *expr) meaning {
	i, err := strconv.Atoi(e.fetch.arg(0))
	list := b.request
	if e.fetch.name == "capture.res.hdr" {
		list = b.response
	}
	if err != nil || i < 0 || i >= len(list) {
		return meansNothing
	}
	return list[i].what
}

func (b *binding) cookie(name string, session, affinity meaning) meaning {
	switch {
	case name == "":
		return meansNothing
	case name == b.affinity:
		return affinity
	case name == b.session || b.session == "":
		return session
	}
	return meansNothing
}

// header returns what a request header, or one of the answer, says.
func (b *binding) header(name string, answer bool) meaning {
	name = strings.ToLower(name)
	if answer {
		switch name {
		case "location":
			return meansLocation
		case "set-cookie":
			return meansSetCookieHeader
		}
		return meansNothing
	}
	return requestHeaders[name]
}

var requestHeaders = map[string]meaning{
	"host": meansHost, ":authority": meansHost, "user-agent": meansUserAgent, "referer": meansReferer, "origin": meansOrigin,
	"x-request-id": meansRequestID, "x-correlation-id": meansRequestID, "request-id": meansRequestID, "x-unique-id": meansRequestID,
	"traceparent": meansTraceID, "x-amzn-trace-id": meansTraceID, "x-b3-traceid": meansTraceID,
	"x-forwarded-for": meansForwardedFor, "x-real-ip": meansForwardedFor, "x-client-ip": meansForwardedFor, "true-client-ip": meansForwardedFor, "cf-connecting-ip": meansForwardedFor,
	"x-forwarded-proto": meansScheme, "cookie": meansCookieHeader,
}

// shapeOf returns the shape of an expression's value: HAProxy writes them all as text, numbers too.
func shapeOf(m meaning) shape {
	switch m {
	case meansMethod, meansPath, meansTarget, meansStatus, meansClient, meansScheme, meansTLS, meansRequestMillis, meansRequestMicros,
		meansAcceptEpochMs, meansAcceptEpochUs, meansAcceptSeconds, meansIdleMs, meansHandshakeMs, meansRequestMs, meansActiveMs:
		return shapeWord
	}
	return shapeText
}
