// Package caddy knows Caddy 2 as a load balancer (reverse_proxy): what its Caddyfile (lex.go, caddyfile.go, sites.go) or its
// JSON (json.go) means (proxy.go, affinity.go, health.go), which upstream it would choose (route.go, policy.go), what its logs
// say (log*.go, object.go) and the log fields that lose nothing (logline.go, writer.go). The rules come from the source of Caddy 2.6 to
// 2.11 (modules/caddyhttp/reverseproxy) and are tested on recordings of the real program.
package caddy

import "limpet.dev/lb"

// Product is Caddy.
var Product = &lb.Product{
	Name:        "caddy",
	SniffConfig: sniffConfig,
	Config:      readConfig,
	Router:      newRouter,
	Plan:        plan,
	SniffLog:    sniffLog,
	Parser:      newParser,
	LogLine:     logLine,
	FormatLine:  newWriter,
}
