package intent

import (
	"encoding/json"
	"strconv"
	"strings"
)

// Notes are comments for Marshal: the key is a path such as "sessions[0]" or
// "tiers[0].logs", the text is what stands behind it ("seen in edge.cfg:12").
type Notes map[string]string

// Marshal writes an intent as the file that Parse reads, every declared field on its line,
// with notes as comments. A store's URL is written as it is, with its password.
func Marshal(in *Intent, notes Notes) []byte {
	w := &writer{notes: notes}
	w.top("service", in.Service)
	w.topList("include", in.Include)
	w.blocks("sessions", len(in.Sessions), func(i int, path string) { w.session(in.Sessions[i], path) })
	w.blocks("tiers", len(in.Tiers), func(i int, path string) { w.tier(in.Tiers[i], path) })
	w.blocks("instances", len(in.Instances), func(i int, path string) {
		w.entry(path, "name", plain(in.Instances[i].Name))
		w.entry(path, "address", plain(in.Instances[i].Address))
	})
	w.topList("events", in.Events)
	w.topList("changes", in.Changes)
	return []byte(w.String())
}

type writer struct {
	strings.Builder
	notes Notes
	begun bool // the list entry's dash is written
}

func (w *writer) line(text, path string) {
	w.WriteString(text)
	if note := w.notes[path]; note != "" {
		w.WriteString("  # " + oneLine(note))
	}
	w.WriteByte('\n')
}

func (w *writer) top(key, text string) {
	if text != "" {
		w.line(key+": "+plain(text), key)
	}
}

func (w *writer) topList(key string, texts []string) {
	if len(texts) > 0 {
		w.line(key+": "+flow(texts), key)
	}
}

// blocks writes a list of mappings.
func (w *writer) blocks(key string, n int, entry func(i int, path string)) {
	if n == 0 {
		return
	}
	w.line(key+":", key)
	for i := range n {
		w.begun = false
		path := key + "[" + strconv.Itoa(i) + "]"
		entry(i, path)
		if !w.begun {
			w.line("  - {}", path)
		}
	}
}

// entry writes one key of the current list entry; empty text is left out.
func (w *writer) entry(path, key, text string) {
	if text == "" {
		return
	}
	lead := "    "
	if !w.begun {
		lead, w.begun = "  - ", true
	}
	w.line(lead+key+": "+text, path+"."+key)
}

func (w *writer) session(s Session, path string) {
	w.entry(path, "name", plain(s.Name))
	w.entry(path, "carrier", pairs("cookie", plain(s.Carrier.Cookie), "header", plain(s.Carrier.Header),
		"query", plain(s.Carrier.Query), "path parameter", plain(s.Carrier.PathParameter)))
	w.entry(path, "storage", plain(s.Storage))
	w.entry(path, "store", pairs("url", plain(s.Store.URL.Raw()), "prefix", plain(s.Store.Prefix)))
	var idle, absolute string
	if s.Lifetime.Idle > 0 {
		idle = formatDuration(s.Lifetime.Idle)
	}
	if s.Lifetime.Absolute > 0 {
		absolute = formatDuration(s.Lifetime.Absolute)
	}
	w.entry(path, "lifetime", pairs("idle", idle, "absolute", absolute))
	r := s.Routes
	w.entry(path, "routes", pairs("login", routes(r.Login), "logout", routes(r.Logout),
		"cart", routes(r.Cart), "checkout", routes(r.Checkout)))
	w.entry(path, "critical", flow(s.Critical))
}

func (w *writer) tier(t Tier, path string) {
	w.entry(path, "name", plain(t.Name))
	w.entry(path, "product", plain(t.Product))
	w.entry(path, "config", oneOrFlow(t.Config))
	w.entry(path, "pool", plain(t.Pool))
	w.entry(path, "logs", flow(t.Logs))
	w.entry(path, "format", plain(t.Format))
	if len(t.Nodes) == 0 {
		return
	}
	nodes := make([]string, len(t.Nodes))
	for i, n := range t.Nodes {
		nodes[i] = pairs("name", plain(n.Name), "config", oneOrFlow(n.Config), "logs", flow(n.Logs))
	}
	w.entry(path, "nodes", "["+strings.Join(nodes, ", ")+"]")
}

func routes(patterns []RoutePattern) string {
	texts := make([]string, len(patterns))
	for i, p := range patterns {
		texts[i] = p.String()
	}
	return oneOrFlow(texts)
}

func oneOrFlow(texts []string) string {
	if len(texts) == 1 {
		return plain(texts[0])
	}
	return flow(texts)
}

func flow(texts []string) string {
	if len(texts) == 0 {
		return ""
	}
	quoted := make([]string, len(texts))
	for i, t := range texts {
		quoted[i] = plain(t)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// pairs writes {key: text, …}, without the keys whose text is empty.
func pairs(keysAndTexts ...string) string {
	var parts []string
	for i := 0; i < len(keysAndTexts); i += 2 {
		if keysAndTexts[i+1] != "" {
			parts = append(parts, keysAndTexts[i]+": "+keysAndTexts[i+1])
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

const plainBytes = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./"

// plain writes a text so that YAML reads it back: as it is if only letters, digits and
// harmless signs are in it and it begins with a letter or a slash, else in double quotes.
func plain(text string) string {
	if text == "" {
		return ""
	}
	c := text[0]
	begins := c == '/' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
	if begins && strings.Trim(text, plainBytes+"* ") == "" && strings.TrimSpace(text) == text && !reserved[strings.ToLower(text)] && !strings.Contains(text, "  ") {
		return text
	}
	quoted, err := json.Marshal(text) // a JSON string is a YAML string
	if err != nil {
		return `""`
	}
	return string(quoted)
}

var reserved = map[string]bool{"null": true, "true": true, "false": true, "yes": true, "no": true, "on": true, "off": true, "y": true, "n": true}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
