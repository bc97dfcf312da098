// Package httpd knows Apache httpd 2.4 as a load balancer (mod_proxy, mod_proxy_balancer, mod_proxy_hcheck): what its
// configuration means (lex.go, read.go, config.go, balancer.go, affinity.go, health.go) and which member it would choose
// (route.go, sticky.go). The rules come from the manual and from the source of httpd 2.4.62
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
}
