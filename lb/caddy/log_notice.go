package caddy

import (
	"bytes"

	"limpet.dev/lb"
	"limpet.dev/session"
)

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
