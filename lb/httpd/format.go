package httpd

import (
	"fmt"
	"strings"
)

// A format is a compiled LogFormat (manual, mod_log_config, "Custom Log Formats"): literal texts with fields between them.
type format struct {
	text   string
	fields []field
	tail   string // literal text behind the last field
}

// A field is one % directive.
type field struct {
	lit    string // literal text in front of it
	what   meaning
	arg    string // what stands in braces
	width  int    // of fields that always have as many digits, 0 otherwise
	bracks bool   // stands in brackets of its own: %t
}

// A meaning is what a field says.
type meaning uint8

const (
	meansNothing  meaning = iota
	meansTime             // %t, %{format}t
	meansTimePart         // %{msec_frac}t, %{usec_frac}t
	meansEpochSec         // %{sec}t, %{%s}t
	meansEpochMs
	meansEpochUs
	meansTotalUs // %D
	meansTotalSec
	meansTotalMs
	meansClient // %a, %h
	meansPort
	meansRequest // %r
	meansMethod
	meansPath
	meansQuery
	meansStatus
	meansBytes
	meansServerName // %v, %V
	meansHost
	meansUserAgent
	meansReferer
	meansOrigin
	meansLocation
	meansRequestID
	meansTrace
	meansScheme
	meansForwardedFor
	meansCookie    // %{NAME}C
	meansSetCookie // %{Set-Cookie}o
	meansCookies   // %{Cookie}i
	meansPool
	meansWorker
	meansWorkerRoute
	meansAskedRoute
	meansRouteChanged
	meansFingerprint    // of the session presented, made by the application
	meansSetFingerprint // of the session set
	meansCleared
	meansCacheStatus
)

// compile reads a LogFormat.
func compile(text string) (*format, error) {
	f := &format{text: text}
	var lit strings.Builder
	for i := 0; i < len(text); {
		c := text[i]
		if c == '\\' && i+1 < len(text) { // the configuration's own escapes
			switch text[i+1] {
			case 'n':
				lit.WriteByte('\n')
			case 't':
				lit.WriteByte('\t')
			default:
				lit.WriteByte(text[i+1])
			}
			i += 2
			continue
		}
		if c != '%' {
			lit.WriteByte(c)
			i++
			continue
		}
		fd, next, err := directiveAt(text, i+1)
		if err != nil {
			return nil, fmt.Errorf("log format, position %d: %w", i+1, err)
		}
		i = next
		if fd == nil { // %%
			lit.WriteByte('%')
			continue
		}
		fd.lit = lit.String()
		lit.Reset()
		f.fields = append(f.fields, *fd)
	}
	f.tail = lit.String()
	return f, nil
}

// directiveAt reads what stands behind a %: conditions on the status, < or >, an argument in braces, a letter.
func directiveAt(text string, i int) (*field, int, error) {
	arg := ""
	for i < len(text) {
		c := text[i]
		switch {
		case c == '%':
			return nil, i + 1, nil
		case c == '!' || c == ',' || c == '<' || c == '>' || c >= '0' && c <= '9':
			i++
		case c == '{':
			end := strings.IndexByte(text[i:], '}')
			if end < 0 {
				return nil, 0, fmt.Errorf("a brace that is never closed")
			}
			arg = text[i+1 : i+end]
			i += end + 1
		case c == '^' && i+2 < len(text): // ^ti and ^to: trailers
			return &field{}, i + 3, nil
		default:
			f := meaningOf(c, arg)
			return &f, i + 1, nil
		}
	}
	return nil, 0, fmt.Errorf("a %% without a letter")
}

// meaningOf says what a directive means.
func meaningOf(letter byte, arg string) field {
	f := field{arg: arg}
	switch letter {
	case 'a', 'h':
		f.what = meansClient
	case 't':
		timeField(&f, arg)
	case 'D':
		f.what = meansTotalUs
	case 'T':
		f.what = map[string]meaning{"us": meansTotalUs, "ms": meansTotalMs}[arg]
		if f.what == meansNothing {
			f.what = meansTotalSec
		}
	case 'r':
		f.what = meansRequest
	case 'm':
		f.what = meansMethod
	case 'U':
		f.what = meansPath
	case 'q':
		f.what = meansQuery
	case 's':
		f.what = meansStatus
	case 'b', 'B', 'O':
		f.what = meansBytes
	case 'v', 'V':
		f.what = meansServerName
	case 'p':
		if arg == "remote" {
			f.what = meansPort
		}
	case 'i':
		f.what = requestHeaders[strings.ToLower(arg)]
	case 'o':
		f.what = answerHeaders[strings.ToLower(arg)]
	case 'C':
		f.what = meansCookie
	case 'e':
		f.what = variables[strings.TrimPrefix(arg, "REDIRECT_")]
	case 'n':
		f.what = notes[strings.ToLower(arg)]
	}
	return f
}

// timeField reads %{format}t; begin: and end: say which end of the request is meant, the beginning without them.
func timeField(f *field, arg string) {
	arg, _ = strings.CutPrefix(arg, "begin:")
	f.arg = arg
	switch arg {
	case "":
		f.what, f.bracks = meansTime, true
	case "sec", "%s":
		f.what = meansEpochSec
	case "msec":
		f.what = meansEpochMs
	case "usec":
		f.what = meansEpochUs
	case "msec_frac":
		f.what, f.width = meansTimePart, 3
	case "usec_frac":
		f.what, f.width = meansTimePart, 6
	default:
		if !strings.HasPrefix(arg, "end:") {
			f.what = meansTime
		}
	}
}

// What the arguments name. The notes and the fingerprint's headers are those of our own log line (logline.go).
var (
	requestHeaders = map[string]meaning{
		"host": meansHost, "user-agent": meansUserAgent, "referer": meansReferer, "origin": meansOrigin, "cookie": meansCookies,
		"x-request-id": meansRequestID, "traceparent": meansTrace, "x-forwarded-for": meansForwardedFor, "x-forwarded-proto": meansScheme,
	}
	answerHeaders = map[string]meaning{"location": meansLocation, "set-cookie": meansSetCookie, "x-request-id": meansRequestID, "x-cache": meansCacheStatus}
	variables     = map[string]meaning{
		"BALANCER_NAME": meansPool, "BALANCER_WORKER_NAME": meansWorker, "BALANCER_WORKER_ROUTE": meansWorkerRoute,
		"BALANCER_SESSION_ROUTE": meansAskedRoute, "BALANCER_ROUTE_CHANGED": meansRouteChanged, "UNIQUE_ID": meansRequestID,
		"limpet_scheme": meansScheme, "limpet_path": meansPath, "limpet_referer": meansReferer, "limpet_origin": meansOrigin,
	}
	notes = map[string]meaning{"limpet-session": meansFingerprint, "limpet-session-set": meansSetFingerprint, "limpet-session-cleared": meansCleared}
)
