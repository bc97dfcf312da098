package nginx

import (
	"regexp"
	"slices"
	"strings"

	"limpet.dev/topology"
)

// A variable is one that the configuration itself defines.
type variable struct {
	name   string
	kind   string // map, set, split_clients, geo, or the directive of a module whose code decides
	source string // map, geo, split_clients: the text that is looked up
	pairs  []pair // map, geo, split_clients: what is looked up; set: values only
	def    string
	hosts  bool // map: names may be masks of host names
	pos    topology.Pos
}

type pair struct{ key, value string }

// variables collects the variables that a list of directives and its blocks define.
func (r *reader) variables(list []*directive) {
	for _, d := range list {
		switch {
		case (d.name == "map" || d.name == "geo" || d.name == "split_clients") && d.has:
			r.table(d)
			continue
		case d.name == "set" && len(d.args) == 2:
			v := r.define(d.args[0], "set", d.pos)
			if v != nil && len(v.pairs) < maxValues {
				v.pairs = append(v.pairs, pair{value: d.args[1]})
			}
		case codeVariable[d.name] && len(d.args) > 0:
			r.define(d.args[0], d.name, d.pos)
		}
		r.variables(d.block)
	}
}

// codeVariable are the directives that have a variable computed by a program.
var codeVariable = wordSet("js_set js_var perl_set set_by_lua set_by_lua_block set_by_lua_file auth_request_set auth_jwt_claim_set geoip_city geoip_country")

// define returns the variable of that name ("$x"), made anew unless the same kind of directive has made it.
func (r *reader) define(name, kind string, pos topology.Pos) *variable {
	name, ok := strings.CutPrefix(name, "$")
	if !ok || name == "" {
		return nil
	}
	v := r.vars[name]
	if v == nil || v.kind != kind || kind != "set" {
		v = &variable{name: name, kind: kind, pos: pos}
		r.vars[name] = v
	}
	return v
}

// table reads a map, geo or split_clients block: what is looked up and what that gives.
func (r *reader) table(d *directive) {
	source, name := "$remote_addr", d.arg(0) // geo's short form
	if len(d.args) > 1 {
		source, name = d.args[0], d.args[1]
	} else if d.name != "geo" {
		r.fail(d.pos, "%s needs what is looked up and the variable that it defines", d.name)
		return
	}
	v := r.define(name, d.name, d.pos)
	if v == nil {
		r.fail(d.pos, "%s needs a variable that it defines", d.name)
		return
	}
	v.source = source
	for _, e := range d.block {
		switch {
		case e.name == "hostnames" && len(e.args) == 0:
			v.hosts = true
		case len(e.args) == 0: // volatile, ranges, proxy_recursive …
		case len(e.args) > 1:
			r.fail(e.pos, "a line of %s has one value", d.name)
		case d.name == "map" && e.name == "default" || d.name == "geo" && e.name == "default" || d.name == "split_clients" && e.name == "*":
			v.def = e.args[0]
		default:
			v.pairs = append(v.pairs, pair{e.name, e.args[0]})
		}
	}
}

// reference finds "$name" and "${name}".
var reference = regexp.MustCompile(`\$(?:\{([A-Za-z0-9_]+)\}|([A-Za-z0-9_]+))`)

// names returns the variables that a text refers to.
func names(text string) []string {
	var out []string
	for _, m := range reference.FindAllStringSubmatch(text, -1) {
		out = append(out, m[1]+m[2])
	}
	return out
}

// maxValues bounds how many values of a text are followed.
const maxValues = 64

// values returns the texts that a text can come to, as far as the configuration says: variables that
// it defines are replaced by their possible values, others stay as they are.
func (r *reader) values(text string) []string {
	steps := 64 * maxValues
	return r.spread(text, 0, &steps)
}

func (r *reader) spread(text string, depth int, steps *int) []string {
	loc := r.firstOwn(text)
	if *steps--; loc == nil || depth > 8 || *steps < 0 {
		return []string{text}
	}
	v := r.vars[strings.Trim(text[loc[0]:loc[1]], "${}")]
	head, tail := text[:loc[0]], text[loc[1]:]
	var out []string
	for _, value := range v.outcomes() {
		for _, full := range r.spread(head+value+tail, depth+1, steps) {
			if len(out) < maxValues && !slices.Contains(out, full) {
				out = append(out, full)
			}
		}
	}
	return out
}

// firstOwn finds the first reference to a variable whose values the configuration lists.
func (r *reader) firstOwn(text string) []int {
	for _, loc := range reference.FindAllStringIndex(text, -1) {
		v := r.vars[strings.Trim(text[loc[0]:loc[1]], "${}")]
		if v != nil && len(v.outcomes()) > 0 {
			return loc
		}
	}
	return nil
}

// outcomes are the values that the variable can have, the default last.
func (v *variable) outcomes() []string {
	var out []string
	for _, p := range v.pairs {
		if !slices.Contains(out, p.value) && len(out) < maxValues {
			out = append(out, p.value)
		}
	}
	if (v.kind == "map" || v.kind == "geo" || v.kind == "split_clients") && !slices.Contains(out, v.def) {
		out = append(out, v.def)
	}
	return out
}

// origins returns nginx's own variables that a text comes from in the end, and those whose origin only a
// program knows.
func (r *reader) origins(text string) []string {
	var out []string
	seen := map[string]bool{}
	var visit func(string)
	visit = func(text string) {
		for _, n := range names(text) {
			if seen[n] {
				continue
			}
			seen[n] = true
			v := r.vars[n]
			if v == nil || v.source == "" && len(v.pairs) == 0 {
				out = append(out, n)
				continue
			}
			visit(v.source)
			for _, value := range v.outcomes() {
				visit(value)
			}
		}
	}
	visit(text)
	return out
}

// defined returns the definitions that a text needs, for the router, each as words: the name, the kind,
// what is looked up, the default, whether names are masks, and then key and value in turn.
func (r *reader) defined(texts ...string) []topology.Setting {
	var out []topology.Setting
	seen := map[string]bool{}
	var visit func(string)
	visit = func(text string) {
		for _, n := range names(text) {
			v := r.vars[n]
			if v == nil || seen[n] {
				continue
			}
			seen[n] = true
			s := topology.Setting{Args: []string{v.name, v.kind, v.source, v.def, map[bool]string{true: "hostnames"}[v.hosts]}, Pos: v.pos}
			for _, p := range v.pairs {
				s.Args = append(s.Args, p.key, p.value)
				visit(p.value)
			}
			out = append(out, s)
			visit(v.source)
			visit(v.def)
		}
	}
	for _, t := range texts {
		visit(t)
	}
	return out
}
