package haproxy

import (
	"testing"

	"limpet.dev/lb/lbtest"
)

const promiseConfig = `global
  maxconn 500
defaults
  mode http
  timeout connect 1s
  timeout client 10s
  timeout server 10s
frontend web
  bind 127.0.0.1:8080
  option httplog
  log 127.0.0.1:514 local0
  default_backend app
backend app
  balance roundrobin
  option redispatch
  cookie SRV insert indirect nocache
  default-server check inter 1s
  server app1 127.0.0.1:9001 cookie a
  server app2 127.0.0.1:9002 cookie b
`

func TestPromises(t *testing.T) {
	lbtest.Run(t, Product, lbtest.Fixture{
		Config: promiseConfig, Pool: "app",
		Broken: "defaults\n  mode http\nbackend app\n  cookie\n", BrokenLine: 4,
		Log: `10.0.0.1:50001 [02/Jan/2026:10:00:00.123] web app/app1 0/0/1/2/3 200 512 - - --NI 1/1/0/0/0 0/0 "GET /cart HTTP/1.1"` + "\n" +
			`10.0.0.2:50002 [02/Jan/2026:10:00:01.123] web app/app2 0/0/1/2/3 302 128 - - --VN 1/1/0/0/0 0/0 "POST /login HTTP/1.1"`,
		Foreign: "upstream app {\n  ip_hash;\n  server 127.0.0.1:9001;\n}\nserver {\n  listen 80;\n}\n",
	})
}
