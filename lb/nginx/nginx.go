// Package nginx knows nginx 1.22 to 1.31, open source and Plus: what its configuration means (lex.go,
// config*.go, affinity.go, health.go), what its log lines say (log*.go, format*.go, error*.go), which server
// it would choose (route*.go), the log lines it would write (writer*.go), the log line that loses nothing
// (logline*.go) and how the lab starts it (plan.go). The rules come from nginx's documentation and source,
// and are tested on recordings of the real program.
package nginx

import "limpet.dev/lb"

// Product is nginx.
var Product = &lb.Product{
	Name:        "nginx",
	SniffConfig: sniffConfig,
	Config:      readConfig,
	Router:      newRouter,
	Plan:        plan,
	SniffLog:    sniffLog,
	LogKind:     logKind,
	Parser:      newParser,
	LogLine:     logLine,
	FormatLine:  newWriter,
	Advice: lb.Advice{
		Cookie:  `$upstream_addr and a fingerprint header of the application in your log_format`,
		Notices: `nginx writes them to its error log (error_log … notice): give that too`,
	},
}
