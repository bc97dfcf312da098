package httpd

import (
	"strings"

	"limpet.dev/topology"
)

// A logicalLine is a line with its continuations joined.
type logicalLine struct {
	text string
	pos  topology.Pos
}

// logicalLines cuts a file into lines. A backslash at the end of a line joins the next one (manual, "Syntax of the
// Configuration Files"), in comments too.
func logicalLines(file, text string) []logicalLine {
	var out []logicalLine
	var joined strings.Builder
	first := 0
	for n, line := range strings.Split(text, "\n") {
		line = strings.TrimSuffix(line, "\r")
		if first == 0 {
			first = n + 1
		}
		if head, ok := strings.CutSuffix(line, `\`); ok && !strings.HasSuffix(head, `\`) {
			joined.WriteString(head)
			continue
		}
		joined.WriteString(line)
		out = append(out, logicalLine{joined.String(), topology.Pos{File: file, Line: first}})
		joined.Reset()
		first = 0
	}
	if joined.Len() > 0 {
		out = append(out, logicalLine{joined.String(), topology.Pos{File: file, Line: first}})
	}
	return out
}

// words cuts a line into words as ap_getword_conf does (server/util.c): blanks separate, quotes of either kind hold a word
// together, and within them a backslash escapes the quote and itself.
func words(line string) []string {
	var out []string
	for {
		line = strings.TrimLeft(line, " \t\v\f")
		if line == "" {
			return out
		}
		if q := line[0]; q == '"' || q == '\'' {
			word, rest := quoted(line[1:], q)
			out, line = append(out, word), rest
			continue
		}
		end := strings.IndexAny(line, " \t\v\f")
		if end < 0 {
			return append(out, line)
		}
		out, line = append(out, line[:end]), line[end:]
	}
}

// quoted reads up to the closing quote q. A quote that is never closed ends with the line.
func quoted(text string, q byte) (word, rest string) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && i+1 < len(text) && (text[i+1] == q || text[i+1] == '\\'):
			i++
			b.WriteByte(text[i])
		case c == q:
			return b.String(), text[i+1:]
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), ""
}

// sectionOpen reads "<Name args>", and says what is wrong with it otherwise.
func sectionOpen(line string) (name string, args []string, fault string) {
	line = strings.TrimSpace(line)
	body, ok := strings.CutSuffix(line[1:], ">")
	if !ok {
		return "", nil, "the section's opening lacks its closing >"
	}
	w := words(body)
	if len(w) == 0 {
		return "", nil, "a section without a name"
	}
	return w[0], w[1:], ""
}

// substitute replaces ${NAME} by what lookup knows; what it does not know stays as it is, as in httpd.
func substitute(line string, lookup func(string) (string, bool)) string {
	if !strings.Contains(line, "${") {
		return line
	}
	var b strings.Builder
	for {
		i := strings.Index(line, "${")
		if i < 0 {
			break
		}
		end := strings.IndexByte(line[i:], '}')
		if end < 0 {
			break
		}
		b.WriteString(line[:i])
		if v, ok := lookup(line[i+2 : i+end]); ok {
			b.WriteString(v)
		} else {
			b.WriteString(line[i : i+end+1])
		}
		line = line[i+end+1:]
	}
	return b.String() + line
}
