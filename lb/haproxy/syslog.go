package haproxy

import "limpet.dev/lb/logtext"

// syslog finds HAProxy's messages behind syslog's headers.
var syslog = &logtext.Program{Name: "haproxy", Begins: beginsMessage}

// beginsMessage reports whether a word is the first of one of HAProxy's own messages.
func beginsMessage(word []byte) bool {
	switch string(word) {
	case "Server", "Backup", "Proxy", "backend", "Backend", "Connect", "Stopping", "Stopped", "Pausing", "Paused", "Enabling", "Health", "Loading", "New", "Former", "Current":
		return true
	}
	return len(word) > 0 && (word[0] == '[' || word[0] == '{' || word[0] == '"')
}
