package nginx

import (
	"errors"
	"fmt"
	"strings"

	"limpet.dev/lb/logtext"
)

// Formats that are known by name, or that are so common that lines in them are read without a declaration.
const (
	// formatMain is that of the nginx.conf which nginx.org's packages install.
	formatMain = formatCombined + ` "$http_x_forwarded_for"`

	formatCommon     = `$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent`
	formatVhost      = `$host ` + formatCombined
	formatVhostMain  = `$host ` + formatMain
	formatNoUser     = `$remote_addr - [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"`
	formatIngress    = formatCombined + ` $request_length $request_time [$proxy_upstream_name] [$proxy_alternative_upstream_name] $upstream_addr $upstream_response_length $upstream_response_time $upstream_status $req_id`
	formatProxyMgr   = `[$time_local] $upstream_cache_status $upstream_status $status - $request_method $scheme $host "$request_uri" [Client $remote_addr] [Length $body_bytes_sent] [Gzip $gzip_ratio] [Sent-to $server] "$http_user_agent" "$http_referer"`
	formatProxyMgr2  = `[$time_local] $status - $request_method $scheme $host "$request_uri" [Client $remote_addr] [Length $body_bytes_sent] [Gzip $gzip_ratio] "$http_user_agent" "$http_referer"`
	formatProxyMgr3  = `[$time_local] $status - $request_method $scheme $host "$request_uri" [Client $remote_addr] [Length $body_bytes_sent] [Gzip $gzip_ratio] [Sent-to $server] "$http_user_agent" "$http_referer"`
	formatProxyMgr4  = `[$time_local] $upstream_cache_status $upstream_status $status - $request_method $scheme $host "$request_uri" [Client $remote_addr] [Length $body_bytes_sent] [Gzip $gzip_ratio] "$http_user_agent" "$http_referer"`
	formatProxyMgr5  = `[$time_local] $host $remote_addr $request_time "$request" $status $body_bytes_sent $request_length $remote_user $http_user_agent`
	formatForwarded  = `$http_x_forwarded_for - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"`
	escapeDirective  = "escape="
	formatDirective  = "log_format "
	maxFormat        = 64 << 10 // bounds what a hostile format may cost
	maxFormatsFields = 256
)

// namedFormats are the formats that a user may ask for by name.
var namedFormats = map[string]string{
	"": formatCombined, "combined": formatCombined, "main": formatMain, "common": formatCommon, "ingress-nginx": formatIngress, "upstreaminfo": formatIngress, "limpet": ownLogFormat,
}

// An escape is how nginx writes what is not printable (log_format, "escape").
type escape uint8

const (
	escapeDefault escape = iota // \xXX; "-" for what is absent
	escapeJSON                  // as in JSON strings; nothing for what is absent
	escapeNone                  // as it is; nothing for what is absent
)

// A field is one variable of a compiled format with the text that must follow it.
type field struct {
	name   string // of the variable, without $
	next   string // "" where another variable follows at once, and at the end of the line
	what   meaning
	shape  shape
	secret logtext.Secret
	end    ending
	mark   uint64 // next's first byte, eight times
	esc    escape
	loose  bool // inferred from a sample: "-" is absent whatever the escape
	claims bool // the value is used only if nothing better gives it (a header that clients may write)
}

// A lineFormat is a compiled log format. It is never changed once a parser has it.
type lineFormat struct {
	text   string
	lead   string // in front of the first field
	fields []field
}

// errFormat is the cause of every error of the format compiler.
var errFormat = errors.New("not a log format")

// compileFormat reads a log format: a known name, the text that log_format's strings make together (with
// "escape=json " in front where the directive says so), or the whole directive as it stands in the configuration.
func compileFormat(text string) (*lineFormat, error) {
	if len(text) > maxFormat {
		return nil, fmt.Errorf("%w: longer than %d bytes", errFormat, maxFormat)
	}
	esc, text, err := plainFormat(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errFormat, err)
	}
	f := &lineFormat{text: text}
	if esc != escapeDefault {
		f.text = escapeDirective + escapeNames[esc] + " " + text
	}
	if err := f.split(text, esc); err != nil {
		return nil, fmt.Errorf("%w: %w", errFormat, err)
	}
	if len(f.fields) == 0 {
		return nil, fmt.Errorf("%w: no variable in it", errFormat)
	}
	if len(f.fields) > maxFormatsFields {
		return nil, fmt.Errorf("%w: more than %d variables", errFormat, maxFormatsFields)
	}
	f.finish()
	return f, nil
}

var escapeNames = [...]string{escapeDefault: "default", escapeJSON: "json", escapeNone: "none"}

// plainFormat resolves names, the directive around the strings, and the configuration's quoting.
func plainFormat(text string) (escape, string, error) {
	if named, ok := namedFormats[strings.TrimSpace(text)]; ok {
		return escapeDefault, named, nil
	}
	if rest, ok := strings.CutPrefix(strings.TrimSpace(text), formatDirective); ok {
		words, err := splitWords(strings.TrimSuffix(strings.TrimSpace(rest), ";"))
		if err != nil || len(words) < 2 {
			return 0, "", errors.Join(errors.New("log_format takes a name and strings"), err)
		}
		esc, rest := escapeDefault, words[1:]
		if v, ok := strings.CutPrefix(rest[0], escapeDirective); ok {
			if esc, err = escapeNamed(v); err != nil {
				return 0, "", err
			}
			rest = rest[1:]
		}
		return esc, strings.Join(rest, ""), nil
	}
	if rest, ok := strings.CutPrefix(text, escapeDirective); ok {
		name, rest, _ := strings.Cut(rest, " ")
		esc, err := escapeNamed(name)
		return esc, unquoted(rest), err
	}
	return escapeDefault, unquoted(text), nil
}

func escapeNamed(name string) (escape, error) {
	for e, n := range escapeNames {
		if n == name {
			return escape(e), nil
		}
	}
	return 0, fmt.Errorf("unknown %s%.20q", escapeDirective, name)
}

// unquoted joins the strings of a text that is written as in a configuration file, and leaves other text alone.
func unquoted(text string) string {
	t := strings.TrimSuffix(strings.TrimSpace(text), ";")
	if n := len(t); n < 2 || t[0] != '\'' || t[n-1] != '\'' {
		return text
	}
	words, err := splitWords(t)
	if err != nil {
		return text
	}
	return strings.Join(words, "")
}

// splitWords splits as nginx does (ngx_conf_read_token): at blanks, with quotes of both kinds, and a backslash that
// escapes quotes, itself, and t, r, n.
func splitWords(s string) ([]string, error) {
	var words []string
	for i := 0; i < len(s); {
		if strings.IndexByte(" \t\r\n", s[i]) >= 0 {
			i++
			continue
		}
		var quote byte
		if s[i] == '"' || s[i] == '\'' {
			quote = s[i]
			i++
		}
		var w strings.Builder
		for ; i < len(s); i++ {
			c := s[i]
			if quote != 0 && c == quote || quote == 0 && strings.IndexByte(" \t\r\n", c) >= 0 {
				break
			}
			if c == '\\' && i+1 < len(s) {
				if k := strings.IndexByte(`"'\trn`, s[i+1]); k >= 0 {
					i++
					c = "\"'\\\t\r\n"[k]
				}
			}
			w.WriteByte(c)
		}
		if quote != 0 {
			if i == len(s) {
				return nil, fmt.Errorf("missing %c", quote)
			}
			i++
		}
		words = append(words, w.String())
	}
	return words, nil
}

// split finds the variables: $name or ${name} (ngx_http_log_compile_format).
func (f *lineFormat) split(text string, esc escape) error {
	var literal strings.Builder
	for i := 0; i < len(text); {
		if text[i] != '$' {
			literal.WriteByte(text[i])
			i++
			continue
		}
		i++
		braced := i < len(text) && text[i] == '{'
		if braced {
			i++
		}
		from := i
		for i < len(text) && isNameByte(text[i]) {
			i++
		}
		name := text[from:i]
		if name == "" || braced && (i == len(text) || text[i] != '}') {
			return fmt.Errorf("invalid variable name at byte %d", from)
		}
		if braced {
			i++
		}
		f.add(field{name: strings.ToLower(name), esc: esc}, literal.String())
		literal.Reset()
	}
	f.add(field{}, literal.String())
	return nil
}

// add appends a field (none if it has no name) with the literal in front of it.
func (f *lineFormat) add(fl field, literal string) {
	if n := len(f.fields); n > 0 {
		f.fields[n-1].next = literal
	} else {
		f.lead = literal
	}
	if fl.name != "" {
		fl.what, fl.secret, fl.shape = meaningOf(fl.name)
		fl.claims = fl.what == meansRequestID && strings.HasPrefix(fl.name, "http_")
		f.fields = append(f.fields, fl)
	}
}

func isNameByte(c byte) bool {
	return c == '_' || logtext.IsDigit(c) || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// An ending says how the end of a field is found.
type ending uint8

const (
	endAtMark  ending = iota // where next's first byte first stands: surely
	endGuess                 // where next stands, perhaps later than the first time
	endFixed                 // after a fixed number of bytes
	endNumber                // behind digits and a dot
	endList                  // behind a list of upstreams
	endEscaped               // at a quote that no backslash escapes
	endOfLine                //
	endNowhere               // another field follows at once: any end may be right
)

// finish works out how each field ends.
func (f *lineFormat) finish() {
	for i := range f.fields {
		n := &f.fields[i]
		if n.next != "" {
			n.mark = ones * uint64(n.next[0])
		}
		last := i == len(f.fields)-1
		switch {
		case n.shape == shapeLocal || n.shape == shapeISO:
			n.end = endFixed
		case n.next == "" && last:
			n.end = endOfLine
		case n.shape == shapeNumber:
			n.end = endNumber
		case n.shape == shapeList && (n.next == "" || n.next[0] != '"'):
			n.end = endList
		case n.next == "":
			n.end = endNowhere
		case n.next[0] == '"' && n.esc == escapeDefault:
			n.end = endAtMark
		case n.next[0] == '"' && n.esc == escapeJSON:
			n.end = endEscaped
		case n.shape == shapeWord && n.next[0] == ' ':
			n.end = endAtMark
		default:
			n.end = endGuess
		}
	}
}
