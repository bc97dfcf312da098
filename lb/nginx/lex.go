package nginx

import (
	"fmt"
	"strings"

	"limpet.dev/topology"
)

// Bounds of what is read, far above real configurations: no input may make the parser grow or recurse
// without end.
const (
	maxFile  = 16 << 20 // bytes of one file
	maxWord  = 1 << 20  // bytes of one word; nginx itself stops at 4,096 unless the buffer is configured
	maxDepth = 64       // blocks and includes within each other
	maxTotal = 1 << 20  // directives, all files together
)

// A kind is what the lexer found.
type kind uint8

const (
	word kind = iota
	semicolon
	open
	shut
	end
	broken
)

// A token is a word or a mark. A word's text has quotes and escapes resolved.
type token struct {
	kind kind
	text string
	line int
}

// A lexer cuts a file into tokens as nginx does (src/core/ngx_conf_file.c, ngx_conf_read_token).
type lexer struct {
	text string
	at   int
	line int
}

// next returns the next token; on a fault, one of kind broken whose text says what is wrong.
func (l *lexer) next() token {
	l.blank()
	if l.at >= len(l.text) {
		return token{kind: end, line: l.line}
	}
	line := l.line
	switch c := l.text[l.at]; c {
	case ';', '{', '}':
		l.at++
		return token{kind: map[byte]kind{';': semicolon, '{': open, '}': shut}[c], line: line}
	case '"', '\'':
		return l.quoted(c)
	}
	return l.plain()
}

// blank skips white space and comments, which begin only where a word could.
func (l *lexer) blank() {
	for l.at < len(l.text) {
		switch l.text[l.at] {
		case '\n':
			l.line++
			l.at++
		case ' ', '\t', '\r':
			l.at++
		case '#':
			if n := strings.IndexByte(l.text[l.at:], '\n'); n >= 0 {
				l.at += n
			} else {
				l.at = len(l.text)
			}
		default:
			return
		}
	}
}

// plain reads a word without quotes: up to white space, ";" or "{", except for the brace of "${".
func (l *lexer) plain() token {
	start, line, variable := l.at, l.line, false
	for l.at < len(l.text) {
		c := l.text[l.at]
		if c == '{' && variable {
			l.at++
			variable = false
			continue
		}
		variable = c == '$'
		switch c {
		case '\\':
			l.skip()
			continue
		case ' ', '\t', '\r', '\n', ';', '{':
			return l.word(l.text[start:l.at], line)
		}
		l.at++
	}
	return token{broken, `the file ends within a directive, before its ";" or block`, l.line}
}

// skip passes a backslash and what it escapes.
func (l *lexer) skip() {
	l.at++
	if l.at < len(l.text) {
		if l.text[l.at] == '\n' {
			l.line++
		}
		l.at++
	}
}

// quoted reads a word in quotes. Behind it must stand white space, ";", "{" or ")".
func (l *lexer) quoted(quote byte) token {
	line := l.line
	l.at++
	start := l.at
	for l.at < len(l.text) {
		switch c := l.text[l.at]; {
		case c == '\\':
			l.skip()
			continue
		case c == '\n':
			l.line++
		case c == quote:
			text := l.text[start:l.at]
			l.at++
			if l.at < len(l.text) && !strings.ContainsRune(" \t\r\n;{)", rune(l.text[l.at])) {
				return token{broken, "something follows a closing quote without a space", l.line}
			}
			return l.word(text, line)
		}
		l.at++
	}
	return token{broken, "a quote is not closed", line}
}

func (l *lexer) word(raw string, line int) token {
	if len(raw) > maxWord {
		return token{broken, "a word is too long", line}
	}
	return token{word, unescape(raw), line}
}

// unescape resolves \" \' \\ \t \r \n; another backslash stays.
func unescape(raw string) string {
	if strings.IndexByte(raw, '\\') < 0 {
		return raw
	}
	var b strings.Builder
	for i := 0; i < len(raw); i++ {
		if raw[i] == '\\' && i+1 < len(raw) {
			if n := strings.IndexByte(`"'\trn`, raw[i+1]); n >= 0 {
				b.WriteByte("\"'\\\t\r\n"[n])
				i++
				continue
			}
		}
		b.WriteByte(raw[i])
	}
	return b.String()
}

// foreign skips a block in another language (Lua), whose opening brace has been read, to its
// closing brace: braces in strings, long brackets and comments do not count.
func (l *lexer) foreign() bool {
	for depth := 1; l.at < len(l.text); {
		rest := l.text[l.at:]
		switch c := rest[0]; {
		case c == '{':
			depth++
		case c == '}':
			if depth--; depth == 0 {
				l.at++
				return true
			}
		case c == '"' || c == '\'':
			l.luaString(c)
			continue
		case strings.HasPrefix(rest, "--"):
			l.at += 2
			if !l.luaLong() {
				l.toLineEnd()
			}
			continue
		case c == '[' && l.luaLong():
			continue
		case c == '\n':
			l.line++
		}
		l.at++
	}
	return false
}

func (l *lexer) toLineEnd() {
	for l.at < len(l.text) && l.text[l.at] != '\n' {
		l.at++
	}
}

// luaString passes a Lua string; it ends at its quote, or at the end of the line.
func (l *lexer) luaString(quote byte) {
	for l.at++; l.at < len(l.text); l.at++ {
		switch l.text[l.at] {
		case '\\':
			l.skip()
			l.at--
		case quote:
			l.at++
			return
		case '\n':
			return
		}
	}
}

// luaLong passes a long bracket, [[ … ]] or [=[ … ]=], if one stands here.
func (l *lexer) luaLong() bool {
	rest := l.text[l.at:]
	level := 0
	for level+1 < len(rest) && rest[0] == '[' && rest[level+1] == '=' {
		level++
	}
	if level+1 >= len(rest) || rest[0] != '[' || rest[level+1] != '[' {
		return false
	}
	closing := "]" + strings.Repeat("=", level) + "]"
	n := strings.Index(rest, closing)
	if n < 0 {
		n = len(rest) - len(closing)
	}
	passed := rest[:max(n, 0)+len(closing)]
	l.line += strings.Count(passed, "\n")
	l.at += len(passed)
	return true
}

// A directive is one statement, with what stands in its block.
type directive struct {
	name  string
	args  []string
	pos   topology.Pos
	has   bool // it has a block, perhaps empty
	block []*directive
}

// arg returns argument i, "" if there are not so many.
func (d *directive) arg(i int) string {
	if d == nil || i >= len(d.args) {
		return ""
	}
	return d.args[i]
}

// parse reads a file's directives up to its end or, within a block, to the closing brace. Faults go to
// fail; what follows a fault is read as far as it can be.
func (l *lexer) parse(file string, depth int, budget *int, fail func(topology.Pos, string)) []*directive {
	var out []*directive
	var d *directive
	for {
		t := l.next()
		pos := topology.Pos{File: file, Line: t.line}
		switch t.kind {
		case word:
			if d == nil {
				d = &directive{name: t.text, pos: pos}
			} else {
				d.args = append(d.args, t.text)
			}
			continue
		case semicolon:
			if d == nil {
				fail(pos, `unexpected ";"`)
				continue
			}
		case open:
			if d == nil {
				fail(pos, `unexpected "{"`)
				d = &directive{pos: pos}
			}
			d.has = true
			switch {
			case strings.HasSuffix(d.name, "_by_lua_block"):
				if !l.foreign() {
					fail(d.pos, "the block is not closed")
				}
			case depth >= maxDepth:
				fail(pos, "too many blocks within each other")
				l.at = len(l.text)
			default:
				d.block = l.parse(file, depth+1, budget, fail)
			}
		case shut:
			if d != nil {
				fail(pos, fmt.Sprintf(`unexpected "}": %s lacks its ";"`, keyword(d.name)))
			}
			if depth > 0 {
				return out
			}
			if d == nil {
				fail(pos, `unexpected "}"`)
			}
			d = nil
			continue
		case end, broken:
			l.stop(t, d, pos, depth, fail)
			return out
		}
		if *budget--; *budget < 0 {
			fail(pos, "too many directives")
			l.at = len(l.text)
			return out
		}
		out, d = append(out, d), nil
	}
}

// stop reports how a file ended where it should not have, once: enclosing blocks are then at the end too.
func (l *lexer) stop(t token, d *directive, pos topology.Pos, depth int, fail func(topology.Pos, string)) {
	switch {
	case t.kind == broken:
		fail(pos, t.text)
	case d != nil:
		fail(pos, fmt.Sprintf(`the file ends within %s, before its ";" or block`, keyword(d.name)))
	case depth > 0 && l.at <= len(l.text):
		fail(pos, `the file ends before the "}" of a block`)
	}
	l.at = len(l.text) + 1
}
