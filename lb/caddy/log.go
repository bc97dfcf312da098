package caddy

import (
	"bytes"
	"strconv"
	"strings"
	"time"

	"limpet.dev/lb"
	"limpet.dev/lb/logtext"
	"limpet.dev/session"
	"limpet.dev/topology"
)

// maxLogLine is the longest line that is read, in bytes.
const maxLogLine = 1 << 20

// Reasons of Caddy's own why a line is no event.
const (
	skipProbe   lb.Skip = "single health check, no change of state"
	skipConsole lb.Skip = "console format: for people; use format json"
)

// A parser reads Caddy's JSON lines: access logs ("handled request"), health checks and starts.
type parser struct {
	opt      lb.LogOptions
	zone     *time.Location
	decode   map[string]string // affinity cookie's value -> upstream
	affinity string            // the affinity cookie's name
	down     map[string]bool   // upstreams that the last line said are down
	scratch  []byte
}

func newParser(opt lb.LogOptions) (lb.LineParser, error) {
	p := &parser{opt: opt, zone: opt.Zone, decode: map[string]string{}, affinity: opt.AffinityCookie, down: map[string]bool{}}
	if p.zone == nil {
		p.zone = time.UTC
	}
	if opt.Config != nil {
		for i := range opt.Config.Pools {
			p.learn(&opt.Config.Pools[i])
		}
	}
	return p, nil
}

// learn computes the cookie of each upstream, so that a cookie tells the upstream where no field does.
func (p *parser) learn(pool *topology.Pool) {
	for _, s := range pool.Settings["policy"] {
		pol := policyOf(s)
		if pol.name != "cookie" {
			continue
		}
		if p.affinity == "" {
			p.affinity = pol.cookie
		}
		for _, in := range pool.Instances {
			p.decode[cookieValue(pol.secret, in.Name)] = in.Name
		}
	}
}

// Format names what the parser reads.
func (p *parser) Format() string { return "caddy/json" }

// Clone returns a parser of the same format for another goroutine.
func (p *parser) Clone() lb.LineParser {
	c := *p
	c.scratch, c.down = nil, map[string]bool{}
	return &c
}

// A line is what the fields of one log line say.
type line struct {
	level, logger, msg, host []byte
	request, answer          []byte
	ts, duration             []byte
	name, data               []byte
}

// Parse reads one line.
func (p *parser) Parse(text []byte, e *session.Event) lb.Skip {
	e.Reset()
	p.scratch = p.scratch[:0]
	text = bytes.TrimRight(text, "\r\n")
	switch {
	case len(text) > maxLogLine:
		return lb.SkipTooLong
	case len(bytes.TrimSpace(text)) == 0:
		return lb.SkipEmpty
	}
	start := bytes.IndexByte(text, '{') // a container runtime's or syslog's header may stand in front
	if start < 0 || start > 200 || !bytes.HasSuffix(bytes.TrimSpace(text), []byte("}")) {
		return p.whyNot(text)
	}
	var l line
	o := newObject(text[start:])
	for {
		name, v, ok := o.next()
		if !ok {
			break
		}
		if !l.field(name, v) {
			p.extra(name, v, e)
		}
	}
	if o.bad {
		return p.whyNot(text)
	}
	at, ok := p.time(l.ts)
	if !ok {
		e.Reset()
		if len(l.msg) == 0 {
			return lb.SkipForeign
		}
		return lb.SkipTime
	}
	if len(l.request) > 0 && string(l.msg) == `"handled request"` {
		return p.access(&l, at, e)
	}
	return p.notice(&l, at, e)
}

func (p *parser) whyNot(text []byte) lb.Skip {
	odd := 0
	for _, c := range text {
		if c < 0x20 && c != '\t' {
			odd++
		}
	}
	switch {
	case odd*8 > len(text), bytes.IndexByte(text, 0) >= 0:
		return lb.SkipBinary
	case bytes.HasPrefix(text, []byte(`{"level":`)):
		return lb.SkipCut
	case bytes.Contains(text, []byte("\tINFO\t")) || bytes.Contains(text, []byte("\tERROR\t")):
		return skipConsole
	}
	return lb.SkipForeign
}

func (l *line) field(name, v []byte) bool {
	switch string(name) {
	case "level":
		l.level = v
	case "logger":
		l.logger = v
	case "msg":
		l.msg = v
	case "ts":
		l.ts = v
	case "request":
		l.request = v
	case "resp_headers":
		l.answer = v
	case "duration":
		l.duration = v
	case "host":
		l.host = v
	case "name":
		l.name = v
	case "data":
		l.data = v
	default:
		return false
	}
	return true
}

// extra takes fields that log_append added: those of our own log line (logline.go), and what others usually call them.
func (p *parser) extra(name, v []byte, e *session.Event) {
	text := unquote(v, &p.scratch)
	switch string(name) {
	case "status":
		if n, ok := logtext.Number(v); ok && n >= 0 && n < 1000 {
			e.Status, e.Has = uint16(n), e.Has|session.HasStatus
		}
	case "size":
		if n, ok := logtext.Number(v); ok {
			e.Bytes = n
		}
	case "upstream":
		e.Has |= session.HasInstance
		e.Instance = text
	case "upstream_ms":
		if ms, err := strconv.ParseFloat(string(text), 64); err == nil && ms >= 0 && ms < 1e9 {
			e.ServerMs = int32(ms)
		}
	case "retries":
		if n, ok := logtext.Number(text); ok && n > 0 {
			e.Flow.Retries = uint8(min(n, 255))
		}
	case "req_id", "request_id", "uuid":
		e.Has |= session.HasRequestID
		e.RequestID = text
	case "aff", "aff_in":
		e.Has |= session.HasAffinity
		e.Affinity = text
	case "sess_in": // the cookie itself, as the manual's example of log_append shows it
		e.Has |= session.HasSession
		if len(text) > 0 {
			e.Session = session.Credential{Raw: text}
		}
	case "sess", "limpet_session":
		e.Has |= session.HasSession
		if len(text) > 0 {
			e.Session = session.Credential{Raw: text, Fingerprint: true}
		}
	case "set_sess", "limpet_set_session":
		e.Has |= session.HasSetSession
		if len(text) > 0 {
			e.SetSession = session.Credential{Raw: text, Fingerprint: true}
		}
	case "traceparent":
		if len(text) >= 36 && text[2] == '-' && text[35] == '-' {
			e.TraceID = text[3:35]
		}
	}
}

// access makes a request's event. Caddy writes the line, and takes its time, when the request has ended.
func (p *parser) access(l *line, at int64, e *session.Event) lb.Skip {
	e.Kind, e.Start, e.End = session.Request, at, at
	if d, ok := durationOf(l.duration); ok && d >= 0 && d < int64(24*time.Hour) {
		e.Start, e.TotalMs = at-d, int32(d/1e6)
	}
	e.Has |= session.HasTarget | session.HasClient
	o := newObject(l.request)
	for {
		name, v, ok := o.next()
		if !ok {
			break
		}
		p.request(name, v, e)
	}
	p.answer(l.answer, e)
	p.route(e)
	return lb.Read
}

func (p *parser) request(name, v []byte, e *session.Event) {
	if string(name) == "headers" {
		p.headers(v, e)
		return
	}
	if string(name) == "tls" {
		e.Scheme = []byte("https")
		return
	}
	text := unquote(v, &p.scratch)
	switch string(name) {
	case "client_ip":
		e.Client = text
	case "remote_ip":
		if len(e.Client) == 0 {
			e.Client = text
		}
	case "remote_addr": // before 2.5
		host, _ := splitPort(string(text))
		e.Client = text[:len(host)]
	case "remote_port":
		if n, ok := logtext.Number(text); ok && n > 0 && n < 1<<16 {
			e.Port = uint16(n)
		}
	case "method":
		e.Method = text
	case "host":
		e.Host = text
	case "uri":
		e.Target = text
	}
}

// headers reads the request's: {"User-Agent":["…"],"Cookie":["…"]}. Without log_credentials cookies are REDACTED.
func (p *parser) headers(v []byte, e *session.Event) {
	e.Has |= session.HasUserAgent | session.HasReferer
	o := newObject(v)
	for {
		name, list, ok := o.next()
		if !ok {
			return
		}
		values := listObject(list)
		value, ok := values.element()
		if !ok {
			continue
		}
		text := unquote(value, &p.scratch)
		switch strings.ToLower(string(name)) {
		case "user-agent":
			e.UserAgent = text
		case "referer":
			e.Referer = text
		case "origin":
			if len(e.Referer) == 0 {
				e.Referer = text
			}
		case "x-request-id":
			e.RequestID, e.Has = text, e.Has|session.HasRequestID
		case "x-forwarded-proto":
			e.Scheme = text
		case "traceparent":
			if len(text) >= 36 && text[2] == '-' && text[35] == '-' {
				e.TraceID = text[3:35]
			}
		case "cookie":
			p.cookies(text, e)
		}
	}
}

func redacted(v []byte) bool { return string(v) == "REDACTED" }

func (p *parser) cookies(v []byte, e *session.Event) {
	if redacted(v) {
		return
	}
	e.Has |= session.HasSession | session.HasAffinity
	for part := range bytes.SplitSeq(v, []byte(";")) {
		name, value, ok := bytes.Cut(bytes.TrimSpace(part), []byte("="))
		switch {
		case !ok || len(value) == 0:
		case p.affinity != "" && string(name) == p.affinity:
			if len(e.Affinity) == 0 {
				e.Affinity = value
			}
		case p.opt.SessionCookie != "" && string(name) == p.opt.SessionCookie && e.Session.Empty() && string(value) != "deleted":
			e.Session = session.Credential{Raw: value}
		}
	}
}

// answer reads the answer's headers.
func (p *parser) answer(v []byte, e *session.Event) {
	o := newObject(v)
	for {
		name, list, ok := o.next()
		if !ok {
			return
		}
		values := listObject(list)
		switch strings.ToLower(string(name)) {
		case "location":
			e.Has |= session.HasLocation
			if value, ok := values.element(); ok {
				e.Location, _, _ = bytes.Cut(unquote(value, &p.scratch), []byte("?"))
			}
		case "x-limpet-session":
			e.Session, e.Has = p.fingerprint(&values), e.Has|session.HasSession|session.HasSetSession
		case "x-limpet-set-session":
			e.SetSession, e.Has = p.fingerprint(&values), e.Has|session.HasSession|session.HasSetSession
		case "set-cookie":
			for value, ok := values.element(); ok; value, ok = values.element() {
				p.setCookie(unquote(value, &p.scratch), e)
			}
		}
	}
}

// fingerprint is what the application says of its session cookie (logline.go).
func (p *parser) fingerprint(values *object) session.Credential {
	v, _ := values.element()
	return session.Credential{Raw: unquote(v, &p.scratch), Fingerprint: true}
}

func (p *parser) setCookie(v []byte, e *session.Event) {
	if redacted(v) {
		return
	}
	first, attrs, _ := bytes.Cut(v, []byte(";"))
	name, value, ok := bytes.Cut(bytes.TrimSpace(first), []byte("="))
	switch {
	case !ok:
	case p.affinity != "" && string(name) == p.affinity:
		e.SetAffinity, e.Has = value, e.Has|session.HasSetAffinity
	case p.opt.SessionCookie == "" || string(name) != p.opt.SessionCookie:
	case len(value) == 0 || string(value) == "deleted" || expired(strings.ToLower(string(attrs))):
		e.Cleared = true
	default:
		e.SetSession, e.Has = session.Credential{Raw: value}, e.Has|session.HasSetSession
	}
}

func expired(attrs string) bool {
	if _, age, ok := strings.Cut(attrs, "max-age="); ok && age != "" {
		return age[0] == '0' || age[0] == '-'
	}
	return strings.Contains(attrs, "1970")
}

// route says what became of the affinity cookie, and reads the upstream from it where no field names it: a cookie that was
// followed is not set again (selectionpolicies.go).
func (p *parser) route(e *session.Event) {
	if e.Has&session.HasSession != 0 {
		e.Has |= session.HasSetSession // both are shown, or neither
	}
	if p.affinity == "" || e.Has&session.HasAffinity == 0 {
		e.Flow.Unserved = e.Has&session.HasInstance != 0 && len(e.Instance) == 0 && e.Status >= 502 && e.Status <= 504
		return
	}
	e.Has |= session.HasFlow | session.HasSetAffinity
	asked, known := p.decode[string(e.Affinity)]
	given, set := p.decode[string(e.SetAffinity)]
	e.Flow.Set = session.SetNothing
	if len(e.SetAffinity) > 0 {
		e.Flow.Set = session.SetInserted
	}
	switch {
	case len(e.Affinity) == 0:
		e.Flow.Affinity = session.AffinityNone
	case len(e.SetAffinity) == 0:
		e.Flow.Affinity = session.AffinityValid
	case known || len(p.decode) == 0:
		e.Flow.Affinity = session.AffinityDown
	default:
		e.Flow.Affinity = session.AffinityInvalid
	}
	failed := e.Status >= 502 && e.Status <= 504
	switch {
	case len(e.Instance) > 0:
	case set:
		e.Instance, e.Has = []byte(given), e.Has|session.HasInstance
	case known && len(e.SetAffinity) == 0 && !failed:
		e.Instance, e.Has = []byte(asked), e.Has|session.HasInstance
	}
	e.Flow.Unserved = failed && len(e.Instance) == 0 && (len(p.decode) > 0 || e.Has&session.HasInstance != 0)
}

// notice reads what is no request: health checks and starts.
func (p *parser) notice(l *line, at int64, e *session.Event) lb.Skip {
	e.Reset()
	msg := string(unquote(l.msg, &p.scratch))
	switch msg {
	case "serving initial configuration", "load complete":
		e.Kind, e.Up = session.Lifecycle, true
	case "shutdown complete", "exiting; byeee!! 👋":
		e.Kind = session.Lifecycle
	case "host is up":
		return p.health(l.host, at, true, msg, e)
	case "host is down", "HTTP request failed", "unexpected status code", "status code out of tolerances", "response body failed expectations":
		if bytes.Contains(l.logger, []byte("health_checker.active")) {
			return p.health(l.host, at, false, msg, e)
		}
		return lb.SkipNotice
	default:
		return lb.SkipNotice
	}
	e.Start, e.End, e.Detail = at, at, []byte(msg)
	return lb.Read
}

// health makes an event of the first check in a row that says so.
func (p *parser) health(host []byte, at int64, up bool, msg string, e *session.Event) lb.Skip {
	host = unquote(host, &p.scratch)
	if was, seen := p.down[string(host)]; len(host) == 0 || seen && was == !up {
		return skipProbe
	}
	p.down[string(host)] = !up
	e.Kind, e.Start, e.End, e.Up, e.Instance, e.Detail = session.Health, at, at, up, host, []byte(msg)
	return lb.Read
}

// time reads ts by its look: seconds or milliseconds since 1970 as a number, or a date as a text (time_format).
func (p *parser) time(v []byte) (int64, bool) {
	if len(v) == 0 {
		return 0, false
	}
	if v[0] != '"' {
		return epoch(v)
	}
	text := v[1 : len(v)-1]
	if t, ok := logtext.ISOTime(text, p.zone); ok {
		return t, true
	}
	for _, layout := range []string{"2006/01/02 15:04:05.000", "2006/01/02 15:04:05", "2006-01-02T15:04:05.000Z0700", "02/Jan/2006:15:04:05 -0700", time.RFC1123} {
		if t, err := time.ParseInLocation(layout, string(text), p.zone); err == nil {
			return t.UnixNano(), true
		}
	}
	return 0, false
}

// epoch reads seconds, milliseconds or nanoseconds since 1970, told apart by their size.
func epoch(v []byte) (int64, bool) {
	whole, fraction, _ := bytes.Cut(v, []byte("."))
	n, ok := logtext.Number(whole)
	if !ok || n <= 0 {
		return 0, false
	}
	unit := int64(time.Second)
	switch {
	case n > 1e17:
		unit = 1
	case n > 1e11:
		unit = int64(time.Millisecond)
	}
	t := n * unit
	for _, c := range fraction {
		if unit /= 10; !logtext.IsDigit(c) || unit == 0 {
			break
		}
		t += int64(c-'0') * unit
	}
	return t, true
}

// durationOf reads seconds as a number, or a text such as "1.2ms" (duration_format string).
func durationOf(v []byte) (int64, bool) {
	if len(v) > 1 && v[0] == '"' {
		d, err := time.ParseDuration(string(v[1 : len(v)-1]))
		return int64(d), err == nil
	}
	f, err := strconv.ParseFloat(string(v), 64)
	return int64(f * 1e9), err == nil
}
