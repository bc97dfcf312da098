package caddy

import (
	"bytes"
	"strings"

	"limpet.dev/lb"
	"limpet.dev/lb/logtext"
	"limpet.dev/session"
)

// directives are words with which a Caddyfile's lines begin, and hardly those of others.
var directives = wordSet(`reverse_proxy file_server encode handle handle_path handle_errors php_fastcgi respond redir tls route templates
	basicauth basic_auth try_files uri rewrite header import log acme_server forward_auth vars root bind push request_header request_body
	abort error map method metrics tracing admin auto_https email order servers storage grace_period debug http_port https_port
	local_certs skip_install_trust acme_ca on_demand_tls cert_issuer invoke log_append log_skip skip_log fs intercept copy_response`)

func wordSet(text string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields(text) {
		set[w] = true
	}
	return set
}

// sniffConfig reports how certain it is that head begins a Caddyfile, or Caddy's JSON.
func sniffConfig(head []byte) float64 {
	if bytes.IndexByte(head, 0) >= 0 || len(head) == 0 {
		return 0
	}
	if looksLikeJSON(head) {
		if bytes.Contains(head, []byte(`"apps"`)) && (bytes.Contains(head, []byte(`"http"`)) || bytes.Contains(head, []byte(`"tls"`)) || bytes.Contains(head, []byte(`"layer4"`))) {
			return 0.9
		}
		return 0
	}
	lines := strings.Split(string(head), "\n")
	if len(lines) > 1 {
		lines = lines[:len(lines)-1] // the last one may be cut
	}
	var own, sites, foreign, other int
	var braces, siteFirst bool // without braces a file begins with its only site
	for _, line := range lines {
		line = strings.TrimSpace(line)
		words := strings.Fields(line)
		braces = braces || strings.HasSuffix(line, "{")
		siteFirst = siteFirst || own+other+foreign == 0 && sites > 0
		switch {
		case line == "" || line[0] == '#' || line == "}":
		case strings.HasSuffix(line, ";"), strings.HasPrefix(line, "<"), strings.HasPrefix(line, "["), strings.Contains(words[0], "="), strings.HasSuffix(words[0], ":") && len(words) > 1:
			foreign++
		case line == "{" || isSite(words):
			sites++
		case len(words) > 1 && words[1] == "=":
			foreign++
		case directives[words[0]] || strings.HasPrefix(words[0], "@") || strings.HasPrefix(words[0], "("):
			own++
		default:
			other++
		}
	}
	switch {
	case foreign*2 > own+sites, own+sites == 0, other > 4*(own+sites):
		return 0
	case own > 0 && sites > 0 && (braces || siteFirst):
		return min(0.97, 0.6+0.05*float64(own+sites))
	case own > 1 && foreign == 0 && other < own:
		return 0.55
	}
	return 0.3
}

// isSite reports whether a line opens a site: an address, or several, and a brace or nothing behind.
func isSite(words []string) bool {
	if words[len(words)-1] == "{" {
		words = words[:len(words)-1]
	}
	for _, w := range words {
		w = strings.TrimSuffix(w, ",")
		if !strings.Contains(w, "://") && !strings.HasPrefix(w, ":") && !strings.HasPrefix(w, "*.") && w != "localhost" && (!strings.Contains(w, ".") || strings.ContainsAny(w, "/\"'$(")) {
			return false
		}
	}
	return len(words) > 0
}

// sniffLog reports how certain it is that head holds Caddy's JSON lines.
func sniffLog(head []byte) float64 {
	p, err := newParser(lb.LogOptions{})
	if err != nil {
		return 0
	}
	var e session.Event
	lines, own := 0, 0
	for line := range bytes.Lines(logtext.Head(head, 16<<10)) {
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		lines++
		why := p.Parse(line, &e)
		if why == lb.Read || (why == lb.SkipNotice || why == skipProbe) && bytes.Contains(line, []byte(`"logger":`)) {
			own++
		}
	}
	if lines == 0 || own*2 < lines {
		return 0
	}
	return 0.9
}
