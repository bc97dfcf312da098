package cookie

import (
	"strconv"
	"strings"

	"github.com/mileusna/useragent"
)

// agent is what rows ask about a User-Agent.
type agent struct {
	text, name, os string
	major, minor   int // of the browser or tool
	osMajor        int
	crawler        bool
}

func readAgent(userAgent string) agent {
	text := userAgent[:min(len(userAgent), 512)]
	u := useragent.Parse(text)
	return agent{
		text: text, name: u.Name, os: u.OS, major: u.VersionNo.Major, minor: u.VersionNo.Minor,
		osMajor: u.OSVersionNo.Major, crawler: u.Bot || looksLikeCrawler(text),
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

func (a *agent) startsWith(prefixes ...string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(a.text, p) {
			return true
		}
	}
	return false
}

// number reads the number behind a word, 0 if there is none.
func (a *agent) number(word string) int {
	_, rest, ok := strings.Cut(a.text, word)
	if !ok {
		return 0
	}
	end := strings.IndexFunc(rest, func(r rune) bool { return !isDigit(r) })
	if end < 0 {
		end = len(rest)
	}
	n, _ := strconv.Atoi(rest[:end])
	return n
}

// before reports whether the version behind a word is older than another.
func (a *agent) before(word string, than ...int) bool {
	_, rest, _ := strings.Cut(a.text, word)
	version, _, _ := strings.Cut(rest, " ")
	parts := strings.Split(version, ".")
	for i, want := range than {
		if i >= len(parts) {
			return true
		}
		if got, _ := strconv.Atoi(parts[i]); got != want {
			return got < want
		}
	}
	return false
}

// chromium returns the version of the engine, 0 for others. On iOS every browser is WebKit.
func (a *agent) chromium() int { return max(a.number("Chrome/"), a.number("Chromium/")) }

// gecko reports Firefox on its own engine.
func (a *agent) gecko() bool {
	return a.has("Firefox/") && !a.has("Seamonkey") && !a.ios()
}

func (a *agent) ios() bool { return a.has("iPhone", "iPad", "iPod") && a.has(" OS ") }

// safari reports WebKit of a version or later. Browsers other than Safari on iOS have the
// system's engine.
func (a *agent) safari(major, minor int) bool {
	if !a.has("AppleWebKit/") || a.chromium() > 0 || a.has("Android") {
		return false
	}
	if a.has("Version/") {
		return !a.before("Version/", major, minor)
	}
	return a.ios() && a.osMajor >= major
}

func (a *agent) cfNetwork() bool { return a.has("CFNetwork/") && !a.isBrowser() }
