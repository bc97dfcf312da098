// Package nginx knows nginx 1.22 to 1.31, open source and Plus: what its configuration means (lex.go,
// config*.go, affinity.go, health.go), what its log lines say (log*.go), which server it would choose
// (route*.go) and how the lab starts it (plan.go). The rules come from nginx's documentation and
// source, and are tested on recordings of the real program.
package nginx

import "limpet.dev/lb"

// Product is nginx.
var Product = &lb.Product{
	Name:        "nginx",
	SniffConfig: sniffConfig,
	Config:      readConfig,
	Router:      newRouter,
}
