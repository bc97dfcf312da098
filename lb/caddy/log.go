package caddy

import (
	"bytes"
	"strconv"
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
