package haproxy

import (
	"bytes"
	"slices"

	"limpet.dev/lb"
	"limpet.dev/session"
	"limpet.dev/topology"
)

// A variant is one format as one listener uses it: with what that listener captures. It is never
// changed once a parser has it, so that parsers of several goroutines share it.
type variant struct {
	name string // "haproxy/httplog"
	f    *format
	caps *captureSet
	has  session.Facts
	http bool // default httplog or httpslog: the fast path reads it
	tls  bool // it is httpslog, which adds something behind the request line
	tcp  bool // lines are connections, not requests

	session  string   // name of the session cookie, "" unknown
	affinity []string // names of affinity cookies
	// quickCookie is "NAME=" where a captured cookie is the session cookie and nothing else, else "".
	quickCookie string
	quickStart  fixedText // quickCookie again

	prefixed string // cookie on which the balancer puts its prefix
}

// newVariant compiles a format for a listener.
func newVariant(text string, caps *captureSet, opt *lb.LogOptions) (*variant, error) {
	f, err := compileFormat(text)
	if err != nil {
		return nil, err
	}
	v := &variant{caps: caps, session: opt.SessionCookie}
	v.affinity, v.prefixed = affinityNames(opt.Config)
	if opt.AffinityCookie != "" && !slices.Contains(v.affinity, opt.AffinityCookie) {
		v.affinity = append(v.affinity, opt.AffinityCookie)
	}
	affinity := ""
	if len(v.affinity) > 0 {
		affinity = v.affinity[0]
	}
	v.f = f.bind(caps.binding(opt.SessionCookie, affinity))
	if len(caps.request) == 0 && len(caps.response) > 0 {
		v.f.drop(meansRequestHeaders, meansRequestList) // the first braces are those of the answer
	}
	v.name = "haproxy/log-format"
	switch v.f.text {
	case formatHTTPLog:
		v.name, v.http = "haproxy/httplog", true
	case formatHTTPSLog:
		v.name, v.http, v.tls = "haproxy/httpslog", true, true
	case formatCLFLog:
		v.name = "haproxy/clf"
	case formatTCPLog:
		v.name, v.tcp = "haproxy/tcplog", true
	case formatDefault:
		v.name, v.tcp = "haproxy/default", true
	}
	v.tcp = v.tcp || !v.f.tellsRequests()
	v.has = v.facts()
	if name := caps.cookie; name != "" && v.prefixed == "" && v.isSession([]byte(name)) && !v.isAffinity([]byte(name)) {
		v.quickCookie = name + "="
		v.quickStart = fixText([]byte(v.quickCookie))
	}
	return v, nil
}

// drop removes fields that HAProxy leaves empty, with the blank in front of them.
func (f *format) drop(these ...meaning) {
	var kept []node
	for _, n := range f.nodes {
		if n.typ == nodeField && slices.Contains(these, n.what) {
			if k := len(kept); k > 0 && kept[k-1].typ == nodeBlank {
				kept = kept[:k-1]
			}
			continue
		}
		kept = append(kept, n)
	}
	f.nodes = kept
	f.finish()
}

// tellsRequests reports whether a format shows anything that only an HTTP request has.
func (f *format) tellsRequests() bool {
	for i := range f.nodes {
		switch f.nodes[i].what {
		case meansStatus, meansRequestLine, meansMethod, meansPath, meansTarget, meansSession, meansSetSession, meansRequestCookie, meansHost, meansRequestDate, meansRequestZoned,
			meansResponseCookie, meansQuery, meansVersion, meansActiveMs, meansIdleMs, meansRequestMs, meansRequestTotalMs, meansServerMs:
			return true
		case meansState:
			if f.nodes[i].shape == shapeFlags {
				return true
			}
		}
	}
	return false
}

// factOf says which fact a field shows.
var factOf = [meaningCount]session.Facts{
	meansSession: session.HasSession, meansSetSession: session.HasSetSession, meansAffinity: session.HasAffinity, meansSetAffinity: session.HasSetAffinity,
	meansInstance: session.HasInstance, meansStatus: session.HasStatus, meansRequestID: session.HasRequestID, meansUserAgent: session.HasUserAgent,
	meansReferer: session.HasReferer, meansOrigin: session.HasReferer, meansRequestLine: session.HasTarget, meansPath: session.HasTarget, meansTarget: session.HasTarget,
	meansClient: session.HasClient, meansState: session.HasFlow, meansLocation: session.HasLocation,
}

// facts returns what every line of the variant can show.
func (v *variant) facts() session.Facts {
	has, _ := v.factsOf(v.f.nodes)
	return has
}

// factsOf returns what some of the nodes can show, and whether the termination state is among them.
func (v *variant) factsOf(nodes []node) (has session.Facts, stated bool) {
	for i := range nodes {
		n := &nodes[i]
		stated = stated || n.what == meansState
		has |= factOf[n.what]
		switch n.what {
		case meansRequestHeaders, meansRequestList:
			has |= v.capturedFacts(v.caps.request)
		case meansResponseHeaders, meansResponseList:
			has |= v.capturedFacts(v.caps.response)
		case meansRequestCookie:
			if name := []byte(v.caps.cookie); len(name) > 0 && v.isAffinity(name) {
				has |= session.HasAffinity | session.HasSetAffinity
			} else if len(name) > 0 && v.isSession(name) {
				has |= session.HasSession | session.HasSetSession
			}
		case meansCookieHeader, meansSetCookieHeader:
			has |= v.capturedFacts([]capture{{what: n.what}})
		}
	}
	return has, stated
}

func (v *variant) capturedFacts(list []capture) session.Facts {
	var has session.Facts
	for _, c := range list {
		has |= factOf[c.what]
		if c.what == meansCookieHeader {
			has |= session.HasAffinity
			if v.session != "" {
				has |= session.HasSession
			}
		}
		if c.what == meansSetCookieHeader && v.session != "" {
			has |= session.HasSetSession
		}
	}
	return has
}

// isSession reports whether a cookie is the application's session cookie. Without a name from the user the
// cookie that is captured must be it.
func (v *variant) isSession(name []byte) bool {
	if v.session == "" || v.caps.prefix && v.caps.cookie == v.session {
		return v.caps.cookie == "" || string(name) == v.caps.cookie || v.caps.prefix && bytes.HasPrefix(name, []byte(v.caps.cookie))
	}
	return string(name) == v.session
}

func (v *variant) isAffinity(name []byte) bool {
	for _, a := range v.affinity {
		if string(name) == a {
			return true
		}
	}
	return false
}

// unprefix cuts the balancer's prefix from a session cookie ("srv1~value"); rest is nil if there is none.
func (v *variant) unprefix(value []byte, form secretForm) (prefix, rest []byte) {
	if v.prefixed == "" || form != secretRaw || v.session != "" && v.session != v.prefixed {
		return nil, nil
	}
	prefix, rest, ok := bytes.Cut(value, []byte("~"))
	if !ok {
		return nil, nil
	}
	return prefix, rest
}

// configVariants returns the variants of a configuration's listeners, and which listener has which. Two
// listeners with the same format and captures share one.
func configVariants(opt *lb.LogOptions) ([]*variant, map[string]*variant, error) {
	var list []*variant
	byListener := map[string]*variant{}
	keys := map[string]*variant{}
	for i := range opt.Config.Listeners {
		l := &opt.Config.Listeners[i]
		for _, log := range listenerLogs(l) {
			if opt.Format != "" {
				log.Format = opt.Format
			}
			caps := readCaptures(l)
			key := log.Format + "\x00" + caps.key()
			v := keys[key]
			if v == nil {
				var err error
				if v, err = newVariant(log.Format, caps, opt); err != nil {
					return nil, nil, &topology.SyntaxError{Pos: log.Pos, Msg: err.Error()}
				}
				keys[key] = v
				list = append(list, v)
			}
			if _, ok := byListener[l.Name]; !ok {
				byListener[l.Name] = v
			}
		}
	}
	return list, byListener, nil
}

func listenerLogs(l *topology.Listener) []topology.Log {
	if len(l.Logs) == 0 {
		return nil
	}
	return l.Logs
}
