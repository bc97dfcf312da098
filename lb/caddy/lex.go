package caddy

import (
	"strings"

	"limpet.dev/topology"
)

// A token is a word of a Caddyfile.
type token struct {
	text   string
	quoted bool
	row    int // words of one row belong together; a joined line is the same row
	pos    topology.Pos
}

// lex cuts a Caddyfile into tokens (caddyconfig/caddyfile/lexer.go): blanks separate; "…" with \" for a quote, and `…`, hold
// words together, also over lines; # begins a comment at the beginning of a word; a backslash at the end of a
// line joins the next; <<MARK begins a text that ends with MARK on a line of its own.
func lex(file, text string) ([]token, error) {
	l := &lexer{file: file, text: text, line: 1}
	for l.next() {
	}
	return l.out, l.err
}

type lexer struct {
	file, text string
	at         int
	line, row  int
	out        []token
	err        error
}

func (l *lexer) fault(line int, msg string) {
	if l.err == nil {
		l.err = &topology.SyntaxError{Pos: topology.Pos{File: l.file, Line: line}, Msg: msg}
	}
}

// next reads one token and reports whether there may be more.
func (l *lexer) next() bool {
	for l.at < len(l.text) {
		switch c := l.text[l.at]; {
		case c == '\n':
			l.line++
			l.row++
			l.at++
		case c == ' ' || c == '\t' || c == '\r':
			l.at++
		case c == '\\' && strings.HasPrefix(strings.TrimPrefix(l.text[l.at+1:], "\r"), "\n"):
			l.at += 1 + strings.IndexByte(l.text[l.at+1:], '\n') + 1
			l.line++
		case c == '#':
			end := strings.IndexByte(l.text[l.at:], '\n')
			if end < 0 {
				return false
			}
			l.at += end
		case c == '"' || c == '`':
			return l.quoted(c)
		case strings.HasPrefix(l.text[l.at:], "<<") && heredocMark(l.text[l.at+2:]) != "":
			return l.heredoc()
		default:
			l.word()
			return true
		}
	}
	return false
}

func (l *lexer) emit(text string, quoted bool, line int) {
	l.out = append(l.out, token{text: text, quoted: quoted, row: l.row, pos: topology.Pos{File: l.file, Line: line}})
}

func (l *lexer) word() {
	var b strings.Builder
	for l.at < len(l.text) {
		c := l.text[l.at]
		if c == ' ' || c == '\t' || c == '\n' || c == '\r' {
			break
		}
		if c == '\\' && l.at+1 < len(l.text) && l.text[l.at+1] == '\n' {
			break
		}
		b.WriteByte(c)
		l.at++
	}
	l.emit(b.String(), false, l.line)
}

func (l *lexer) quoted(q byte) bool {
	line := l.line
	var b strings.Builder
	for l.at++; l.at < len(l.text); l.at++ {
		switch c := l.text[l.at]; {
		case c == q:
			l.at++
			l.emit(b.String(), true, line)
			return true
		case c == '\\' && q == '"' && l.at+1 < len(l.text) && l.text[l.at+1] == '"':
			l.at++
			b.WriteByte('"')
		default:
			if c == '\n' {
				l.line++
			}
			b.WriteByte(c)
		}
	}
	l.fault(line, "a quote that is never closed")
	return false
}

// heredocMark returns the mark behind <<, "" if it is none.
func heredocMark(text string) string {
	end := strings.IndexByte(text, '\n')
	if end <= 0 {
		return ""
	}
	mark := strings.TrimSuffix(text[:end], "\r")
	for _, c := range mark {
		if c != '_' && c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return ""
		}
	}
	return mark
}

func (l *lexer) heredoc() bool {
	line, mark := l.line, heredocMark(l.text[l.at+2:])
	l.at += 2 + strings.IndexByte(l.text[l.at+2:], '\n') + 1
	l.line++
	var lines []string
	for l.at < len(l.text) {
		end := strings.IndexByte(l.text[l.at:], '\n')
		if end < 0 {
			end = len(l.text) - l.at
		}
		text := l.text[l.at : l.at+end]
		if trimmed := strings.TrimLeft(text, " \t"); trimmed == mark || strings.HasPrefix(trimmed, mark) && strings.IndexByte(" \t\r", trimmed[len(mark)]) >= 0 {
			l.at += strings.Index(text, mark) + len(mark)
			l.emit(strings.Join(lines, "\n"), true, line)
			return true
		}
		lines = append(lines, text)
		l.at = min(l.at+end+1, len(l.text))
		l.line++
	}
	l.fault(line, "a text begun with << that is never ended by its mark")
	return false
}
