package nginx

import (
	"fmt"
	"strings"
	"time"

	"limpet.dev/lb"
	"limpet.dev/topology"
)

// A writer writes log lines as nginx would: access-log lines in a format, and what the error log says about servers and
// workers. It is used by one goroutine.
type writer struct {
	f       *lineFormat
	zone    *time.Location
	head    string // the form of the header
	session string // cookie names
	affin   string

	addresses map[string]map[string]string // pool -> instance -> address
	serial    int64
	started   time.Time // of the last message about workers
}

// writerPID stands for the process id that a line shows.
const writerPID = 14389

// newWriter returns a writer of opt.Format (default: that of the configuration's first listener that logs, or
// combined). opt.Header is the form of each line's header: "" as in a file, or "rfc3164", as "access_log syslog:" has it.
func newWriter(opt lb.LogOptions) (lb.LineWriter, error) {
	w := &writer{zone: opt.Zone, head: opt.Header, session: opt.SessionCookie, affin: opt.AffinityCookie, addresses: map[string]map[string]string{}}
	if w.zone == nil {
		w.zone = time.UTC
	}
	if w.head != "" && w.head != "rfc3164" {
		return nil, fmt.Errorf("nginx log writer: unknown header %q", w.head)
	}
	text := opt.Format
	if opt.Config != nil {
		w.learn(opt.Config)
		if text == "" {
			text = firstFormat(opt.Config)
		}
		if names := affinityNames(&opt); w.affin == "" && len(names) > 0 {
			w.affin = names[0]
		}
	}
	f, err := compileFormat(text)
	if err != nil {
		return nil, fmt.Errorf("nginx log writer: %w", err)
	}
	w.f = bindFormat(f, &opt).f
	return w, nil
}

func (w *writer) learn(cfg *topology.Config) {
	for _, p := range cfg.Pools {
		w.addresses[p.Name] = map[string]string{}
		for _, in := range p.Instances {
			w.addresses[p.Name][in.Name] = printed(in.Address)
		}
	}
}

func firstFormat(cfg *topology.Config) string {
	for _, l := range cfg.Listeners {
		if len(l.Logs) > 0 {
			return l.Logs[0].Format
		}
	}
	return ""
}

// AppendRequest appends a request's line.
func (w *writer) AppendRequest(dst []byte, r *lb.Record) []byte {
	dst = w.header(dst, r.Start.Add(time.Duration(r.TotalMs)*time.Millisecond))
	w.serial++
	dst = append(dst, w.f.lead...)
	for i := range w.f.fields {
		n := &w.f.fields[i]
		v, ok := w.value(n, r)
		switch {
		case ok:
			dst = appendEscaped(dst, v, n.esc)
		case n.esc == escapeDefault:
			dst = append(dst, '-')
		}
		dst = append(dst, n.next...)
	}
	return append(dst, '\n')
}

// header appends what syslog puts in front (ngx_syslog.c).
func (w *writer) header(dst []byte, at time.Time) []byte {
	if w.head == "" {
		return dst
	}
	return append(at.In(w.zone).AppendFormat(append(dst, "<190>"...), "Jan _2 15:04:05"), " localhost nginx: "...)
}

// errorHead appends the beginning of an error-log line.
func (w *writer) errorHead(dst []byte, at time.Time, level string) []byte {
	dst = at.In(w.zone).AppendFormat(w.header(dst, at), "2006/01/02 15:04:05")
	return fmt.Appendf(dst, " [%s] %d#%d: ", level, writerPID, writerPID)
}

// AppendHealth appends what the error log says when a server is taken out of use. detail is nginx's own reason, "connect()
// failed (111: Connection refused) while connecting to upstream" if empty. nginx writes nothing when it uses the server again.
func (w *writer) AppendHealth(dst []byte, at time.Time, pool, instance string, up bool, detail string) []byte {
	if up {
		return dst
	}
	address := w.addresses[pool][instance]
	if address == "" {
		address = instance
	}
	const failed = "connect() failed (111: Connection refused) while connecting to upstream"
	if !strings.Contains(detail, "upstream") {
		detail = failed
	}
	w.serial++
	context := fmt.Sprintf(", client: 127.0.0.1, server: , request: \"GET / HTTP/1.1\", upstream: \"http://%s/\", host: \"localhost\"\n", address)
	dst = fmt.Appendf(w.errorHead(dst, at, "error"), "*%d %s%s", w.serial, detail, context)
	return fmt.Appendf(w.errorHead(dst, at, "warn"), "*%d upstream server temporarily disabled while connecting to upstream%s", w.serial, context)
}

// AppendStart appends the message about new workers, as at a start and a reload; once for all that start together.
func (w *writer) AppendStart(dst []byte, at time.Time, _ string) []byte {
	if !w.started.IsZero() && at.Sub(w.started).Abs() < time.Second {
		return dst
	}
	w.started = at
	return append(w.errorHead(dst, at, "notice"), "start worker processes\n"...)
}

const (
	upperHex = "0123456789ABCDEF"
	jsonHead = `\u00`
)

// appendEscaped appends a value as nginx writes it (ngx_http_log_escape, ngx_escape_json).
func appendEscaped(dst []byte, v string, esc escape) []byte {
	for i := 0; i < len(v); i++ {
		c := v[i]
		switch {
		case esc == escapeNone || c >= 0x20 && c != '"' && c != '\\' && (c < 0x7f || esc == escapeJSON):
			dst = append(dst, c)
		case esc == escapeDefault:
			dst = append(dst, '\\', 'x', upperHex[c>>4], upperHex[c&15])
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case strings.IndexByte("\n\r\t\b\f", c) >= 0:
			dst = append(dst, '\\', "nrtbf"[strings.IndexByte("\n\r\t\b\f", c)])
		default:
			dst = append(append(dst, jsonHead...), upperHex[c>>4], upperHex[c&15])
		}
	}
	return dst
}
