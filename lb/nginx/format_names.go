package nginx

import (
	"strings"

	"limpet.dev/lb/logtext"
)

// A meaning is what a field says about a request.
type meaning uint8

// The meanings. What the event does not keep is meansNothing.
const (
	meansNothing meaning = iota

	meansTimeLocal   // $time_local: whole seconds with zone, the end of the request
	meansTimeISO     // $time_iso8601: the same
	meansTimeMsec    // $msec: seconds and milliseconds since 1970, the end of the request
	meansRequestTime // $request_time: seconds and milliseconds from the request's first byte
	meansRequestMs   // the same in milliseconds, under a name that somebody gave
	meansClient
	meansClientPort
	meansForwardedFor
	meansStatus
	meansBytes
	meansRequestLine
	meansMethod
	meansTarget
	meansHost
	meansListener
	meansPool
	meansScheme
	meansTLS // $https: "on" or nothing
	meansUserAgent
	meansReferer
	meansOrigin
	meansLocation
	meansRequestID
	meansTraceID
	meansSession
	meansSetSession
	meansAffinity
	meansSetAffinity
	meansCleared
	meansCookieHeader
	meansSetCookieHeader
	meansUpAddr
	meansUpStatus
	meansUpConnect
	meansUpHeader
	meansUpTime
	meansUpInstance // a single server's name or address, where a product around nginx writes one
	meansCache
	meansCompletion // $request_completion: "OK" or nothing

	meaningCount
)

// A shape says how a field looks, and so where it ends.
type shape uint8

const (
	shapeText   shape = iota // anything
	shapeWord                // no blank inside
	shapeNumber              // digits, perhaps with a dot; "-"
	shapeLocal               // 26/Apr/2024:07:41:11 +0200
	shapeISO                 // 2024-04-26T07:41:11+02:00
	shapeList                // of upstreams: "a, b : c"
)

// Lengths of the shapes that have one.
const (
	localLen = 26
	isoLen   = 25
)

// A knownVariable is one of nginx's.
type knownVariable struct {
	what  meaning
	shape shape
}

// variables are those of nginx 1.22 to 1.31 that mean something here, or that have a shape which
// helps to find their end (docs/http/ngx_http_core_module, _log_, _upstream_, _proxy_, _ssl_).
var variables = map[string]knownVariable{
	"time_local": {meansTimeLocal, shapeLocal}, "time_iso8601": {meansTimeISO, shapeISO}, "msec": {meansTimeMsec, shapeNumber},
	"request_time": {meansRequestTime, shapeNumber},
	"remote_addr":  {meansClient, shapeWord}, "remote_port": {meansClientPort, shapeNumber}, "realip_remote_addr": {meansNothing, shapeWord},
	"status": {meansStatus, shapeNumber}, "body_bytes_sent": {meansBytes, shapeNumber}, "bytes_sent": {meansBytes, shapeNumber},
	"request": {meansRequestLine, shapeText}, "request_method": {meansMethod, shapeWord}, "request_uri": {meansTarget, shapeText},
	"uri": {meansTarget, shapeText}, "document_uri": {meansTarget, shapeText},
	"host": {meansHost, shapeWord}, "http_host": {meansHost, shapeText}, "server_name": {meansListener, shapeWord},
	"proxy_host": {meansPool, shapeWord}, "proxy_upstream_name": {meansPool, shapeWord}, "proxy_alternative_upstream_name": {meansNothing, shapeWord},
	"scheme": {meansScheme, shapeWord}, "https": {meansTLS, shapeWord}, "http_x_forwarded_proto": {meansScheme, shapeText},
	"http_user_agent": {meansUserAgent, shapeText}, "http_referer": {meansReferer, shapeText}, "http_origin": {meansOrigin, shapeText},
	"sent_http_location": {meansLocation, shapeText}, "upstream_http_location": {meansLocation, shapeText},
	"request_id": {meansRequestID, shapeWord}, "req_id": {meansRequestID, shapeWord}, "http_x_request_id": {meansRequestID, shapeText}, "http_traceparent": {meansTraceID, shapeText}, "opentelemetry_trace_id": {meansTraceID, shapeWord},
	"http_x_forwarded_for": {meansForwardedFor, shapeText}, "proxy_add_x_forwarded_for": {meansForwardedFor, shapeText}, "http_x_real_ip": {meansForwardedFor, shapeText},
	"http_cookie": {meansCookieHeader, shapeText}, "sent_http_set_cookie": {meansSetCookieHeader, shapeText}, "upstream_http_set_cookie": {meansSetCookieHeader, shapeText},
	"upstream_addr": {meansUpAddr, shapeList}, "upstream_status": {meansUpStatus, shapeList}, "upstream_connect_time": {meansUpConnect, shapeList},
	"upstream_header_time": {meansUpHeader, shapeList}, "upstream_response_time": {meansUpTime, shapeList},
	"upstream_response_length": {meansNothing, shapeList}, "upstream_bytes_received": {meansNothing, shapeList}, "upstream_bytes_sent": {meansNothing, shapeList},
	"upstream_queue_time": {meansNothing, shapeList}, "upstream_first_byte_time": {meansNothing, shapeList},
	"upstream_cache_status": {meansCache, shapeWord}, "request_completion": {meansCompletion, shapeWord}, "server": {meansUpInstance, shapeWord},
	"pid": {meansNothing, shapeNumber}, "connection": {meansNothing, shapeNumber}, "connection_requests": {meansNothing, shapeNumber}, "connection_time": {meansNothing, shapeNumber},
	"request_length": {meansNothing, shapeNumber}, "gzip_ratio": {meansNothing, shapeNumber}, "pipe": {meansNothing, shapeWord}, "server_port": {meansNothing, shapeNumber},
	"proxy_port": {meansNothing, shapeNumber}, "server_addr": {meansNothing, shapeWord}, "server_protocol": {meansNothing, shapeWord}, "binary_remote_addr": {meansNothing, shapeText},
	"ssl_protocol": {meansNothing, shapeWord}, "ssl_cipher": {meansNothing, shapeWord}, "ssl_session_reused": {meansNothing, shapeWord}, "hostname": {meansNothing, shapeWord},
	"is_args": {meansNothing, shapeWord}, "content_length": {meansNothing, shapeText}, "nginx_version": {meansNothing, shapeWord}, "remote_user": {meansNothing, shapeText},
	"connections_active": {meansNothing, shapeNumber}, "connections_waiting": {meansNothing, shapeNumber}, "connections_reading": {meansNothing, shapeNumber}, "connections_writing": {meansNothing, shapeNumber},
}

// fieldMeanings says what a name's field means here.
var fieldMeanings = [...]meaning{
	logtext.Unnamed: meansNothing, logtext.Session: meansSession, logtext.SetSession: meansSetSession, logtext.Affinity: meansAffinity, logtext.SetAffinity: meansSetAffinity,
	logtext.Cleared: meansCleared, logtext.Path: meansTarget, logtext.Host: meansHost, logtext.Scheme: meansScheme, logtext.Referer: meansReferer, logtext.Origin: meansOrigin,
	logtext.UserAgent: meansUserAgent, logtext.Location: meansLocation, logtext.TraceID: meansTraceID, logtext.RequestID: meansRequestID, logtext.ForwardedFor: meansForwardedFor,
}

// Families of variables: the rest of the name is that of a header or a cookie.
const (
	requestHeader  = "http_"
	sentHeader     = "sent_http_"
	upstreamHeader = "upstream_http_"
	requestCookie  = "cookie_"
	upstreamCookie = "upstream_cookie_"
)

// meaningOf says what a variable means, as far as its name tells; cookies are left to bind.
func meaningOf(name string) (meaning, logtext.Secret, shape) {
	if v, ok := variables[name]; ok {
		return v.what, logtext.Raw, v.shape
	}
	switch {
	case strings.HasPrefix(name, requestCookie), strings.HasPrefix(name, upstreamCookie), strings.HasPrefix(name, "arg_"), strings.HasPrefix(name, "jwt_"):
		return meansNothing, logtext.Raw, shapeText
	}
	plain := name
	for _, family := range []string{requestHeader, sentHeader, upstreamHeader} {
		if rest, ok := strings.CutPrefix(name, family); ok {
			plain = strings.TrimPrefix(rest, "x_")
			break
		}
	}
	f, secret := logtext.FieldOf(plain)
	return fieldMeanings[f], secret, shapeText
}
