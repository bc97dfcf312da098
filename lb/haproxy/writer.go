package haproxy

import (
	"fmt"
	"maps"
	"time"

	"limpet.dev/lb"
	"limpet.dev/topology"
)

// A writer writes log lines as HAProxy would: the steps of the format, backwards. It is used by one goroutine.
type writer struct {
	v       *variant
	zone    *time.Location
	head    string // the form of the header
	pid     int
	session string // cookie names
	affin   string
	serial  int64

	pools map[string]int             // configured instances
	down  map[string]map[string]bool // pool -> instances that are down
}

// writerPID stands for the process id that a line shows.
const writerPID = 14389

// newWriter returns a writer of opt.Format (default: that of the configuration's first HTTP listener, or httplog).
// opt.Header is the form of each line's header: "" as "log stdout format raw" has it, "iso", "rfc3164" or "rfc5424".
func newWriter(opt lb.LogOptions) (lb.LineWriter, error) {
	w := &writer{zone: opt.Zone, head: opt.Header, pid: writerPID, session: opt.SessionCookie, affin: opt.AffinityCookie,
		pools: map[string]int{}, down: map[string]map[string]bool{}}
	if w.zone == nil {
		w.zone = utc
	}
	switch w.head {
	case "", "raw", "iso", "rfc3164", "rfc5424":
	default:
		return nil, fmt.Errorf("haproxy log writer: unknown header %q", w.head)
	}
	caps := &captureSet{vars: map[string]*expr{}}
	text := opt.Format
	if opt.Config != nil {
		for _, p := range opt.Config.Pools {
			w.pools[p.Name] = len(p.Instances)
		}
		l := loggingListener(opt.Config, text)
		if l != nil {
			caps = readCaptures(l)
			if text == "" {
				text = l.Logs[0].Format
			}
		}
		if names, _ := affinityNames(opt.Config); w.affin == "" && len(names) > 0 {
			w.affin = names[0]
		}
	}
	if text == "" {
		text = formatHTTPLog
	}
	var err error
	if w.v, err = newVariant(text, caps, &opt); err != nil {
		return nil, fmt.Errorf("haproxy log writer: %w", err)
	}
	return w, nil
}

// loggingListener returns the first HTTP listener that logs, with this format if there is one.
func loggingListener(cfg *topology.Config, format string) *topology.Listener {
	var first *topology.Listener
	for i := range cfg.Listeners {
		l := &cfg.Listeners[i]
		if !l.HTTP || len(l.Logs) == 0 {
			continue
		}
		if format == "" || l.Logs[0].Format == format {
			return l
		}
		if first == nil {
			first = l
		}
	}
	return first
}

// header appends what stands before the message.
func (w *writer) header(dst []byte, at time.Time) []byte {
	switch w.head {
	case "iso":
		return append(at.In(w.zone).AppendFormat(dst, "2006-01-02T15:04:05.000000-07:00"), ' ')
	case "rfc3164":
		dst = at.In(w.zone).AppendFormat(append(dst, "<134>"...), "Jan _2 15:04:05")
		return fmt.Appendf(dst, " localhost haproxy[%d]: ", w.pid)
	case "rfc5424":
		dst = at.In(w.zone).AppendFormat(append(dst, "<134>1 "...), "2006-01-02T15:04:05.000000-07:00")
		return fmt.Appendf(dst, " localhost haproxy %d - - ", w.pid)
	}
	return dst
}

// AppendHealth appends the message about a server that went DOWN or came UP. detail is HAProxy's reason,
// "Layer4 connection problem" if empty.
func (w *writer) AppendHealth(dst []byte, at time.Time, pool, instance string, up bool, detail string) []byte {
	if w.down[pool] == nil {
		w.down[pool] = map[string]bool{}
	}
	if up {
		delete(w.down[pool], instance)
	} else {
		w.down[pool][instance] = true
	}
	active := max(w.pools[pool], len(w.down[pool])) - len(w.down[pool])
	dst = w.header(dst, at)
	if up {
		if detail == "" {
			detail = "Layer7 check passed, code: 200, check duration: 1ms"
		}
		return fmt.Appendf(dst, "Server %s/%s is UP, reason: %s. %d active and 0 backup servers online. 0 sessions requeued, 0 total in queue.\n", pool, instance, detail, max(active, 1))
	}
	if detail == "" {
		detail = `Layer4 connection problem, info: "Connection refused", check duration: 0ms`
	}
	dst = fmt.Appendf(dst, "Server %s/%s is DOWN, reason: %s. %d active and 0 backup servers left. 0 sessions active, 0 requeued, 0 remaining in queue.\n", pool, instance, detail, active)
	if active == 0 && w.pools[pool] > 0 {
		dst = fmt.Appendf(w.header(dst, at), "backend %s has no server available!\n", pool)
	}
	return dst
}

// AppendStart appends the message about a proxy that started: after a reload every server counts as UP again.
func (w *writer) AppendStart(dst []byte, at time.Time, proxy string) []byte {
	maps.DeleteFunc(w.down, func(string, map[string]bool) bool { return true })
	return fmt.Appendf(w.header(dst, at), "Proxy %s started.\n", proxy)
}

// AppendRequest appends a request's line.
func (w *writer) AppendRequest(dst []byte, r *lb.Record) []byte {
	dst = w.header(dst, r.Start.Add(time.Duration(r.TotalMs)*time.Millisecond))
	w.serial++
	blank := true
	for i := range w.v.f.nodes {
		n := &w.v.f.nodes[i]
		switch n.typ {
		case nodeText:
			dst, blank = append(dst, n.text...), false
		case nodeBlank:
			if !blank {
				dst, blank = append(dst, ' '), true
			}
		default:
			before := len(dst)
			dst = w.field(dst, n, r)
			blank = blank && len(dst) == before && n.expr == nil
		}
	}
	return append(dst, '\n')
}
