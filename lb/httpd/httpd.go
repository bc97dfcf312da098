// Package httpd knows Apache httpd 2.4 as a load balancer (mod_proxy, mod_proxy_balancer, mod_proxy_hcheck): what its
// configuration means (lex.go, read.go, config.go, balancer.go, affinity.go, health.go), which member it would choose
// (route.go, sticky.go), what its access and error logs say (format.go, match.go, log.go, fill.go, notice.go), and the log line
// that loses nothing (logline.go, writer.go). The rules come from the manual and from the source of httpd 2.4.62
// (modules/proxy/mod_proxy_balancer.c, proxy_util.c, balancers/mod_lbmethod_byrequests.c) and are tested on
// recordings of the real program.
package httpd

import "limpet.dev/lb"

// Product is Apache httpd.
var Product = &lb.Product{
	Name:        "httpd",
	SniffConfig: sniffConfig,
	Config:      readConfig,
	Router:      newRouter,
	Plan:        plan,
	SniffLog:    sniffLog,
	Parser:      newParser,
	LogLine:     logLine,
	FormatLine:  newWriter,
}
