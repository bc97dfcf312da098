package haproxy

import (
	"fmt"
	"strings"

	"limpet.dev/lb"
	"limpet.dev/session"
)

// stateCode returns the termination state: the flow's own text if there is one.
func stateCode(f *session.Flow, short bool) string {
	code := f.Code
	if code == [4]byte{} {
		code = codeOf(f)
	}
	if short {
		return string(code[:2])
	}
	return string(code[:])
}

// codeOf is flowOf backwards.
func codeOf(f *session.Flow) [4]byte {
	code := [4]byte{'-', '-', '-', '-'}
	switch {
	case f.Aborted:
		code[0], code[1] = 'C', 'D'
	case f.Unserved:
		code[0], code[1] = 'S', 'C'
	}
	for _, c := range "NIDVEOU" {
		if affinityStates[c] == f.Affinity {
			code[2] = byte(c)
		}
	}
	for _, c := range "NPDIRU" {
		if affinitySets[c] == f.Set && f.Affinity > session.AffinityOff {
			code[3] = byte(c)
		}
	}
	return code
}

// braces appends {a|b}, or nothing where nothing is captured.
func (w *writer) braces(dst []byte, n *node, list []capture, r *lb.Record) []byte {
	if len(list) == 0 {
		return dst
	}
	if n.quoted {
		dst = append(dst, '"')
	}
	dst = append(dst, '{')
	for i, c := range list {
		if i > 0 {
			dst = append(dst, '|')
		}
		dst = append(dst, w.captured(c, r)...)
	}
	dst = append(dst, '}')
	if n.quoted {
		dst = append(dst, '"')
	}
	return dst
}

// list appends %hrl.
func (w *writer) list(dst []byte, n *node, list []capture, r *lb.Record) []byte {
	for i, c := range list {
		if i > 0 {
			dst = append(dst, ' ')
		}
		v := w.captured(c, r)
		switch {
		case n.quoted:
			dst = append(append(append(dst, '"'), v...), '"')
		case v == "":
			dst = append(dst, '-')
		default:
			dst = append(dst, v...)
		}
	}
	return dst
}

func (w *writer) captured(c capture, r *lb.Record) string {
	v := w.named(c.what, secretRaw, r, c.max)
	if c.what == meansCookieHeader && r.Session != "" && w.session != "" {
		v = w.session + "=" + r.Session
	}
	if c.max > 0 && len(v) > c.max {
		v = v[:c.max]
	}
	return hashText(v, true)
}

// hashText writes what is not printable as #XX; in captured headers also { | }.
func hashText(s string, header bool) string {
	plain := true
	for i := 0; i < len(s) && plain; i++ {
		plain = !needsHash(s[i], header)
	}
	if plain {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if needsHash(s[i], header) {
			fmt.Fprintf(&b, "#%02X", s[i])
		} else {
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

func needsHash(c byte, header bool) bool {
	return c < 32 || c > 126 || c == '"' || c == '#' || header && (c == '{' || c == '|' || c == '}')
}

// text appends free text with the field's quotes and escapes.
func (w *writer) text(dst []byte, n *node, v string) []byte {
	if n.json && v == "" && n.expr == nil && !n.quoted {
		return append(dst, "null"...)
	}
	if n.quoted {
		dst = append(dst, '"')
	} else if v == "" {
		if n.dashed && !n.hash {
			return append(dst, '-')
		}
		return dst
	}
	for i := 0; i < len(v); i++ {
		if c := v[i]; n.esc && (c == '"' || c == '\\' || c == ']' && !n.json) {
			dst = append(dst, '\\', c)
		} else {
			dst = append(dst, c)
		}
	}
	if n.quoted {
		dst = append(dst, '"')
	}
	return dst
}
