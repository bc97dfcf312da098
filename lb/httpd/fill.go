package httpd

import (
	"bytes"

	"limpet.dev/lb/logtext"
	"limpet.dev/session"
	"limpet.dev/topology"
)

// members finds instances by what httpd logs of them.
type members struct {
	byRoute, byWorker map[string]string // -> name
	routeCookie       map[string]bool   // names of cookies that hold routes and nothing else
	sticky            bool
}

func membersOf(cfg *topology.Config) *members {
	m := &members{byRoute: map[string]string{}, byWorker: map[string]string{}, routeCookie: map[string]bool{}}
	if cfg == nil {
		return m
	}
	for _, pool := range cfg.Pools {
		for _, in := range pool.Instances {
			if in.CookieValue != "" {
				m.byRoute[in.CookieValue] = in.Name
			}
			m.byWorker[in.Address] = in.Name
		}
		for _, a := range pool.Affinity {
			m.sticky = true
			if a.AlsoStores {
				m.routeCookie[a.Cookie] = true
			}
		}
	}
	return m
}

// worker returns the instance of a worker's URL: its name in the configuration, else host:port.
func (m *members) worker(url []byte) []byte {
	host, _, ok := address(string(url))
	if !ok {
		return url
	}
	if name, ok := m.byWorker[host]; ok {
		return []byte(name)
	}
	if i := bytes.Index(url, []byte(host)); i >= 0 {
		return url[i : i+len(host)]
	}
	return []byte(host)
}

// A routing is what the fields about routes say together.
type routing struct {
	worker, route, asked []byte
	changed              bool
	shown                bool // the format shows the worker
}

// fill makes the event of a matched line.
func (p *parser) fill(v *variant, line []byte, e *session.Event) {
	p.clock.reset()
	var r routing
	e.Kind, e.Has = session.Request, v.has
	for i := range v.fields {
		fd := &v.fields[i]
		if fd.what == meansNothing {
			continue
		}
		text := line[p.spans[2*i]:p.spans[2*i+1]]
		if p.clock.field(fd, text) {
			continue
		}
		if fd.what == meansWorker || fd.what == meansWorkerRoute {
			r.shown = true
		}
		if text = value(text, &p.scratch); len(text) == 0 {
			continue
		}
		if !r.field(fd, text) {
			p.field(fd, text, e)
		}
	}
	e.Start = p.clock.start()
	e.End = e.Start
	if t := p.clock.total; t >= 0 && e.Start != 0 {
		e.End += t
		e.TotalMs = int32(t / 1e6)
	}
	p.route(&r, e)
}

func (r *routing) field(fd *field, v []byte) bool {
	switch fd.what {
	case meansWorker:
		r.worker = v
	case meansWorkerRoute:
		r.route = v
	case meansAskedRoute:
		r.asked = v
	case meansRouteChanged:
		r.changed = v[0] == '1'
	default:
		return false
	}
	return true
}

// route names the instance and says what became of the affinity value (mod_proxy_balancer, "Exported Environment Variables").
func (p *parser) route(r *routing, e *session.Event) {
	switch {
	case len(r.worker) > 0:
		e.Instance = p.members.worker(r.worker)
	case len(r.route) > 0:
		e.Instance = r.route
	}
	if name, ok := p.members.byRoute[string(r.route)]; ok && len(r.worker) == 0 {
		e.Instance = []byte(name)
	}
	if r.shown && len(e.Instance) == 0 && e.Status >= 502 && e.Status <= 504 {
		e.Flow.Unserved = true
	}
	if e.Has&session.HasFlow == 0 || len(e.Instance) == 0 {
		return
	}
	_, known := p.members.byRoute[string(r.asked)]
	switch {
	case len(r.asked) == 0 && r.changed:
		e.Flow.Affinity = session.AffinityNone
	case len(r.asked) == 0:
		e.Flow.Affinity = session.AffinityOff
	case bytes.Equal(r.asked, r.route) && !r.changed:
		e.Flow.Affinity = session.AffinityValid
	case known || len(p.members.byRoute) == 0:
		e.Flow.Affinity = session.AffinityDown
	default:
		e.Flow.Affinity = session.AffinityInvalid
	}
	e.Flow.Set = session.SetNothing
	if r.changed && len(p.members.routeCookie) > 0 || len(e.SetAffinity) > 0 {
		e.Flow.Set = session.SetInserted
	}
}

func (p *parser) field(fd *field, v []byte, e *session.Event) {
	switch fd.what {
	case meansClient:
		if fd.arg != "c" || len(e.Client) == 0 {
			e.Client = v
		}
	case meansForwardedFor:
		first, _, _ := bytes.Cut(v, []byte(","))
		e.Client = bytes.TrimSpace(first)
	case meansPort:
		if n, ok := logtext.Number(v); ok && n > 0 && n < 1<<16 {
			e.Port = uint16(n)
		}
	case meansRequest:
		requestLine(v, e)
	case meansMethod:
		e.Method = v
	case meansPath:
		e.Target = v
	case meansStatus:
		if n, ok := logtext.Number(v); ok {
			e.Status = uint16(n)
		}
	case meansBytes:
		if n, ok := logtext.Number(v); ok {
			e.Bytes = n
		}
	case meansServerName:
		e.Listener = v
	case meansHost:
		e.Host = v
	case meansUserAgent:
		e.UserAgent = v
	case meansReferer:
		e.Referer = v
	case meansOrigin:
		if len(e.Referer) == 0 {
			e.Referer = v
		}
	case meansLocation:
		e.Location, _, _ = bytes.Cut(v, []byte("?"))
	case meansRequestID:
		e.RequestID = v
	case meansTrace:
		if len(v) >= 36 && v[2] == '-' && v[35] == '-' {
			e.TraceID = v[3:35]
		}
	case meansScheme:
		e.Scheme = v
	case meansPool:
		e.Pool = bytes.TrimPrefix(v, []byte("balancer://"))
	default:
		p.credential(fd, v, e)
	}
}

// requestLine reads "GET /path HTTP/1.1".
func requestLine(v []byte, e *session.Event) {
	method, rest, ok := bytes.Cut(v, []byte(" "))
	if !ok {
		return
	}
	e.Method = method
	if i := bytes.LastIndexByte(rest, ' '); i >= 0 && bytes.HasPrefix(rest[i+1:], []byte("HTTP/")) {
		rest = rest[:i]
	}
	e.Target = rest
}

// credential takes the fields that hold cookies or fingerprints of them.
func (p *parser) credential(fd *field, v []byte, e *session.Event) {
	switch fd.what {
	case meansCookie:
		p.presented(fd.arg, v, e)
	case meansCookies:
		for len(v) > 0 {
			name, val, rest, ok := logtext.NextCookie(v)
			if v = rest; ok {
				p.presented(string(name), val, e)
			}
		}
	case meansSetCookie:
		for part := range bytes.SplitSeq(v, []byte(", ")) { // several lines are logged as one
			p.set(part, e)
		}
	case meansFingerprint:
		e.Session = session.Credential{Raw: v, Fingerprint: true}
	case meansSetFingerprint:
		e.SetSession = session.Credential{Raw: v, Fingerprint: true}
	case meansCleared:
		e.Cleared = v[0] == '1'
	}
}

func (p *parser) presented(name string, v []byte, e *session.Event) {
	switch {
	case p.isAffinity(name):
		e.Affinity = v
	case p.isSession(name) && e.Session.Empty() && string(v) != "deleted":
		e.Session = session.Credential{Raw: v}
	}
}

// set reads one Set-Cookie line. A piece that a comma of a date cut off has no name that counts.
func (p *parser) set(line []byte, e *session.Event) {
	name, v, attrs, _, ok := logtext.SetCookie(line)
	if !ok || bytes.IndexByte(name, ' ') >= 0 {
		return
	}
	switch {
	case p.isAffinity(string(name)):
		e.SetAffinity = v
	case p.opt.SessionCookie == "" || !p.isSession(string(name)):
	case logtext.Deletes(v, attrs):
		e.Cleared = true
	default:
		e.SetSession = session.Credential{Raw: v}
	}
}
