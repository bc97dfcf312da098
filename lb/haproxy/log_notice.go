package haproxy

import (
	"bytes"

	"limpet.dev/lb"
	"limpet.dev/lb/logtext"
	"limpet.dev/session"
)

// borrowedTime is said where a message has no time of its own.
var borrowedTime = []byte(" [the line has no time: that of the request before it]")

// notice reads HAProxy's own messages. ok is false if the line is none.
func (p *parser) notice(line []byte, h logtext.Header, e *session.Event) (skip lb.Skip, ok bool) {
	msg := line[h.Msg:]
	level := levelLen(msg)
	text := msg[level:]
	if level == 0 && !mayBeNotice(text) {
		return "", false
	}
	e.Kind = 0
	skip, ok = readNotice(text, e)
	if e.Kind == 0 {
		if level > 0 {
			return lb.SkipNotice, true
		}
		return skip, ok
	}
	at, dated := p.headerTime(line, h)
	e.Detail = text
	if !dated {
		at = p.seen
		from := len(p.scratch)
		p.scratch = append(append(p.scratch, text...), borrowedTime...)
		e.Detail = p.scratch[from:]
	}
	e.Start, e.End = at, at
	return lb.Read, true
}

// levelLen returns the length of "[WARNING]  (15251) : " or "[WARNING] 049/041157 (4436) : ", which HAProxy writes
// on standard error.
func levelLen(b []byte) int {
	if len(b) == 0 || b[0] != '[' {
		return 0
	}
	for _, level := range []string{"[NOTICE]", "[WARNING]", "[ALERT]", "[INFO]", "[DIAG]", "[EMERG]", "[ERROR]", "[DEBUG]"} {
		if !bytes.HasPrefix(b, []byte(level)) {
			continue
		}
		if k := bytes.Index(b[:min(len(b), 64)], []byte(") : ")); k >= 0 {
			return k + 4
		}
		n := len(level)
		for n < len(b) && b[n] == ' ' {
			n++
		}
		return n
	}
	return 0
}

// mayBeNotice looks at the first sign only.
func mayBeNotice(b []byte) bool {
	if len(b) == 0 {
		return false
	}
	switch b[0] {
	case 'S', 'B', 'b', 'P', 'H', 'L', 'N', 'F', 'R', 'E', 'A', 'C':
		return true
	}
	return bytes.Contains(b[:min(len(b), 128)], []byte(" changed its "))
}

// readNotice makes an event of a message about a server, a pool or HAProxy itself.
func readNotice(b []byte, e *session.Event) (lb.Skip, bool) {
	rest, backup := bytes.CutPrefix(b, []byte("Backup "))
	if after, ok := bytes.CutPrefix(rest, []byte("Server ")); ok {
		return serverNotice(after, e)
	}
	if backup {
		return "", false
	}
	if after, ok := cutEither(b, "backend ", "Backend "); ok {
		return poolNotice(after, e)
	}
	if after, ok := bytes.CutPrefix(b, []byte("Proxy ")); ok {
		return proxyNotice(after, e)
	}
	for _, m := range ownMessages {
		if bytes.HasPrefix(b, []byte(m.prefix)) && (m.contains == "" || bytes.Contains(b, []byte(m.contains))) {
			switch m.means {
			case ownStarted:
				e.Kind, e.Up = session.Lifecycle, true
			case ownStopped:
				e.Kind = session.Lifecycle
			case ownProbe:
				return skipHealthProbe, true
			}
			return lb.SkipNotice, true
		}
	}
	return lb.SkipNotice, bytes.Contains(b, []byte(" changed its IP from ")) || bytes.Contains(b, []byte(" changed its FQDN from "))
}

func cutEither(b []byte, x, y string) ([]byte, bool) {
	if after, ok := bytes.CutPrefix(b, []byte(x)); ok {
		return after, true
	}
	return bytes.CutPrefix(b, []byte(y))
}

// ownMeaning is what a message says about the balancer's own process.
type ownMeaning uint8

const (
	ownSilent ownMeaning = iota
	ownStarted
	ownStopped
	ownProbe
)

// ownMessages are HAProxy's messages about itself (src/haproxy.c, src/mworker.c, src/proxy.c, src/check.c).
var ownMessages = []struct {
	prefix, contains string
	means            ownMeaning
}{
	{"Health check for ", "", ownProbe},
	{"Stopping ", "", ownStopped},
	{"Stopped ", "", ownStopped},
	{"New worker ", "forked", ownStarted},
	{"Loading success", "", ownStarted},
	{"Former worker ", "exited", ownStopped},
	{"Current worker ", "exited", ownStopped},
	{"Exiting Master process", "", ownStopped},
	{"All workers exited", "", ownStopped},
	{"Reexecuting Master process", "", ownStarted},
	{"Pausing ", "", ownSilent},
	{"Paused ", "", ownSilent},
	{"Resuming ", "", ownSilent},
	{"Enabling ", "", ownSilent},
	{"haproxy version is", "", ownSilent},
	{"path to executable", "", ownSilent},
	{"Agent check for ", "", ownProbe},
	{"Cannot ", "", ownSilent},
	{"Loading ", "", ownSilent},
}

// serverNotice reads what follows "Server ": "pool/instance is DOWN, reason: …" (src/server.c, src/check.c).
func serverNotice(b []byte, e *session.Event) (lb.Skip, bool) {
	name, words, ok := bytes.Cut(b, []byte(" "))
	pool, instance, ok2 := bytes.Cut(name, []byte("/"))
	if !ok || !ok2 || len(pool) == 0 || len(instance) == 0 {
		return "", false
	}
	up, change := serverState(words)
	if !change {
		return lb.SkipNotice, true
	}
	e.Kind, e.Pool, e.Instance, e.Up = session.Health, pool, instance, up
	e.Has = session.HasInstance
	return lb.Read, true
}

// serverState says whether a server serves after the message. A server that drains still serves the
// clients that it has; the message's words, kept as detail, tell so.
func serverState(words []byte) (up, change bool) {
	for _, s := range []struct {
		prefix     string
		up, change bool
	}{
		{"is DOWN", false, true},
		{"is going DOWN", false, true},
		{"is UP", true, true},
		{"is READY", true, true},
		{"is stopping", true, true},
		{"is DRAIN", true, true},
		{"enters drain", true, true},
		{"enters maintenance", false, true},
		{"was DOWN and now enters maintenance", false, true},
		{"administratively READY", true, true},
		{"is administratively READY", true, true},
		{"remains in forced maintenance", false, true},
		{"is enabled", true, true},
		{"is disabled", false, true},
	} {
		if bytes.HasPrefix(words, []byte(s.prefix)) {
			return s.up, s.change
		}
	}
	return false, false
}

func poolNotice(b []byte, e *session.Event) (lb.Skip, bool) {
	name, words, ok := bytes.Cut(b, []byte(" "))
	if !ok || !bytes.HasPrefix(words, []byte("has no server available")) {
		return "", false
	}
	e.Kind, e.Pool = session.Health, bytes.Trim(name, "'")
	return lb.Read, true
}

func proxyNotice(b []byte, e *session.Event) (lb.Skip, bool) {
	name, words, ok := bytes.Cut(b, []byte(" "))
	if !ok {
		return "", false
	}
	switch {
	case bytes.HasPrefix(words, []byte("started")):
		e.Up = true
	case !bytes.HasPrefix(words, []byte("stopped")):
		return lb.SkipNotice, true
	}
	e.Kind, e.Listener = session.Lifecycle, bytes.Trim(name, "'")
	return lb.Read, true
}
