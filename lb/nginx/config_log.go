package nginx

import (
	"slices"
	"strings"

	"limpet.dev/topology"
)

// formatCombined is the format that nginx has built in and uses where none is named
// (src/http/modules/ngx_http_log_module.c).
const formatCombined = `$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"`

// A format is what a log_format directive declares. Its text begins with "escape=json " or
// "escape=none " where that is chosen.
type format struct {
	text string
	pos  topology.Pos
}

func (r *reader) logFormat(d *directive) {
	if len(d.args) < 2 {
		r.fail(d.pos, "log_format needs a name and a format")
		return
	}
	words, escape := d.args[1:], ""
	if e, ok := strings.CutPrefix(words[0], "escape="); ok {
		words = words[1:]
		switch e {
		case "default":
		case "json", "none":
			escape = "escape=" + e + " "
		default:
			r.fail(d.pos, "log_format: escape is default, json or none")
		}
	}
	r.formats[d.args[0]] = format{escape + strings.Join(words, ""), d.pos}
}

// logs adds the access logs in force in a block to its server's.
func (r *reader) logs(s *scope, l *topology.Listener) {
	all := s.all("access_log")
	if len(all) == 0 {
		if l.HTTP {
			l.Logs = append(l.Logs, topology.Log{Format: formatCombined, BuiltIn: "combined", Pos: s.pos})
		}
		return
	}
	if slices.ContainsFunc(all, func(d *directive) bool { return d.arg(0) == "off" }) {
		return
	}
	for _, d := range all {
		if log, ok := r.log(d); ok && !slices.Contains(l.Logs, log) {
			l.Logs = append(l.Logs, log)
		}
	}
}

func (r *reader) log(d *directive) (topology.Log, bool) {
	if len(d.args) == 0 {
		r.fail(d.pos, "access_log needs a file")
		return topology.Log{}, false
	}
	log := topology.Log{File: d.args[0], Pos: d.pos}
	name := "combined"
	for i, a := range d.args[1:] {
		if cond, ok := strings.CutPrefix(a, "if="); ok {
			log.When = cond
		} else if i == 0 && !strings.Contains(a, "=") {
			name = a
		}
	}
	f, ok := r.formats[name]
	if !ok {
		r.undeclared(d.pos, "log format", name)
		return log, false
	}
	log.Format, log.Name = f.text, name
	if name == "combined" && f.pos.File == "" {
		log.BuiltIn = name
	}
	return log, true
}

// undeclared reports a name that nothing declares: a fault of a whole configuration; in a fragment it
// may be declared elsewhere.
func (r *reader) undeclared(pos topology.Pos, what, name string) {
	if r.whole {
		r.fail(pos, "unknown %s %s", what, keyword(name))
		return
	}
	r.cfg.Unknown = append(r.cfg.Unknown, topology.Unknown{Pos: pos, Text: what + " that is not declared in the files given"})
}
