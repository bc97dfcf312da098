package haproxy

import (
	"strings"

	"limpet.dev/lb/logtext"
)

// meanings says what a name's field means here.
var meanings = [...]meaning{
	logtext.Unnamed: meansNothing, logtext.Session: meansSession, logtext.SetSession: meansSetSession, logtext.Affinity: meansAffinity, logtext.SetAffinity: meansSetAffinity,
	logtext.Cleared: meansCleared, logtext.Path: meansPath, logtext.Host: meansHost, logtext.Scheme: meansScheme, logtext.Referer: meansReferer, logtext.Origin: meansOrigin,
	logtext.UserAgent: meansUserAgent, logtext.Location: meansLocation, logtext.TraceID: meansTraceID, logtext.RequestID: meansRequestID, logtext.ForwardedFor: meansForwardedFor,
}

// meaningOfName guesses from the name of a variable, or from the label in front of a field, what it shows.
func meaningOfName(name string) (meaning, secretForm) {
	name = strings.ToLower(name)
	for _, scope := range []string{"txn.", "sess.", "proc.", "req.", "res.", "http."} {
		name = strings.TrimPrefix(name, scope)
	}
	field, secret := logtext.FieldOf(name)
	return meanings[field], secret
}
