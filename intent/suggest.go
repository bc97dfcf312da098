package intent

import (
	"fmt"
	"strings"
)

// unknownKey says that a key is unknown and what was probably meant. It names the key only
// if it looks like a word: a key could be a secret on the wrong line.
func unknownKey(key, where string, known []string) string {
	name := "unknown key"
	if looksLikeWord(key) {
		name = fmt.Sprintf("unknown key %q", key)
	}
	if where != "" {
		name += " in " + where
	}
	if near := nearest(key, known); near != "" {
		return fmt.Sprintf("%s; did you mean %q?", name, near)
	}
	return name + "; known here: " + strings.Join(known, ", ")
}

func looksLikeWord(s string) bool {
	return s != "" && len(s) <= 24 && strings.Trim(strings.ToLower(s), "abcdefghijklmnopqrstuvwxyz_- ") == ""
}

// nearest returns the known word with the smallest edit distance, "" if none is near: a
// third of the word's letters may differ.
func nearest(word string, known []string) string {
	if len(word) > 40 {
		return ""
	}
	best, bestDistance := "", 1+max(1, len(word)/3)
	for _, k := range known {
		if d := distance(strings.ToLower(word), k); d < bestDistance {
			best, bestDistance = k, d
		}
	}
	return best
}

// distance counts the letters to insert, remove, replace or swap with their neighbour.
func distance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			d := min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d = min(d, rows[i-2][j-2]+1)
			}
			rows[i][j] = d
		}
	}
	return rows[len(a)][len(b)]
}
