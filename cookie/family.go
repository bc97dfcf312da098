// Package cookie knows what clients do with cookies: what each one stores, sends and
// withholds. It begins with telling client families apart by their User-Agent.
package cookie

import (
	"strings"

	"github.com/mileusna/useragent"
)

// Family returns the client family that a User-Agent belongs to, in a few words ("Chrome on
// Android", "Safari on iOS", "okhttp", "crawler"): enough to see what broken sessions share, too
// little to recognise a person. "" stays "".
func Family(ua []byte) string {
	if len(ua) == 0 {
		return ""
	}
	text := string(ua[:min(len(ua), 512)])
	u := useragent.Parse(text)
	switch {
	case u.Bot || looksLikeCrawler(text):
		return "crawler"
	case u.Name == "" || strings.HasPrefix(u.Name, "Mozilla"):
		return product(text)
	case (u.Mobile || u.Tablet) && u.OS != "":
		return plain(u.Name) + " on " + plain(u.OS)
	case u.Desktop && (u.OS == useragent.MacOS || u.OS == useragent.Windows || u.OS == useragent.Linux) && u.Name == useragent.Safari:
		return plain(u.Name) + " on " + plain(u.OS)
	}
	return plain(u.Name)
}

// product returns the first word of a User-Agent without its version: the name of a
// tool or an app.
func product(ua string) string {
	word, _, _ := strings.Cut(ua, " ")
	name, _, _ := strings.Cut(word, "/")
	if name == "" || len(name) > 24 || strings.IndexFunc(name, isDigit) >= 0 && len(name) >= 12 {
		return "unnamed client" // nothing, or what looks like an identifier
	}
	return plain(name)
}

func isDigit(r rune) bool { return r >= '0' && r <= '9' }

func looksLikeCrawler(ua string) bool {
	l := strings.ToLower(ua)
	for _, w := range []string{"bot/", "bot;", "spider", "crawl", "slurp"} {
		if strings.Contains(l, w) {
			return true
		}
	}
	return false
}

// plain keeps letters, digits and a few signs of at most 40 bytes, so that nothing odd leaves
// through a client's name.
func plain(s string) string {
	keep := func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == ' ', r == '-', r == '.', r == '_':
			return r
		}
		return -1
	}
	s = strings.Map(keep, s)
	return s[:min(len(s), 40)]
}
