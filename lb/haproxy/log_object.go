package haproxy

import (
	"bytes"
	"strings"

	"limpet.dev/lb"
	"limpet.dev/lb/logtext"
)

// inferObject makes a format of a sample whose lines are JSON objects that nobody declared: the keys say
// what the values mean, and HAProxy writes them always in the same order. It is nil if the sample
// has no such line, or one that tells no time or nothing about an answer.
func inferObject(opt *lb.LogOptions, caps *captureSet) *variant {
	for line := range bytes.Lines(logtext.Head(opt.Sample, 64<<10)) {
		line = bytes.TrimRight(line, "\r\n")
		msg := line[syslog.Header(line).Msg:]
		if len(msg) < 2 || msg[0] != '{' || msg[len(msg)-1] != '}' {
			continue
		}
		f := objectFormat(string(msg))
		if f == nil || !f.tellsRequests() {
			return nil
		}
		// The format string only leads to the options; its nodes are replaced by those found.
		v, err := newVariant("{", caps, opt)
		if err != nil {
			return nil
		}
		v.f, v.name, v.tcp = f, "haproxy/json", false
		v.has = v.facts()
		return v
	}
	return nil
}

// objectFormat turns one object into a format, nil if it cannot be read as one.
func objectFormat(text string) *format {
	f := &format{text: "json"}
	var literal strings.Builder
	key := ""
	add := func(n node) {
		f.nodes = append(f.nodes, node{typ: nodeText, text: literal.String()}, n)
		literal.Reset()
	}
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == '"':
			end := stringEnd(text, i)
			if end < 0 {
				return nil
			}
			value := text[i+1 : end-1]
			if rest := strings.TrimLeft(text[end:], " "); strings.HasPrefix(rest, ":") {
				key = value
				literal.WriteString(text[i:end])
			} else {
				add(objectNode(key, value, true))
			}
			i = end
		case logtext.IsDigit(c) || c == '-' || c == '+':
			end := i + 1
			for end < len(text) && (logtext.IsDigit(text[end]) || text[end] == '.') {
				end++
			}
			if whole, _, ok := strings.Cut(text[i:end], "."); ok && len(whole) == 10 { // %Ts.%ms
				add(node{typ: nodeField, what: meansAcceptSeconds, shape: shapeNumber})
				literal.WriteByte('.')
				add(node{typ: nodeField, what: meansAcceptMillis, shape: shapeDigits3})
			} else {
				add(objectNode(key, text[i:end], false))
			}
			i = end
		default:
			literal.WriteByte(c)
			i++
		}
	}
	f.nodes = append(f.nodes, node{typ: nodeText, text: literal.String()})
	if f.nodes[0].text == "" {
		f.nodes = f.nodes[1:]
	}
	f.finish()
	return f
}

// stringEnd returns the index behind the closing quote of the string that begins at i, or -1.
func stringEnd(s string, i int) int {
	for k := i + 1; k < len(s); k++ {
		switch s[k] {
		case '\\':
			k++
		case '"':
			return k + 1
		}
	}
	return -1
}

// objectNode says what a key's value means, and how it looks.
func objectNode(key, value string, text bool) node {
	n := node{typ: nodeField, label: key, quoted: text, esc: text, dashed: true, loose: true}
	n.what, n.secret = objectMeaning(key)
	if !text {
		n.shape = shapeNumber
	}
	switch {
	case len(value) == dateLen+4 && value[2] == '/' && value[11] == ':':
		if n.what != meansRequestDate {
			n.what = meansAcceptDate
		}
	case len(value) == 26 && value[2] == '/' && value[11] == ':':
		if n.what != meansRequestZoned && n.what != meansRequestDate {
			n.what = meansAcceptZoned
		} else {
			n.what = meansRequestZoned
		}
	case !text && len(value) == 13 && (n.what == meansNothing || n.what == meansAcceptSeconds):
		n.what = meansAcceptEpochMs
	case !text && len(value) == 10 && n.what == meansNothing && strings.Contains(strings.ToLower(key), "time"):
		n.what = meansAcceptSeconds
	}
	return n
}

// objectKeys are names that people give to HAProxy's fields, lower case, signs removed.
var objectKeys = map[string]meaning{
	"client": meansClient, "clientip": meansClient, "cip": meansClient, "src": meansClient, "sourceip": meansClient, "remoteaddr": meansClient, "clientport": meansClientPort,
	"frontend": meansListenerTLS, "frontendname": meansListenerTLS, "fename": meansListenerTLS, "fe": meansListenerTLS,
	"backend": meansPool, "backendname": meansPool, "bename": meansPool, "be": meansPool,
	"server": meansInstance, "servername": meansInstance, "srv": meansInstance, "sname": meansInstance, "backendserver": meansInstance,
	"status": meansStatus, "statuscode": meansStatus, "httpstatus": meansStatus, "httpstatuscode": meansStatus, "st": meansStatus, "code": meansStatus,
	"bytes": meansBytes, "bytesread": meansBytes, "bytessent": meansBytes, "size": meansBytes,
	"method": meansMethod, "httpmethod": meansMethod, "path": meansTarget, "uri": meansTarget, "url": meansTarget, "httppath": meansTarget, "httpuri": meansTarget, "requesturi": meansTarget,
	"request": meansRequestLine, "httprequest": meansRequestLine, "query": meansQuery, "httpquery": meansQuery,
	"tsc": meansState, "terminationstate": meansState, "termination": meansState, "sessionstate": meansState,
	"retries": meansRetries, "rc": meansRetries, "srvqueue": meansServerQueue, "backendqueue": meansPoolQueue,
	"ta": meansActiveMs, "duration": meansActiveMs, "timeactive": meansActiveMs, "tt": meansTotalMs, "totaltime": meansTotalMs, "ti": meansIdleMs, "idletime": meansIdleMs,
	"th": meansHandshakeMs, "tw": meansQueueMs, "tc": meansConnectMs, "timeconnect": meansConnectMs, "tqueue": meansQueueMs, "responsetime": meansServerMs, "serverresponsetime": meansServerMs,
	"capturedrequestcookie": meansRequestCookie, "requestcookie": meansRequestCookie, "reqcookie": meansRequestCookie, "capturedresponsecookie": meansResponseCookie, "responsecookie": meansResponseCookie, "rescookie": meansResponseCookie,
	"uniqueid": meansRequestID, "id": meansRequestID, "reqdate": meansRequestDate, "requestdate": meansRequestDate, "requesttime": meansRequestDate,
}

func objectMeaning(key string) (meaning, secretForm) {
	if a, ok := aliases[strings.TrimPrefix(key, "%")]; ok {
		return a.what, secretRaw
	}
	plain := strings.Map(func(r rune) rune {
		if r == '_' || r == '-' || r == '.' || r == ' ' {
			return -1
		}
		return r
	}, strings.ToLower(key))
	if m, ok := objectKeys[plain]; ok {
		return m, secretRaw
	}
	return meaningOfName(key)
}
