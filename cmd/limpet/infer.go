package main

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"

	"limpet.dev/intent"
	"limpet.dev/internal/ingest"
	"limpet.dev/lb"
	"limpet.dev/session"
	"limpet.dev/topology"
)

// An inference is a limpet.yaml in the making: what it says, and where each part comes from.
type inference struct {
	dir    string
	intent intent.Intent
	notes  intent.Notes
	open   []string // what could not be inferred, for the file's head
	routes map[session.Class][]intent.RoutePattern
	cookie string
	seenIn string // where the cookie's name stands
}

// infer draws up a limpet.yaml from the files of a folder.
func infer(dir string, files []ingest.Surveyed) *inference {
	in := &inference{dir: dir, notes: intent.Notes{}, routes: map[session.Class][]intent.RoutePattern{}}
	tiers := map[*lb.Product]int{}
	for _, f := range files {
		if f.Kind == "config" {
			in.config(f, tiers)
		}
	}
	storage, storageFrom := "", ""
	for _, f := range files {
		switch f.Kind {
		case "log":
			in.log(f, tiers)
		case "changes":
			in.intent.Changes = append(in.intent.Changes, f.Name)
		case "events":
			in.intent.Events = append(in.intent.Events, f.Name)
			if s := in.events(f); s != "" && storage == "" {
				storage, storageFrom = s, f.Name
			}
		}
	}
	in.session(storage, storageFrom)
	return in
}

// config makes a tier of a configuration; its largest HTTP pool is taken for the service's.
func (in *inference) config(f ingest.Surveyed, tiers map[*lb.Product]int) {
	i, ok := tiers[f.Product]
	if !ok {
		in.intent.Tiers = append(in.intent.Tiers, intent.Tier{Name: f.Product.Name, Product: f.Product.Name})
		i = len(in.intent.Tiers) - 1
		tiers[f.Product] = i
	}
	tier := &in.intent.Tiers[i]
	tier.Config = append(tier.Config, f.Name)
	cfg, err := f.Product.Config(os.DirFS(in.dir), []string{f.Name}, os.LookupEnv)
	if cfg == nil {
		in.open = append(in.open, fmt.Sprintf("%s could not be read: %v", f.Name, err))
		return
	}
	if p := largest(cfg.Pools); p != nil && tier.Pool == "" {
		tier.Pool = p.Name
		in.notes[fmt.Sprintf("tiers[%d].pool", i)] = "the largest pool, " + p.Pos.String()
		for _, member := range p.Instances {
			in.intent.Instances = append(in.intent.Instances, intent.Instance{Name: member.Name, Address: member.Address})
			in.notes[fmt.Sprintf("instances[%d].name", len(in.intent.Instances)-1)] = member.Pos.String()
		}
	}
	in.sessionCookie(cfg)
}

func largest(pools []topology.Pool) *topology.Pool {
	var best *topology.Pool
	for i := range pools {
		if p := &pools[i]; p.HTTP && len(p.Instances) > 0 && (best == nil || len(p.Instances) > len(best.Instances)) {
			best = p
		}
	}
	return best
}

// sessionCookie finds the application's cookie: one that the log captures, or one that the
// balancer rewrites, prefixes or hashes.
func (in *inference) sessionCookie(cfg *topology.Config) {
	for _, l := range cfg.Listeners {
		for _, c := range l.Capture {
			words := strings.Fields(c)
			if len(words) >= 2 && words[0] == "cookie" && in.cookie == "" {
				in.cookie, in.seenIn = strings.TrimSuffix(words[1], "="), "captured in the log, "+l.Pos.String()
			}
		}
	}
	for _, p := range cfg.Pools {
		for _, a := range p.Affinity {
			switch a.Method {
			case topology.MethodRewrite, topology.MethodPrefix, topology.MethodAppCookie, topology.MethodTable:
				if a.Cookie != "" && in.cookie == "" {
					in.cookie, in.seenIn = a.Cookie, "used for affinity, "+a.Pos.String()
				}
			}
		}
	}
}

// log adds a log to its product's tier, and takes routes from its first lines.
func (in *inference) log(f ingest.Surveyed, tiers map[*lb.Product]int) {
	i, ok := tiers[f.Product]
	if !ok {
		in.intent.Tiers = append(in.intent.Tiers, intent.Tier{Name: f.Product.Name, Product: f.Product.Name})
		i = len(in.intent.Tiers) - 1
		tiers[f.Product] = i
	}
	in.intent.Tiers[i].Logs = append(in.intent.Tiers[i].Logs, f.Name)
	if f.Product.Parser == nil {
		return
	}
	var cfg *topology.Config
	if files := in.intent.Tiers[i].Config; len(files) > 0 {
		cfg, _ = f.Product.Config(os.DirFS(in.dir), files, os.LookupEnv)
	}
	parser, err := f.Product.Parser(lb.LogOptions{Config: cfg, SessionCookie: in.cookie, Sample: f.Head})
	if err != nil {
		return
	}
	var e session.Event
	for line := range bytes.Lines(f.Head) {
		if parser.Parse(bytes.TrimRight(line, "\r\n"), &e) == lb.Read && e.Kind == session.Request && e.Status < 400 {
			in.route(string(e.Method), session.RouteOf(e.Target))
		}
	}
}

// route notes a request whose path has a usual name. Signing in and out is done by POST; cart
// and checkout are named by their first path, with all below.
func (in *inference) route(method, path string) {
	class := session.UsualClass(methodOf(method), path)
	p := intent.RoutePattern{Path: path}
	switch class {
	case session.LoginRoute, session.LogoutRoute:
		if method != "POST" {
			return
		}
		p.Method = method
	case session.CartRoute, session.CheckoutRoute:
		p.Path = base(path) + "*"
	default:
		return
	}
	if !slices.Contains(in.routes[class], p) && len(in.routes[class]) < 4 {
		in.routes[class] = append(in.routes[class], p)
	}
}

func methodOf(method string) session.Method {
	if method == "POST" {
		return session.POST
	}
	return session.GET
}

// base cuts a path behind the segment that names it: /shop/cart/items -> /shop/cart.
func base(path string) string {
	parts := strings.Split(path, "/")
	for i := range parts {
		if head := strings.Join(parts[:i+1], "/"); session.UsualClass(session.GET, head) == session.UsualClass(session.GET, path) {
			return head
		}
	}
	return path
}

// events returns where an application's events say that state lives.
func (in *inference) events(f ingest.Surveyed) string {
	var p session.EventParser
	var e session.Event
	for line := range bytes.Lines(f.Head) {
		if p.Parse(bytes.TrimSpace(line), &e) == "" && slices.Contains(intent.Storages, string(e.Store)) {
			return string(e.Store)
		}
	}
	return ""
}

// session draws up the one session that everything above speaks of.
func (in *inference) session(storage, storageFrom string) {
	s := intent.Session{Name: "web", Carrier: intent.Carrier{Cookie: in.cookie}, Storage: storage}
	s.Routes = intent.Routes{
		Login: in.routes[session.LoginRoute], Logout: in.routes[session.LogoutRoute],
		Cart: in.routes[session.CartRoute], Checkout: in.routes[session.CheckoutRoute],
	}
	if in.cookie != "" {
		in.notes["sessions[0].carrier"] = in.seenIn
	} else {
		in.open = append(in.open, "carrier: which cookie (or header) carries the session? carrier: {cookie: NAME}")
	}
	if storage != "" {
		in.notes["sessions[0].storage"] = "seen in " + storageFrom
	} else {
		in.open = append(in.open, "storage: where does the state live? storage: "+strings.Join(intent.Storages, " | "))
	}
	if len(in.routes) > 0 {
		in.notes["sessions[0].routes"] = "by their usual names, seen in the log"
	} else {
		in.open = append(in.open, "routes: routes: {login: POST /login, logout: POST /logout, cart: /cart*}")
	}
	in.open = append(in.open, "lifetime: how long may a session rest, and live? lifetime: {idle: 30m, absolute: 8h}")
	in.intent.Sessions = []intent.Session{s}
}

// text is the file; it has been read back, so it is one.
func (in *inference) text() ([]byte, error) {
	var b bytes.Buffer
	b.WriteString("# Written by limpet init from what lies in this folder. Read it and put right what is wrong:\n" +
		"# limpet diagnose believes it unless the evidence says otherwise.\n")
	if len(in.open) > 0 {
		b.WriteString("#\n# Not inferred; add under sessions what you know:\n")
		for _, line := range in.open {
			fmt.Fprintf(&b, "#   %s\n", strings.Join(strings.Fields(line), " "))
		}
	}
	b.Write(intent.Marshal(&in.intent, in.notes))
	if _, err := intent.Parse(intent.FileName, b.Bytes()); err != nil {
		return nil, fmt.Errorf("draw up limpet.yaml: %w", err)
	}
	return b.Bytes(), nil
}
