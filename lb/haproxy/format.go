package haproxy

import (
	"errors"
	"fmt"
	"strings"

	"limpet.dev/lb/logtext"
)

// builtInFormats are the names under which a user may ask for a built-in format.
var builtInFormats = map[string]string{
	"httplog": formatHTTPLog, "option httplog": formatHTTPLog, "${HAPROXY_HTTP_LOG_FMT}": formatHTTPLog,
	"httpslog": formatHTTPSLog, "option httpslog": formatHTTPSLog, "${HAPROXY_HTTPS_LOG_FMT}": formatHTTPSLog,
	"tcplog": formatTCPLog, "option tcplog": formatTCPLog, "${HAPROXY_TCP_LOG_FMT}": formatTCPLog,
	"clf": formatCLFLog, "httplog clf": formatCLFLog, "option httplog clf": formatCLFLog, "${HAPROXY_HTTP_CLF_LOG_FMT}": formatCLFLog,
}

// A nodeType says how one piece of a format becomes text.
type nodeType uint8

const (
	nodeText  nodeType = iota // as written
	nodeBlank                 // one blank, unless a blank stands there already
	nodeField
)

// A node is one piece of a compiled format.
type node struct {
	typ   nodeType
	text  string // nodeText
	next  string // the literal that must stand behind it, "" if none is sure
	what  meaning
	shape shape

	quoted bool // +Q
	hex    bool // +X
	esc    bool // a backslash stands before quotes: +E, +json, json()
	hash   bool // HAProxy writes #XX for what is not printable
	json   bool // a value of a JSON object that HAProxy itself builds: null when absent
	dashed bool // "-" when absent (+M, the default)
	loose  bool // inferred from a sample: "-" within quotes is absent too

	name  string // of the alias
	label string // the word in front of it, or the name that %(name) gives
	expr  *expr  // of %[…]

	// What bind finds out.
	secret secretForm
	first  bool // only what stands before the first ',' counts (X-Forwarded-For)
}

// A secretForm says how a field shows a credential.
type secretForm = logtext.Secret

// The forms.
const (
	secretRaw         = logtext.Raw
	secretFingerprint = logtext.Fingerprint
	secretOpaque      = logtext.Opaque
)

// A format is a compiled log format. It is never changed afterwards.
type format struct {
	text  string
	nodes []node
}

// fieldOptions are the flags of a field, as %{+Q,-E} sets them.
type fieldOptions struct{ quote, hex, esc, json, mandatory bool }

// errFormat is the cause of every error of the format compiler.
var errFormat = errors.New("not a log format")

// compileFormat reads a log-format string, or the name of a built-in one. It takes the string as HAProxy
// sees it, or as it stands in the configuration (with its quotes or escapes).
func compileFormat(text string) (*format, error) {
	text = plainFormat(text)
	c := &formatCompiler{in: text, f: &format{text: text}, opt: fieldOptions{mandatory: true}}
	if err := c.run(); err != nil {
		return nil, fmt.Errorf("%w: %w", errFormat, err)
	}
	c.f.finish()
	return c.f, nil
}

// finish works out which literal must stand behind each field.
func (f *format) finish() {
	for i := range f.nodes {
		rest := f.nodes[i+1:]
		f.nodes[i].next = ""
		switch {
		case len(rest) == 0:
		case rest[0].typ == nodeText:
			f.nodes[i].next = rest[0].text
		case rest[0].typ == nodeBlank && len(rest) > 1 && rest[1].typ == nodeText:
			f.nodes[i].next = " " + rest[1].text
		case rest[0].typ == nodeBlank:
			f.nodes[i].next = " "
		}
	}
}

// plainFormat resolves built-in names, the directive's own name in front, and the configuration's quoting.
func plainFormat(text string) string {
	text = strings.TrimSpace(text)
	if rest, ok := strings.CutPrefix(text, "log-format"); ok && strings.HasPrefix(rest, " ") {
		text = strings.TrimSpace(rest)
	}
	if named, ok := builtInFormats[text]; ok {
		return named
	}
	if looksEscaped(text) {
		noVariables := func(string) (string, bool) { return "", false }
		if words, err := split(text, noVariables); err == nil && len(words) == 1 {
			text = words[0]
		}
	}
	for name, value := range builtInFormats {
		if strings.HasPrefix(name, "${") {
			text = strings.ReplaceAll(text, name, value)
		}
	}
	return text
}

// looksEscaped reports whether the text is one word of a configuration file that still has its quotes
// or escapes: it begins and ends with a quote, or has no blank and no quote that is not escaped.
func looksEscaped(s string) bool {
	if n := len(s); n >= 2 && (s[0] == '"' || s[0] == '\'') && s[n-1] == s[0] && !strings.HasSuffix(s, `\"`) {
		inner := s[1 : n-1]
		for i := 0; i < len(inner); i++ {
			if inner[i] == '\\' {
				i++
			} else if inner[i] == s[0] {
				return false
			}
		}
		return true
	}
	escaped := false
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			escaped = true
			i++
		case ' ', '"', '\'':
			return false
		}
	}
	return escaped
}

// formatCompiler walks over a format string.
type formatCompiler struct {
	in   string
	pos  int
	f    *format
	opt  fieldOptions
	text []byte // literal text not yet added

	jsonAll bool // %{+json}o: HAProxy writes the object itself
	fields  int
}

// maxFormat bounds what a hostile format may cost.
const maxFormat = 64 << 10

func (c *formatCompiler) run() error {
	if len(c.in) > maxFormat {
		return fmt.Errorf("longer than %d bytes", maxFormat)
	}
	for c.pos < len(c.in) {
		ch := c.in[c.pos]
		switch {
		case ch == '%':
			c.pos++
			if err := c.percent(); err != nil {
				return err
			}
		case ch == ' ':
			c.pos++
			c.blank()
		default:
			c.pos++
			c.literal(ch)
		}
	}
	c.flush()
	if c.jsonAll {
		c.closeObject()
	}
	return nil
}

func (c *formatCompiler) literal(ch byte) {
	if !c.jsonAll {
		c.text = append(c.text, ch)
	}
}

func (c *formatCompiler) flush() {
	if len(c.text) > 0 {
		c.f.nodes = append(c.f.nodes, node{typ: nodeText, text: string(c.text)})
		c.text = nil
	}
}

// blank adds a separator; HAProxy merges several and drops those at the beginning.
func (c *formatCompiler) blank() {
	c.flush()
	if n := len(c.f.nodes); !c.jsonAll && n > 0 && c.f.nodes[n-1].typ != nodeBlank {
		c.f.nodes = append(c.f.nodes, node{typ: nodeBlank})
	}
}

// percent reads what follows a '%': %%, %name, %{flags}name, %[expr], %(label)… and %{flags}[expr].
func (c *formatCompiler) percent() error {
	if c.pos >= len(c.in) {
		return errors.New("ends after %")
	}
	if c.in[c.pos] == '%' {
		c.pos++
		c.literal('%')
		return nil
	}
	label, err := c.bracketed('(', ')')
	if err != nil {
		return err
	}
	flags, err := c.bracketed('{', '}')
	if err != nil {
		return err
	}
	opt := c.opt.with(flags)
	if c.pos < len(c.in) && c.in[c.pos] == '[' {
		end := exprEnd(c.in, c.pos+1)
		if end < 0 {
			return fmt.Errorf("missing ] of the expression at byte %d", c.pos)
		}
		n := node{expr: parseExpr(c.in[c.pos+1 : end])}
		c.pos = end + 1
		c.field(n, opt, label)
		return nil
	}
	start := c.pos
	for c.pos < len(c.in) && isAlnum(c.in[c.pos]) {
		c.pos++
	}
	name := c.in[start:c.pos]
	if name == "" {
		if label == "" && flags == "" {
			c.literal('%') // a single %, which old releases let pass
			return nil
		}
		return fmt.Errorf("flags without a field at byte %d", start)
	}
	if name == "o" {
		c.globalOptions(opt)
		return nil
	}
	a, ok := aliases[name]
	if !ok {
		return fmt.Errorf("unknown field %%%s", name)
	}
	n := node{what: a.what, shape: a.shape, hash: a.hash, name: name}
	if a.hexes && opt.hex {
		n.hex = true
		if n.shape != shapeWord {
			n.shape = shapeHex
		}
	}
	c.field(n, opt, label)
	return nil
}

func (c *formatCompiler) globalOptions(opt fieldOptions) {
	if opt.json && !c.opt.json && c.fields == 0 {
		c.jsonAll = true
		c.text = nil
		c.f.nodes = c.f.nodes[:0]
	}
	c.opt = opt
}

// bracketed reads an optional part between two signs.
func (c *formatCompiler) bracketed(open, end byte) (string, error) {
	if c.pos >= len(c.in) || c.in[c.pos] != open {
		return "", nil
	}
	i := strings.IndexByte(c.in[c.pos:], end)
	if i < 0 {
		return "", fmt.Errorf("missing %c at byte %d", end, c.pos)
	}
	part := c.in[c.pos+1 : c.pos+i]
	c.pos += i + 1
	return part, nil
}

// with returns the options changed by a list of flags such as "+Q,-E".
func (o fieldOptions) with(flags string) fieldOptions {
	for flag := range strings.SplitSeq(flags, ",") {
		flag = strings.TrimSpace(flag)
		if len(flag) < 2 || flag[0] != '+' && flag[0] != '-' {
			continue
		}
		on := flag[0] == '+'
		switch flag[1:] {
		case "Q":
			o.quote = on
		case "X":
			o.hex = on
		case "E":
			o.esc = on
		case "M":
			o.mandatory = on
		case "json":
			o.json = on
		}
	}
	return o
}

// field adds a field with its options.
func (c *formatCompiler) field(n node, opt fieldOptions, label string) {
	n.typ = nodeField
	isText := n.shape.isText()
	isNumber := n.shape == shapeNumber || n.shape == shapeHex || n.shape == shapeDigits3
	n.esc = (opt.esc || opt.json) && isText
	n.quoted = opt.quote && isText || opt.json && !isNumber
	n.dashed = opt.mandatory
	n.json = opt.json
	n.label, _, _ = strings.Cut(label, ":")
	if c.jsonAll {
		if n.label == "" {
			return // HAProxy leaves out what has no name
		}
		lead := `, "` + n.label + `": `
		if c.fields == 0 {
			lead = `{"` + n.label + `": `
		}
		c.text = append(c.text, lead...)
	} else if n.label == "" {
		n.label = labelBefore(c.text)
	}
	c.flush()
	c.fields++
	c.f.nodes = append(c.f.nodes, n)
}

// labelBefore returns the word that names the next field in a literal such as ` ua=` or `,"ua":"`.
func labelBefore(text []byte) string {
	end := len(text)
	for end > 0 && !isAlnum(text[end-1]) {
		end--
	}
	if end == len(text) {
		return ""
	}
	start := end
	for start > 0 && (isAlnum(text[start-1]) || text[start-1] == '_' || text[start-1] == '-' || text[start-1] == '.') {
		start--
	}
	return string(text[start:end])
}

func (c *formatCompiler) closeObject() {
	end := "}"
	if c.fields == 0 {
		end = "{}"
	}
	c.f.nodes = append(c.f.nodes, node{typ: nodeText, text: end})
}

func isAlnum(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
