package logtext

import "strings"

// A Field is what a name that people give to a part of their log line says about it.
type Field uint8

// The fields that names tell. Unnamed: the name says nothing.
const (
	Unnamed Field = iota
	Session
	SetSession
	Affinity
	SetAffinity
	Cleared
	Path
	Host
	Scheme
	Referer
	Origin
	UserAgent
	Location
	TraceID
	RequestID
	ForwardedFor
)

// A Secret says how a log shows a credential.
type Secret uint8

// The ways to show a credential.
const (
	Raw         Secret = iota
	Fingerprint        // a keyed fingerprint
	Opaque             // hashed or encoded in another way: equal values stay equal
)

// ownPrefix begins the names that the log lines of Limpet's own give to their variables.
const ownPrefix = "limpet_"

// ownNames are those names, without prefix.
var ownNames = map[string]Field{
	"session": Session, "set_session": SetSession, "affinity": Affinity, "set_affinity": SetAffinity,
	"cleared": Cleared, "path": Path, "host": Host, "scheme": Scheme, "referer": Referer, "origin": Origin,
	"agent": UserAgent, "location": Location, "trace": TraceID,
}

// FieldOf guesses from the name of a variable, or from the label in front of a field, what
// it shows. Only Limpet's own names and names that say so ("fp", "fingerprint", "hmac") promise a keyed
// fingerprint: 32 upper-case hexadecimal digits alone are just as well a Tomcat session id.
func FieldOf(name string) (Field, Secret) {
	name = strings.ToLower(name)
	if own, ok := strings.CutPrefix(name, ownPrefix); ok {
		f := ownNames[own]
		if f == Session || f == SetSession {
			return f, Fingerprint
		}
		return f, Raw
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
	form := Raw
	switch {
	case has("fp", "fingerprint", "hmac", "pseudonym"):
		form = Fingerprint
	case has("hash", "hashed", "sha", "sha256", "md5"):
		form = Opaque
	}
	answer := has("set", "new", "res", "resp", "response", "out")
	switch joined := strings.Join(words, ""); {
	case has("sess", "session", "sid", "sessionid", "jsessionid", "phpsessid") && !has("state", "count", "age", "term"):
		if answer {
			return SetSession, form
		}
		return Session, form
	case has("aff", "affinity", "sticky", "srvcookie", "serverid"):
		if answer {
			return SetAffinity, form
		}
		return Affinity, form
	case has("ua", "agent", "useragent"):
		return UserAgent, Raw
	case joined == "host" || joined == "vhost" || joined == "hdrhost" || joined == "reqhost" || joined == "httphost" || joined == "authority":
		return Host, Raw
	case has("ref", "referer", "referrer"):
		return Referer, Raw
	case has("origin"):
		return Origin, Raw
	case has("location", "loc"):
		return Location, Raw
	case has("tp", "traceparent", "trace", "traceid"):
		return TraceID, Raw
	case has("rid", "reqid", "xrid") || strings.HasSuffix(joined, "requestid") || strings.HasSuffix(joined, "correlationid"):
		return RequestID, Raw
	case has("scheme", "proto"):
		return Scheme, Raw
	case has("xff", "forwardedfor"), strings.HasSuffix(joined, "forwardedfor"):
		return ForwardedFor, Raw
	}
	return Unnamed, Raw
}
