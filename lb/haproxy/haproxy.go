// Package haproxy knows HAProxy 2.6 to 3.3: what its configuration means (config*.go,
// affinity.go, health.go), what its log lines say (log*.go, format*.go), which server it
// would choose (route*.go, hash.go, table.go), the log line that loses nothing (logline.go) and how the
// lab starts it (plan.go). The rules come from HAProxy's manual and source, and are tested on
// recordings of the real program.
package haproxy

import "limpet.dev/lb"

// Product is HAProxy.
var Product = &lb.Product{
	Name:        "haproxy",
	SniffConfig: sniffConfig,
	Config:      readConfig,
	Router:      newRouter,
	Plan:        plan,
	SniffLog:    sniffLog,
	Parser:      newParser,
	LogLine:     logLine,
	FormatLine:  newWriter,
	Advice:      lb.Advice{Cookie: `"capture cookie NAME= len 64"`, Notices: `HAProxy writes them where "log" in "global" points`},
}
