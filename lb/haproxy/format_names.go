package haproxy

import "strings"

// Names that the log line of Limpet's own gives to its variables: txn.limpet_….
const limpetPrefix = "limpet_"

// limpetNames are the variables of logLine, without prefix.
var limpetNames = map[string]meaning{
	"session": meansSession, "set_session": meansSetSession, "affinity": meansAffinity, "set_affinity": meansSetAffinity,
	"cleared": meansCleared, "path": meansPath, "host": meansHost, "scheme": meansScheme, "referer": meansReferer, "origin": meansOrigin,
	"agent": meansUserAgent, "location": meansLocation, "trace": meansTraceID,
}

// meaningOfName guesses from the name of a variable, or from the label in front of a field, what
// it shows. Only Limpet's own names and names that say so ("fp", "fingerprint", "hmac") promise a keyed
// fingerprint: 32 upper-case hexadecimal digits alone are just as well a Tomcat session id.
func meaningOfName(name string) (meaning, secretForm) {
	name = strings.ToLower(name)
	for _, scope := range []string{"txn.", "sess.", "proc.", "req.", "res.", "http."} {
		name = strings.TrimPrefix(name, scope)
	}
	if own, ok := strings.CutPrefix(name, limpetPrefix); ok {
		m := limpetNames[own]
		if m == meansSession || m == meansSetSession {
			return m, secretFingerprint
		}
		return m, secretRaw
	}
	words := strings.FieldsFunc(name, func(r rune) bool { return r == '_' || r == '-' || r == '.' || r == ':' })
	has := func(list ...string) bool {
		for _, w := range words {
			for _, l := range list {
				if w == l {
					return true
				}
			}
		}
		return false
	}
	form := secretRaw
	switch {
	case has("fp", "fingerprint", "hmac", "pseudonym"):
		form = secretFingerprint
	case has("hash", "hashed", "sha", "sha256", "md5"):
		form = secretOpaque
	}
	answer := has("set", "new", "res", "resp", "response", "out")
	switch joined := strings.Join(words, ""); {
	case has("sess", "session", "sid", "sessionid", "jsessionid", "phpsessid") && !has("state", "count", "age", "term"):
		if answer {
			return meansSetSession, form
		}
		return meansSession, form
	case has("aff", "affinity", "sticky", "srvcookie", "serverid"):
		if answer {
			return meansSetAffinity, form
		}
		return meansAffinity, form
	case has("ua", "agent", "useragent"):
		return meansUserAgent, secretRaw
	case joined == "host" || joined == "vhost" || joined == "hdrhost" || joined == "reqhost" || joined == "httphost" || joined == "authority":
		return meansHost, secretRaw
	case has("ref", "referer", "referrer"):
		return meansReferer, secretRaw
	case has("origin"):
		return meansOrigin, secretRaw
	case has("location", "loc"):
		return meansLocation, secretRaw
	case has("tp", "traceparent", "trace", "traceid"):
		return meansTraceID, secretRaw
	case has("rid", "reqid", "xrid") || strings.HasSuffix(joined, "requestid") || strings.HasSuffix(joined, "correlationid"):
		return meansRequestID, secretRaw
	case has("scheme", "proto"):
		return meansScheme, secretRaw
	case has("xff", "forwardedfor"), strings.HasSuffix(joined, "forwardedfor"):
		return meansForwardedFor, secretRaw
	}
	return meansNothing, secretRaw
}
