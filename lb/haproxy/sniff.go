package haproxy

import (
	"bytes"
	"strings"
)

func splitLines(text string) []string { return strings.Split(text, "\n") }

// proxyHeads are the words with which only HAProxy's sections begin.
var proxyHeads = wordSet("frontend backend listen defaults global peers resolvers userlist traces log-forward log-profile fcgi-app http-errors crt-store")

// proxyMarks are directives that hardly stand anywhere else.
var proxyMarks = wordSet("bind default_backend use_backend balance mode option timeout server maxconn acl http-request stick-table cookie retries log-format stick default-server")

// firstWords are the first words of the directives that are read.
var firstWords = func() map[string]bool {
	set := map[string]bool{}
	for key := range directives {
		word, _, _ := strings.Cut(key, " ")
		set[word] = true
	}
	return set
}()

// sniffConfig reports how certain it is that head begins an HAProxy configuration: section words at the
// start of lines without braces or semicolons, and known directives under them.
func sniffConfig(head []byte) float64 {
	if bytes.IndexByte(head, 0) >= 0 {
		return 0
	}
	lines := splitLines(string(head))
	if len(lines) > 1 {
		lines = lines[:len(lines)-1] // the last one may be cut
	}
	var heads, marks, foreign, inside int
	for _, line := range lines {
		words, _ := split(line, func(string) (string, bool) { return "", false })
		if len(words) == 0 {
			continue
		}
		end := words[len(words)-1]
		switch {
		case len(words) > 1 && words[1] == "=":
			foreign++
		case proxyHeads[words[0]] && !strings.HasSuffix(end, "{") && !strings.HasSuffix(end, ";") && len(words) < 5:
			heads++
		case strings.HasPrefix(words[0], "."):
			inside++
		case proxyMarks[words[0]] && !strings.HasSuffix(end, ";") && !strings.HasSuffix(words[0], ":"):
			marks++
		case knownGlobal(words[0]) || quietProxyWords[words[0]] || firstWords[words[0]]:
			inside++
		default:
			foreign++
		}
	}
	total := heads + marks + inside + foreign
	switch {
	case heads == 0 && marks < 3, total == 0:
		return 0
	case heads == 0:
		return 0.3 * float64(marks) / float64(total)
	case foreign > marks+inside:
		return 0.2
	}
	return min(0.99, 0.5+0.5*float64(heads+marks+inside)/float64(total))
}
