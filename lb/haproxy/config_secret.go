package haproxy

import (
	"regexp"
	"strings"
)

const removed = "[removed]"

var affinityWords = []string{"cookie", "stick", "balance", "hash", "persist", "affinity", "redispatch", "peer", "use-server", "use_backend", "retry"}

// affinityWord reports whether a directive that is not known looks as if it decided where a
// client goes.
func affinityWord(words []string) bool {
	head := strings.ToLower(strings.Join(words[:min(2, len(words))], " "))
	for _, w := range affinityWords {
		if strings.Contains(head, w) {
			return true
		}
	}
	return false
}

// keyword names, for a message, a word that is not known, if it looks like a keyword at all: made
// of lower-case letters, as generated secrets are not.
func keyword(w string) string {
	if !keywordLike(w) {
		return "a word"
	}
	return "keyword " + w
}

func keywordLike(w string) bool {
	return len(w) <= 32 && strings.Trim(w, "abcdefghijklmnopqrstuvwxyz-_.") == ""
}

// harmless returns what may be shown of a directive that is not known. Which of its words is a
// secret cannot be known, so only its keyword is kept.
func harmless(words []string) string {
	kept := 0
	if keywordLike(words[0]) {
		kept = 1
		if words[0] == "option" && len(words) > 1 && keywordLike(words[1]) {
			kept = 2
		}
	}
	shown := append([]string{}, words[:kept]...)
	if kept < len(words) {
		shown = append(shown, removed)
	}
	return strings.Join(shown, " ")
}

// secretFetch finds, in a condition, tests of values that are credentials; secretCall finds keys in
// the arguments of functions.
var (
	secretFetch = regexp.MustCompile(`(?i)(cook|auth|token|secret|passw|api-?key|session|bearer)`)
	secretCall  = regexp.MustCompile(`(?i)\b(hmac|aes_gcm_enc|aes_gcm_dec|aes_cbc_enc|aes_cbc_dec|jwt_verify|jwt_decrypt_secret|digest_key|xor)\(([^,()]*),(?:[^()]|\([^()]*\))*\)`)
)

// shownCondition is a condition as written, but without the values that it compares credentials with.
func shownCondition(words []string) string {
	out := make([]string, len(words))
	secret := false
	for i, w := range words {
		switch {
		case strings.TrimLeft(w, "!") == "{":
			secret = false
		case i > 0 && strings.TrimLeft(words[i-1], "!") == "{":
			secret = secretFetch.MatchString(w)
		case w == "}" || !secret || strings.HasPrefix(w, "-"), i > 0 && words[i-1] == "-m":
		default:
			w = removed
		}
		out[i] = shownExpr(w)
	}
	return strings.Join(out, " ")
}

// shownExpr is an expression or a format without the keys in it.
func shownExpr(text string) string {
	return secretCall.ReplaceAllString(text, "$1($2,removed)")
}
