package nginx

import (
	"bytes"

	"limpet.dev/lb"
	"limpet.dev/session"
)

// ownMeaning is what a message says about nginx itself.
type ownMeaning uint8

const (
	ownSilent ownMeaning = iota
	ownStarted
	ownStopped
)

// ownMessages are what nginx says about its processes (ngx_process_cycle.c, ngx_process.c, ngx_cycle.c). A reload
// is "reconfiguring" and then new workers; "signal process started" is all that a log at the default level
// shows of "nginx -s reload".
var ownMessages = []struct {
	prefix, contains string
	means            ownMeaning
}{
	{"signal process started", "", ownStarted},
	{"reconfiguring", "", ownStarted},
	{"signal ", "(SIGHUP) received", ownStarted},
	{"start worker processes", "", ownStarted},
	{"changing binary", "", ownStarted},
	{"signal ", "(SIGTERM) received", ownStopped},
	{"signal ", "(SIGINT) received", ownStopped},
	{"signal ", "(SIGQUIT) received", ownStopped},
	{"gracefully shutting down", "", ownStopped},
	{"worker process ", "exited on signal", ownStopped},
	{"signal ", " received", ownSilent},
	{"start ", " process", ownSilent},
	{"start cache", "", ownSilent},
	{"worker process ", "exited", ownSilent},
	{"cache manager process ", "exited", ownSilent},
	{"cache loader process ", "exited", ownSilent},
	{"exiting", "", ownSilent},
	{"exit", "", ownSilent},
	{"using the ", "event method", ownSilent},
	{"using inherited sockets", "", ownSilent},
	{"nginx/", "", ownSilent},
	{"openresty/", "", ownSilent},
	{"built by ", "", ownSilent},
	{"OS: ", "", ownSilent},
	{"getrlimit", "", ownSilent},
	{"reopening logs", "", ownSilent},
	{"ModSecurity-nginx", "", ownSilent},
	{"http file cache", "", ownSilent},
	{"load balancing method redefined", "", ownSilent},
	{"conflicting server name", "", ownSilent},
	{"bind() to ", "", ownSilent},
	{"still could not bind", "", ownSilent},
}

// otherMessages are the reasons for which lines about single requests are no events.
var otherMessages = []struct {
	contains string
	why      lb.Skip
}{
	{"while in http auth state", skipMail},
	{"while in resolving client address", skipMail},
	{"client logged in", skipMail},
	{"proxied session done", skipMail},
	{"connected to ", skipMail},
	{"js exception", skipScript},
	{"js call ", skipScript},
	{"js: ", skipScript},
	{"[lua]", skipScript},
	{"lua entry thread aborted", skipScript},
	{"limiting ", skipRefused},
	{"delaying request", skipRefused},
	{"access forbidden by rule", skipRefused},
	{"was not found in", skipRefused},
	{"password mismatch", skipRefused},
	{"no user/password was provided", skipRefused},
	{"auth request unexpected status", skipRefused},
	{"ModSecurity: ", skipRefused},
	{"client intended to send too large", skipRefused},
	{"directory index of ", skipFile},
	{"is not found (", skipFile},
	{"open() ", skipFile},
	{"stat() ", skipFile},
	{"opendir() ", skipFile},
	{"SSL_do_handshake() failed", lb.SkipTLSError},
	{"client prematurely closed", skipClient},
	{"client closed ", skipClient},
	{"closed keepalive connection", skipClient},
	{"client timed out", skipClient},
	{"client sent ", skipClient},
	{"while waiting for request", skipClient},
	{"while reading client request", skipClient},
	{"while sending to client", skipClient},
	{"while sending response to client", skipClient},
	{"while keepalive", skipClient},
	{"accept4() failed", skipClient},
	{"buffered to a temporary file", skipErrorLog},
}

// own reads messages about nginx itself, and says why all others are no events.
func (p *parser) own(message, text []byte, e *session.Event) lb.Skip {
	for _, m := range ownMessages {
		if !bytes.HasPrefix(message, []byte(m.prefix)) || m.contains != "" && !bytes.Contains(message, []byte(m.contains)) {
			continue
		}
		if m.means == ownSilent {
			return lb.SkipNotice
		}
		e.Kind, e.Up, e.Detail = session.Lifecycle, m.means == ownStarted, plainWords(message)
		return lb.Read
	}
	for _, m := range otherMessages {
		if bytes.Contains(message, []byte(m.contains)) {
			return m.why
		}
	}
	return skipErrorLog
}
