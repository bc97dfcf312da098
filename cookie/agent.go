package cookie

import (
	"strings"

	"github.com/mileusna/useragent"
)

// ClientFor returns the row of the table for a User-Agent: the first one that claims it. An
// unknown tool is one without a jar, an unknown browser one that follows the standard. Callers
// that see an agent often remember the answer.
func ClientFor(userAgent string) *Client {
	a := readAgent(userAgent)
	for _, c := range table {
		if c.claims != nil && c.claims(&a) {
			return c
		}
	}
	if a.isBrowser() {
		return table[0]
	}
	return unknownTool
}

// agent is what rows ask about a User-Agent.
type agent struct {
	text, name, os string
	major          int // of the browser or tool
	osMajor        int
	osMinor        int
	crawler        bool
}

func readAgent(userAgent string) agent {
	text := userAgent[:min(len(userAgent), 512)]
	u := useragent.Parse(text)
	return agent{
		text: text, name: u.Name, os: u.OS, major: u.VersionNo.Major,
		osMajor: u.OSVersionNo.Major, osMinor: u.OSVersionNo.Minor, crawler: u.Bot || looksLikeCrawler(text),
	}
}

// isBrowser reports the prefix that every browser sends.
func (a *agent) isBrowser() bool { return strings.HasPrefix(a.text, "Mozilla/") }

// has reports whether the text holds one of some words.
func (a *agent) has(words ...string) bool {
	for _, w := range words {
		if strings.Contains(a.text, w) {
			return true
		}
	}
	return false
}
