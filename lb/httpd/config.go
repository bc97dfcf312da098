package httpd

import (
	"cmp"
	"errors"
	"io/fs"
	"net/url"
	"strings"
	"time"

	"limpet.dev/lb"
	"limpet.dev/topology"
)

// readConfig reads the main files in order. Pools are balancers, named as in balancer://NAME, and the single
// servers that ProxyPass names directly; instances are named by their route where each member has its own, else by host:port.
func readConfig(fsys fs.FS, files []string, env lb.Env) (*topology.Config, error) {
	r := &reader{fsys: fsys, env: env, defined: map[string]string{}, macros: map[string]*macro{}}
	var all []*directive
	for _, f := range files {
		all = append(all, r.file(f, 0)...)
	}
	b := &builder{reader: r, balancers: map[string]*balancer{}, formats: map[string]topology.Log{}, templates: map[string]map[string]topology.Setting{}, cfg: &topology.Config{Product: "httpd"}}
	b.declare(all)
	b.server(all, "main server", topology.Pos{}, nil)
	b.pools()
	b.cfg.Files = r.files
	return b.cfg, errors.Join(r.errs...)
}

// A builder makes the topology of the directives.
type builder struct {
	*reader
	cfg       *topology.Config
	balancers map[string]*balancer
	order     []string // of balancers, as they were first named
	formats   map[string]topology.Log
	listens   []string

	routeCookies []routeCookie
	templates    map[string]map[string]topology.Setting
	proxyTimeout time.Duration
}

// declare finds what may stand before or after its use: balancers with their members, log formats, ports.
func (b *builder) declare(ds []*directive) {
	for _, d := range ds {
		switch d.name {
		case "listen":
			b.listens = append(b.listens, d.arg(0))
		case "logformat":
			if len(d.args) > 1 {
				b.formats[strings.ToLower(d.args[1])] = topology.Log{Format: d.args[0], BuiltIn: d.args[1], Pos: d.pos}
			}
		case "proxy":
			b.proxySection(d)
			continue
		case "balancermember":
			if len(d.args) > 1 && isBalancer(d.args[0]) {
				b.balancer(d.args[0], d.pos).member(b, d.args[1:], d.pos)
			}
		case "proxyset":
			if isBalancer(d.arg(0)) {
				b.balancer(d.args[0], d.pos).set(b, d.args[1:], d.pos)
			}
		case "proxyhctemplate":
			b.template(d)
		case "proxytimeout":
			b.proxyTimeout = span(d.arg(0), defaultTimeout)
		}
		if d.section {
			b.declare(d.inside)
		}
	}
}

// proxySection reads <Proxy balancer://NAME>.
func (b *builder) proxySection(d *directive) {
	if !isBalancer(d.arg(0)) {
		return
	}
	bal := b.balancer(d.args[0], d.pos)
	for _, in := range d.inside {
		switch in.name {
		case "balancermember":
			args := in.args
			if len(args) > 1 && isBalancer(args[0]) {
				args = args[1:]
			}
			bal.member(b, args, in.pos)
		case "proxyset":
			args := in.args
			if len(args) > 0 && !strings.Contains(args[0], "=") { // names what it sets
				if !isBalancer(args[0]) {
					continue
				}
				args = args[1:]
			}
			bal.set(b, args, in.pos)
		default:
			b.known(in)
		}
	}
}

// server reads what one server (the main one, or a virtual host) does with requests. outer holds what it inherits.
func (b *builder) server(ds []*directive, name string, pos topology.Pos, outer *topology.Listener) {
	l := topology.Listener{Name: name, Pos: pos, HTTP: true}
	if outer != nil {
		l.Logs, l.Routes = outer.Logs, nil
	}
	s := &server{builder: b, l: &l}
	s.walk(ds, "")
	s.onto(&l)
	if len(s.logs) > 0 {
		l.Logs = s.logs
	}
	if s.name != "" {
		l.Name = s.name
	}
	if pos.File == "" {
		l.Binds = b.listens
	}
	if len(l.Routes) > 0 || len(l.Logs) > 0 || pos.File != "" {
		if l.Pos.File == "" {
			l.Pos = s.first
		}
		b.cfg.Listeners = append(b.cfg.Listeners, l)
	}
	for _, v := range s.hosts {
		before := len(b.cfg.Listeners)
		b.server(v.inside, strings.Join(v.args, " "), v.pos, &l)
		if v := &b.cfg.Listeners[before]; len(v.Routes) == 0 {
			v.Routes = l.Routes // ProxyPass of the main server holds in virtual hosts too
		}
		b.cfg.Listeners[before].Binds = v.args
	}
}

// A server is one being read.
type server struct {
	*builder
	l     *topology.Listener
	name  string
	logs  []topology.Log
	hosts []*directive
	first topology.Pos
	edits
}

// walk goes through directives in their order; where is the section they stand in, as a condition.
func (s *server) walk(ds []*directive, where string) {
	for _, d := range ds {
		if s.first.File == "" {
			s.first = d.pos
		}
		switch d.name {
		case "virtualhost":
			s.hosts = append(s.hosts, d)
		case "proxy":
		case "servername":
			s.name, _, _ = strings.Cut(strings.TrimPrefix(strings.TrimPrefix(d.arg(0), "https://"), "http://"), ":")
		case "sslengine":
			s.l.TLS = strings.EqualFold(d.arg(0), "on")
		case "customlog", "transferlog", "globallog":
			s.log(d)
		case "proxypass", "proxypassmatch":
			s.proxyPass(d, where)
		case "rewriterule":
			s.rewrite(d, where)
		case "sethandler":
			if target, ok := strings.CutPrefix(d.arg(0), "proxy:"); ok {
				s.route(target, cmp.Or(where, "SetHandler"), d.pos, nil)
			}
		case "header":
			s.header(d)
		default:
			if s.edit(d) {
				continue
			}
			s.known(d)
			if d.section {
				s.walk(d.inside, strings.TrimSpace(where+" "+sectionText(d)))
			}
		}
	}
}

// sectionText is a section as a condition for people. An <If> may compare with credentials: only its name is shown.
func sectionText(d *directive) string {
	switch d.name {
	case "location", "locationmatch", "directory", "directorymatch", "files", "filesmatch", "proxymatch":
		return "<" + d.name + " " + strings.Join(d.args, " ") + ">"
	}
	return "<" + d.name + ">"
}

// log reads CustomLog FILE FORMAT|NICKNAME and TransferLog FILE.
func (s *server) log(d *directive) {
	format := d.arg(1)
	if format == "" || d.name == "transferlog" {
		format = "common"
	}
	log, ok := s.formats[strings.ToLower(format)]
	switch {
	case ok:
	case strings.Contains(format, "%"):
		log = topology.Log{Format: format}
	default:
		log = topology.Log{Format: builtInFormats[strings.ToLower(format)], BuiltIn: format}
	}
	log.Pos = d.pos
	if log.Format != "" {
		s.logs = append(s.logs, log)
	}
}

// builtInFormats: "common" is known without a LogFormat (mod_log_config.c); "combined" stands in every distribution's files.
var builtInFormats = map[string]string{
	"common":   `%h %l %u %t "%r" %>s %b`,
	"combined": `%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i"`,
}

// proxyPass reads ProxyPass [PATH] TARGET [key=value …]; within <Location> the path is the section's.
func (s *server) proxyPass(d *directive, where string) {
	args, when := d.args, where
	if len(args) > 0 && !isTarget(args[0]) {
		when = strings.TrimSpace(where + " " + d.name + " " + args[0])
		args = args[1:]
	}
	if len(args) == 0 {
		s.fault(d.pos, "%s without a target", d.name)
		return
	}
	s.route(args[0], when, d.pos, args[1:])
}

// isTarget reports whether a word is where to send requests: a URL, or ! for nowhere.
func isTarget(word string) bool { return word == "!" || strings.Contains(word, "://") }

// rewrite finds RewriteRule … [P], which proxies.
func (s *server) rewrite(d *directive, where string) {
	for _, flag := range strings.Split(strings.Trim(d.arg(2), "[]"), ",") {
		if f := strings.TrimSpace(flag); strings.EqualFold(f, "P") || strings.EqualFold(f, "proxy") {
			s.route(d.arg(1), strings.TrimSpace(where+" RewriteRule "+d.arg(0)), d.pos, nil)
			return
		}
	}
}

// route sends requests to a balancer, or to one server.
func (s *server) route(target, when string, pos topology.Pos, params []string) {
	switch {
	case target == "!":
		s.l.Routes = append(s.l.Routes, topology.Route{When: when + " (not proxied)", Pos: pos})
	case isBalancer(target):
		b := s.balancer(target, pos)
		b.set(s.builder, params, pos)
		s.l.Routes = append(s.l.Routes, topology.Route{Pool: b.name, When: when, Pos: pos})
	case strings.Contains(target, "://"):
		if host, _, ok := address(target); ok {
			s.single(host, target, params, pos)
			s.l.Routes = append(s.l.Routes, topology.Route{Pool: host, When: when, Pos: pos})
		}
	}
}

// single makes a pool of the one server that ProxyPass names directly.
func (s *server) single(host, target string, params []string, pos topology.Pos) {
	key := "balancer://" + host
	if _, ok := s.balancers[key]; ok {
		return
	}
	b := s.balancer(key, pos)
	b.member(s.builder, append([]string{target}, params...), pos)
}

// known keeps what was not understood and looks as if it mattered for affinity.
func (b *builder) known(d *directive) {
	if d.section || quiet[d.name] || !strings.Contains(d.name, "sticky") && !strings.HasPrefix(d.name, "balancer") && !strings.HasPrefix(d.name, "jk") {
		return
	}
	b.cfg.Unknown = append(b.cfg.Unknown, topology.Unknown{Pos: d.pos, Text: harmless(d), Affinity: true})
}

// quiet are directives that look as if they decided where clients go, and do not.
var quiet = wordSet("balancerpersist balancerinherit balancergrowth jklogfile jkloglevel jklogstampformat jkshmfile jkshmsize jkrequestlogformat jkwatchdoginterval")

// harmless shows a directive's name only: which of its words is a secret cannot be known.
func harmless(d *directive) string {
	name := d.name
	if !keywordLike(name) {
		name = "a directive"
	}
	if len(d.args) > 0 {
		name += " [removed]"
	}
	return name
}

// keywordLike reports whether a word is made of letters, as keywords are and generated secrets are not.
func keywordLike(w string) bool {
	return len(w) <= 40 && strings.Trim(strings.ToLower(w), "abcdefghijklmnopqrstuvwxyz_-") == ""
}

func isBalancer(target string) bool {
	return len(target) > 11 && strings.EqualFold(target[:11], "balancer://")
}

// balancerName is what balancer:// names, without a path.
func balancerName(target string) string {
	name, _, _ := strings.Cut(target[11:], "/")
	return strings.ToLower(name)
}

// address returns a worker URL's host:port, with the scheme's port where none stands (proxy_util.c,
// ap_proxy_port_of_scheme), and the scheme.
func address(target string) (hostPort, scheme string, ok bool) {
	if path, found := strings.CutPrefix(target, "unix:"); found {
		sock, _, _ := strings.Cut(path, "|")
		return "unix:" + sock, "unix", sock != ""
	}
	if i := strings.IndexByte(target, '$'); i > 0 { // a variable behind the host
		target = target[:i]
	}
	u, err := url.Parse(target)
	if err != nil || u.Host == "" {
		return "", "", false
	}
	scheme = strings.ToLower(u.Scheme)
	port := u.Port()
	if port == "" {
		port = schemePorts[scheme]
	}
	if u.Hostname() == "" {
		return "", "", false
	}
	if port == "" {
		return u.Hostname(), scheme, true
	}
	host := u.Hostname()
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return host + ":" + port, scheme, true
}

var schemePorts = map[string]string{"http": "80", "h2c": "80", "ws": "80", "https": "443", "h2": "443", "wss": "443", "ajp": "8009", "fcgi": "8000", "scgi": "4000", "ftp": "21"}
