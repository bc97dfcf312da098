package httpd

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"limpet.dev/lb"
	"limpet.dev/session"
	"limpet.dev/topology"
)

// A writer writes lines as httpd would: access-log lines of a LogFormat, and lines of the error log.
type writer struct {
	f      *format
	opt    lb.LogOptions
	routes map[string]string // instance -> route
	worker map[string]string // instance -> address
	sticky string            // name of the sticky cookie
}

// newWriter compiles opt.Format, that of the configuration, or our own.
func newWriter(opt lb.LogOptions) (lb.LineWriter, error) {
	w := &writer{opt: opt, routes: map[string]string{}, worker: map[string]string{}}
	text := opt.Format
	if cfg := opt.Config; cfg != nil {
		w.learn(cfg)
		for _, l := range cfg.Listeners {
			if text == "" && len(l.Logs) > 0 {
				text = l.Logs[0].Format
			}
		}
	}
	var err error
	if w.f, err = compile(cmp.Or(text, ownFormat)); err != nil {
		return nil, fmt.Errorf("httpd log: %w", err)
	}
	return w, nil
}

func (w *writer) learn(cfg *topology.Config) {
	for _, pool := range cfg.Pools {
		for _, in := range pool.Instances {
			w.routes[in.Name], w.worker[in.Name] = in.CookieValue, in.Address
		}
		for _, a := range pool.Affinity {
			w.sticky = a.Cookie
		}
	}
}

// AppendRequest writes one access-log line.
func (w *writer) AppendRequest(dst []byte, r *lb.Record) []byte {
	for i := range w.f.fields {
		fd := &w.f.fields[i]
		dst = append(dst, fd.lit...)
		if v := w.text(fd, r); v == "" && fd.what != meansQuery {
			dst = append(dst, '-')
		} else {
			dst = appendEscaped(dst, v)
		}
	}
	return append(append(dst, w.f.tail...), '\n')
}

// appendEscaped escapes as ap_escape_logitem does (server/util.c).
func appendEscaped(dst []byte, v string) []byte {
	for i := 0; i < len(v); i++ {
		switch c := v[i]; {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c == '\n':
			dst = append(dst, '\\', 'n')
		case c == '\t':
			dst = append(dst, '\\', 't')
		case c == '\r':
			dst = append(dst, '\\', 'r')
		case c < 0x20 || c >= 0x7f:
			dst = fmt.Appendf(dst, `\x%02x`, c)
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

// text is a field's value, "" where httpd writes "-".
func (w *writer) text(fd *field, r *lb.Record) string {
	total := time.Duration(r.TotalMs) * time.Millisecond
	switch fd.what {
	case meansTime:
		if fd.arg == "" {
			return r.Start.UTC().Format("[02/Jan/2006:15:04:05 -0700]")
		}
		layout, _ := layouts(fd.arg)
		return r.Start.UTC().Format(layout)
	case meansTimePart:
		if fd.width == 3 {
			return fmt.Sprintf("%03d", r.Start.Nanosecond()/1e6)
		}
		return fmt.Sprintf("%06d", r.Start.Nanosecond()/1e3)
	case meansEpochSec:
		return strconv.FormatInt(r.Start.Unix(), 10)
	case meansEpochMs:
		return strconv.FormatInt(r.Start.UnixMilli(), 10)
	case meansEpochUs:
		return strconv.FormatInt(r.Start.UnixMicro(), 10)
	case meansTotalUs:
		return strconv.FormatInt(total.Microseconds(), 10)
	case meansTotalMs:
		return strconv.FormatInt(total.Milliseconds(), 10)
	case meansTotalSec:
		return strconv.FormatInt(int64(total/time.Second), 10)
	}
	if v, ok := w.routing(fd, r); ok {
		return v
	}
	return w.request(fd, r)
}

// routing is a field of mod_proxy_balancer.
func (w *writer) routing(fd *field, r *lb.Record) (string, bool) {
	served := r.Instance != ""
	sticky := w.sticky != ""
	switch fd.what {
	case meansPool:
		if served {
			return "balancer://" + r.Pool, true
		}
	case meansWorker:
		if served {
			return "http://" + cmp.Or(w.worker[r.Instance], r.InstanceAddr.String()), true
		}
	case meansWorkerRoute:
		if served {
			return w.routes[r.Instance], true
		}
	case meansAskedRoute:
		if served && sticky {
			_, route, _ := strings.Cut(r.Affinity, ".")
			return route, true
		}
	case meansRouteChanged:
		if served && sticky && r.Flow.Affinity != session.AffinityValid {
			return "1", true
		}
	default:
		return "", false
	}
	return "", true
}

func (w *writer) request(fd *field, r *lb.Record) string {
	path, query, hasQuery := strings.Cut(r.Target, "?")
	switch fd.what {
	case meansClient:
		return r.Client.Addr().String()
	case meansPort:
		return strconv.Itoa(int(r.Client.Port()))
	case meansRequest:
		return r.Method + " " + r.Target + " " + cmp.Or(r.Proto, "HTTP/1.1")
	case meansMethod:
		return r.Method
	case meansPath:
		return path
	case meansQuery:
		if hasQuery {
			return "?" + query
		}
		return ""
	case meansStatus:
		return strconv.Itoa(r.Status)
	case meansBytes:
		return strconv.FormatInt(r.Bytes, 10)
	case meansServerName:
		return r.Listener
	case meansHost:
		return r.Host
	case meansUserAgent:
		return r.UserAgent
	case meansReferer:
		return r.Referer
	case meansOrigin:
		return r.Origin
	case meansLocation:
		return r.Location
	case meansRequestID:
		return r.RequestID
	case meansScheme:
		return r.Scheme
	case meansFingerprint:
		return fingerprint(r.Key, r.Session)
	case meansSetFingerprint:
		return fingerprint(r.Key, r.SetSession)
	case meansCookie:
		switch fd.arg {
		case w.opt.SessionCookie:
			return r.Session
		case w.opt.AffinityCookie, w.sticky:
			return r.Affinity
		}
	}
	return w.variable(fd, r, path)
}

// variable is what SetEnvIf makes in our own line's configuration.
func (w *writer) variable(fd *field, r *lb.Record, path string) string {
	switch fd.arg {
	case "limpet_path":
		before, _, _ := strings.Cut(path, ";")
		return before
	case "limpet_referer":
		return origin(r.Referer)
	case "limpet_origin":
		return origin(r.Origin)
	}
	return ""
}

// origin is a URL's scheme and host.
func origin(url string) string {
	i := strings.Index(url, "://")
	if i < 0 {
		return ""
	}
	if end := strings.IndexAny(url[i+3:], "/?#;"); end >= 0 {
		return url[:i+3+end]
	}
	return url
}

func fingerprint(key session.Key, value string) string {
	if value == "" {
		return ""
	}
	p := key.Pseudonym([]byte(value))
	return hex.EncodeToString(p[:])
}

// AppendHealth writes what the error log says when a member goes out (AH00959) or a probe brings it back (AH03302).
func (w *writer) AppendHealth(dst []byte, at time.Time, _, instance string, up bool, detail string) []byte {
	addr := cmp.Or(w.worker[instance], instance)
	dst = at.UTC().AppendFormat(dst, "[Mon Jan _2 15:04:05.000000 2006] ")
	if up {
		return fmt.Appendf(dst, "[proxy_hcheck:info] [pid 1:tid 1] AH03302: Threaded Health check ENABLING http://%s\n", addr)
	}
	return fmt.Appendf(dst, "[proxy:error] [pid 1:tid 1] AH00959: ap_proxy_connect_backend disabling worker for (%s) for 60s\n", addr)
}

// AppendStart writes what the error log says when httpd has started or reloaded.
func (w *writer) AppendStart(dst []byte, at time.Time, _ string) []byte {
	dst = at.UTC().AppendFormat(dst, "[Mon Jan _2 15:04:05.000000 2006] ")
	return append(dst, "[mpm_event:notice] [pid 1:tid 1] AH00489: Apache/2.4.62 configured -- resuming normal operations\n"...)
}
