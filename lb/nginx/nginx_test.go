package nginx

import (
	"testing"

	"limpet.dev/lb/lbtest"
)

const promiseConfig = `worker_processes 2;
error_log error.log;
events { worker_connections 512; }
http {
  upstream app {
    zone app 64k;
    hash $cookie_SHOP consistent;
    server 127.0.0.1:9001 max_fails=2 fail_timeout=5s;
    server 127.0.0.1:9002;
  }
  server {
    listen 127.0.0.1:8080;
    server_name shop.test;
    location / {
      proxy_pass http://app;
      proxy_connect_timeout 1s;
      proxy_read_timeout 3s;
    }
  }
}
`

func TestPromises(t *testing.T) {
	lbtest.Run(t, Product, lbtest.Fixture{
		Config: promiseConfig, Pool: "app",
		Broken: "events {}\nhttp {\n  upstream app {\n    server 127.0.0.1:9001 weight=none;\n  }\n}\n", BrokenLine: 4,
		Log: `10.0.0.1 - - [02/Jan/2026:10:00:00 +0000] "GET /cart HTTP/1.1" 200 512 "-" "Mozilla/5.0"` + "\n" +
			`10.0.0.2 - - [02/Jan/2026:10:00:01 +0000] "POST /login HTTP/1.1" 302 128 "-" "curl/8.0"`,
		Foreign: "frontend web\n  bind :80\n  default_backend app\nbackend app\n  server a 127.0.0.1:9001\n",
	})
}
