package nginx

import (
	"regexp"
	"strings"
)

const removed = "[removed]"

var affinityWords = []string{"sticky", "hash", "balanc", "affinity", "persist", "upstream", "route", "session", "cookie"}

// affinityWord reports whether a directive that is not known looks as if it decided where a client goes.
func affinityWord(name string) bool {
	name = strings.ToLower(name)
	for _, w := range affinityWords {
		if strings.Contains(name, w) {
			return true
		}
	}
	return false
}

// keyword names, for a message, a word that may not be known, if it looks like a keyword at all: made
// of lower-case letters and underscores, as generated secrets are not.
func keyword(w string) string {
	if len(w) > 45 || w == "" || strings.Trim(w, "abcdefghijklmnopqrstuvwxyz_0123456789") != "" || strings.ContainsAny(w[:1], "0123456789") {
		return "a directive"
	}
	return w
}

// secretName finds names of values that are credentials.
var secretName = regexp.MustCompile(`(?i)(cook|auth|token|secret|passw|api-?_?key|sess|bearer|jwt)`)

// shownCondition is an if condition as written, without the values that it compares credentials with.
func shownCondition(args []string) string {
	text := strings.Join(args, " ")
	if len(args) < 2 || !secretName.MatchString(args[0]) {
		return text
	}
	return args[0] + " " + args[1] + " " + removed + ")"
}
