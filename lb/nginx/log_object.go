package nginx

import (
	"bytes"
	"strings"

	"limpet.dev/lb/logtext"
)

// inferObject makes a format of lines of JSON: the keys say what the values mean, and nginx writes them always in
// the same order. It takes the first line that can be read as an object.
func inferObject(lines [][]byte) *lineFormat {
	for _, line := range lines {
		if line[0] == '{' && line[len(line)-1] == '}' {
			return objectFormat(string(line))
		}
	}
	return nil
}

// objectFormat turns one object into a format, nil if it cannot be read as one.
func objectFormat(text string) *lineFormat {
	f := &lineFormat{text: "json"}
	literal, key := "", ""
	add := func(n field) {
		if k := len(f.fields); k > 0 {
			f.fields[k-1].next = literal
		} else {
			f.lead = literal
		}
		f.fields = append(f.fields, n)
		literal = ""
	}
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == '"':
			end := seekQuote([]byte(text), i+1)
			if end < 0 || len(f.fields) == maxFormatsFields {
				return nil
			}
			value := text[i+1 : end]
			if strings.HasPrefix(strings.TrimLeft(text[end+1:], " "), ":") {
				key = value
				literal += text[i : end+1]
			} else {
				literal += `"`
				add(objectField(key, value, true))
				literal = `"`
			}
			i = end + 1
		case logtext.IsDigit(c) || c == '-':
			end := i + 1
			for end < len(text) && isNumberByte(text[end]) {
				end++
			}
			if len(f.fields) == maxFormatsFields {
				return nil
			}
			add(objectField(key, text[i:end], false))
			i = end
		default:
			literal += text[i : i+1]
			i++
		}
	}
	if len(f.fields) == 0 {
		return nil
	}
	f.fields[len(f.fields)-1].next = literal
	return f
}

// objectField says what a key's value means, and how it looks.
func objectField(key, value string, quoted bool) field {
	n := field{name: "inferred", esc: escapeJSON, loose: true}
	n.what, n.secret = labelMeaning(strings.ToLower(key))
	n.shape = shapeOf(n.what)
	b := []byte(value)
	local := field{shape: shapeLocal}
	iso := field{shape: shapeISO}
	switch {
	case len(value) == localLen && local.dated(b):
		n.what, n.shape = meansTimeLocal, shapeLocal
	case len(value) == isoLen && iso.dated(b):
		n.what, n.shape = meansTimeISO, shapeISO
	case n.what == meansTimeMsec || n.what == meansTimeLocal || n.what == meansTimeISO:
		n.what, n.shape = meansNothing, shapeText
		if _, ok := millis(b); ok && len(value) == 14 {
			n.what, n.shape = meansTimeMsec, shapeNumber
		}
	case n.what == meansNothing && len(value) == 14 && looksEpoch(b):
		n.what, n.shape = meansTimeMsec, shapeNumber
	}
	if quoted && n.shape == shapeNumber {
		n.shape = shapeText // nothing for what is absent
	}
	return n
}

// looksEpoch reports whether b is "1795475715.711", a moment between 2001 and 2286.
func looksEpoch(b []byte) bool {
	_, ok := millis(b)
	return ok && b[0] != '0' && bytes.IndexByte(b, '.') == 10
}

// labels are names that people give to nginx's fields, lower case, signs removed, beside nginx's own names.
var labels = map[string]meaning{
	"time": meansTimeLocal, "timestamp": meansTimeLocal, "ts": meansTimeMsec, "date": meansTimeLocal, "t": meansTimeMsec, "timelocal": meansTimeLocal, "timeiso8601": meansTimeISO, "msec": meansTimeMsec,
	"rt": meansRequestTime, "requesttime": meansRequestTime, "duration": meansRequestTime, "took": meansRequestTime, "responsetime": meansRequestTime, "generationtimemilli": meansRequestMs,
	"client": meansClient, "clientip": meansClient, "ip": meansClient, "remoteip": meansClient, "remoteaddr": meansClient, "ci": meansClient, "realip": meansClient, "remotehost": meansClient,
	"status": meansStatus, "st": meansStatus, "code": meansStatus, "statuscode": meansStatus, "httpstatus": meansStatus,
	"bytes": meansBytes, "bytessent": meansBytes, "bodybytessent": meansBytes, "size": meansBytes, "length": meansBytes, "responsesize": meansBytes,
	"request": meansRequestLine, "requestline": meansRequestLine, "method": meansMethod, "m": meansMethod, "verb": meansMethod, "requestmethod": meansMethod, "httpmethod": meansMethod,
	"path": meansTarget, "uri": meansTarget, "url": meansTarget, "u": meansTarget, "requesturi": meansTarget, "target": meansTarget, "p": meansTarget,
	"servername": meansListener, "httphost": meansHost, "domain": meansHost, "h": meansHost,
	"upstream": meansUpAddr, "upstreamaddr": meansUpAddr, "up": meansUpAddr, "backend": meansUpAddr, "tried": meansUpAddr, "upaddr": meansUpAddr, "uaddr": meansUpAddr,
	"upstreamstatus": meansUpStatus, "us": meansUpStatus, "ust": meansUpStatus, "upstatus": meansUpStatus, "uss": meansUpStatus,
	"upstreamresponsetime": meansUpTime, "urt": meansUpTime, "uprt": meansUpTime, "upstreamtime": meansUpTime, "upresptime": meansUpTime,
	"upstreamconnecttime": meansUpConnect, "uct": meansUpConnect, "upstreamheadertime": meansUpHeader, "uht": meansUpHeader,
	"upstreamcachestatus": meansCache, "cache": meansCache, "cachestatus": meansCache, "cs": meansCache,
	"proxyhost": meansPool, "pool": meansPool, "upstreamname": meansPool, "scheme": meansScheme, "s": meansScheme,
	"referrer": meansReferer, "httpreferer": meansReferer, "httpreferrer": meansReferer, "httpuseragent": meansUserAgent, "useragent": meansUserAgent, "agent": meansUserAgent,
	"httpxforwardedfor": meansForwardedFor, "xforwardedfor": meansForwardedFor,
}

// labelMeaning says what a key, or the word in front of a field, announces.
func labelMeaning(label string) (meaning, logtext.Secret) {
	label = strings.TrimPrefix(label, "$")
	if v, ok := variables[label]; ok && v.what != meansNothing {
		return v.what, logtext.Raw
	}
	plain := strings.Map(func(r rune) rune {
		if r == '_' || r == '-' || r == '.' || r == ' ' || r == '@' {
			return -1
		}
		return r
	}, label)
	if m, ok := labels[plain]; ok {
		return m, logtext.Raw
	}
	m, secret, _ := meaningOf(strings.TrimPrefix(label, requestCookie))
	return m, secret
}
