package nginx

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"limpet.dev/topology"
)

// wideConfig has something of everything that is read.
const wideConfig = `user www-data; worker_processes auto;
error_log /var/log/nginx/error.log warn;
events { worker_connections 1024; }
http {
  log_format main escape=json '{"t":$msec,'
    '"u":"$upstream_addr"}';
  access_log /var/log/nginx/access.log main;
  map $cookie_srv $pool { default app; a app_a; b app_b; ~^old backend.internal:9000; }
  split_clients "${remote_addr}x" $variant { 10% canary; * app; }
  upstream app { zone app 64k; server 10.0.0.1:8080 weight=3 max_fails=2 fail_timeout=30s; server 10.0.0.2:8080; keepalive 16; }
  upstream app_a { server 10.0.0.1:8080; server 10.0.0.2:8080 backup; }
  upstream app_b { server 10.0.0.2:8080; server 10.0.0.1:8080 backup; }
  upstream canary { server 10.0.0.3; server unix:/run/c.sock down; }
  upstream chat { ip_hash; server 10.0.0.4:1; server 10.0.0.5:1; }
  proxy_cache_path /var/cache/nginx keys_zone=shared:10m;
  server {
    listen 80; listen [::]:443 ssl http2;
    server_name shop.example www.shop.example;
    proxy_set_header X-Forwarded-Proto $scheme;
    location / {
      proxy_pass http://$pool;
      add_header Set-Cookie "srv=$upstream_addr; Path=/; HttpOnly; SameSite=Lax; Max-Age=3600";
      location ~ \.php$ { fastcgi_pass unix:/run/php.sock; fastcgi_param HTTPS $https; access_log off; }
    }
    location = /ab { proxy_pass https://$variant/x; proxy_connect_timeout 2s; proxy_read_timeout 5s; }
    location ^~ /chat/ {
      access_log /var/log/nginx/chat.log combined if=$loggable;
      if ($cookie_token = "sekret-value") { return 403; }
      proxy_pass http://chat/;
      proxy_next_upstream error timeout http_502;
      proxy_next_upstream_tries 2;
      proxy_cookie_path /app /;
      proxy_cookie_domain ~\.internal$ shop.example;
      proxy_cookie_flags ~ secure samesite=lax;
    }
    location /static/ {
      proxy_pass http://10.9.9.9:81;
      proxy_cache shared; proxy_ignore_headers Cache-Control Set-Cookie; proxy_no_cache $cookie_nocache;
      proxy_cache_key $scheme$host$uri;
    }
    location /dyn/ { proxy_pass http://$http_x_target; }
    mystery_balance_by sekret-value;
  }
}
stream {
  upstream db { hash $remote_addr consistent; server 10.1.0.1:5432; server 10.1.0.2:5432; }
  server { listen 5432; proxy_pass db; }
}
`

func pool(t *testing.T, cfg *topology.Config, name string) *topology.Pool {
	t.Helper()
	p, ok := cfg.Pool(name)
	if !ok {
		t.Fatalf("no pool %q", name)
	}
	return p
}

func TestAWholeConfigurationBecomesATopology(t *testing.T) {
	cfg := parse(t, wideConfig)
	shop := cfg.Listeners[0]
	if shop.Name != "shop.example" || !shop.HTTP || !shop.TLS || strings.Join(shop.Binds, " ") != "80 [::]:443" {
		t.Errorf("listener %+v", shop)
	}
	var routes []string
	for _, r := range shop.Routes {
		routes = append(routes, fmt.Sprintf("%s <- %s (%d)", r.Pool, r.When, r.Pos.Line))
	}
	want := `app_a <- location / (21)
app_b <- location / (21)
backend.internal:9000 <- location / (21)
app <- location / (21)
unix:/run/php.sock <- location ~ \.php$ (23)
canary <- location = /ab (25)
app <- location = /ab (25)
chat <- location ^~ /chat/ (29)
10.9.9.9:81 <- location /static/ (37)
$http_x_target:80 <- location /dyn/ (41)`
	if got := strings.Join(routes, "\n"); got != want {
		t.Errorf("routes:\n%s\nwant:\n%s", got, want)
	}
	if db := cfg.Listeners[1]; db.HTTP || db.Routes[0].Pool != "db" || pool(t, cfg, "db").HTTP {
		t.Errorf("stream: %+v", db)
	}
}

func TestLogsAreInheritedReplacedAndSwitchedOff(t *testing.T) {
	logs := parse(t, wideConfig).Listeners[0].Logs
	if len(logs) != 2 {
		t.Fatalf("logs %+v", logs)
	}
	if l := logs[0]; l.Format != `escape=json {"t":$msec,"u":"$upstream_addr"}` || l.Name != "main" || l.File != "/var/log/nginx/access.log" || l.Pos.Line != 7 {
		t.Errorf("inherited log %+v", l)
	}
	if l := logs[1]; l.BuiltIn != "combined" || l.Format != formatCombined || l.When != "$loggable" || l.Pos.Line != 27 {
		t.Errorf("a location's own log %+v", l)
	}
}

func TestWhatHappensToCookiesOnTheWay(t *testing.T) {
	routes := parse(t, wideConfig).Listeners[0].Routes
	byPool := map[string]topology.Route{}
	for _, r := range routes {
		byPool[r.Pool] = r
	}
	chat := byPool["chat"]
	if got := fmt.Sprint(chat.Cookies); got != `[{path /app / nginx.conf:32} {domain ~\.internal$ shop.example nginx.conf:33} {flags ~ secure samesite=lax nginx.conf:34}]` {
		t.Errorf("cookie edits %s", got)
	}
	if len(chat.Forwarded) != 1 || chat.Forwarded[0].Name != "X-Forwarded-Proto" || chat.Forwarded[0].Value != "$scheme" {
		t.Errorf("forwarded %+v", chat.Forwarded)
	}
	c := byPool["10.9.9.9:81"].Cache
	if c == nil || c.Zone != "shared" || c.IgnoresSetCookie.Line != 38 || c.DropsSetCookie.Line != 0 || c.Key != "$scheme$host$uri" || len(c.Except) != 1 {
		t.Errorf("cache %+v", c)
	}
	if byPool["unix:/run/php.sock"].Forwarded[0].Name != "HTTPS" {
		t.Error("fastcgi_param HTTPS is not read")
	}
}

// Stickiness made of a map is an affinity of the pool that it starts from and of those that it leads to.
func TestAMapFromACookieIsAnAffinity(t *testing.T) {
	cfg := parse(t, wideConfig)
	app := pool(t, cfg, "app")
	if len(app.Affinity) != 1 {
		t.Fatalf("affinity %+v", app.Affinity)
	}
	a := app.Affinity[0]
	if a.Method != topology.MethodInsert || a.Cookie != "srv" || a.Path != "/" || !a.HTTPOnly || a.SameSite != "Lax" || a.Absolute != time.Hour || a.Pos.Line != 8 {
		t.Errorf("affinity %+v", a)
	}
	if a.WhenDown != topology.Moves || a.WhenReloaded != topology.Stays {
		t.Errorf("fates %+v", a)
	}
	if app.Instances[0].CookieValue != "a" || app.Instances[1].CookieValue != "b" {
		t.Errorf("instances %+v", app.Instances)
	}
	if w := pool(t, cfg, "app_a"); len(w.Affinity) != 1 || w.Instances[0].CookieValue != "a" {
		t.Errorf("the way's pool: %+v", w)
	}
}

func TestPassiveHealthHasTimes(t *testing.T) {
	cfg := parse(t, wideConfig)
	c := pool(t, cfg, "app").Instances[0].Check
	if c == nil || c.Kind != "passive" || c.Fall != 2 || c.Interval != 30*time.Second || c.Timeout != time.Minute || c.PerProcess ||
		c.RemoveMin != 0 || c.RemoveRefused != 30*time.Second || c.RemoveMax != 90*time.Second || c.ReturnMin != 30*time.Second || c.ReturnMax != 31*time.Second {
		t.Errorf("check %+v", c)
	}
	if c := pool(t, cfg, "canary").Instances[0].Check; c == nil || !c.PerProcess || c.Timeout != 5*time.Second {
		t.Errorf("without a zone, of a location with its own times: %+v", c)
	}
	if c := pool(t, cfg, "10.9.9.9:81").Instances[0].Check; c != nil {
		t.Errorf("a single server is never taken out: %+v", c)
	}
	r := pool(t, cfg, "chat").Retry
	if r.Attempts != 1 || !r.Redispatch || strings.Join(r.On, " ") != "error timeout http_502" || r.Pos.Line != 31 {
		t.Errorf("retry %+v", r)
	}
}

func TestActiveChecksOfPlus(t *testing.T) {
	cfg := parse(t, "http { upstream a { zone a 64k; server 1.1.1.1:1; server 1.1.1.2:1; } server { location / { proxy_pass http://a;\nhealth_check interval=2s fails=3 passes=2 uri=/health?x=1; proxy_read_timeout 1s; proxy_connect_timeout 1s; } } }\n")
	c := cfg.Pools[0].Instances[1].Check
	if c.Kind != "http" || c.Path != "/health" || c.Fall != 3 || c.Rise != 2 || c.RemoveMin != 4*time.Second || c.RemoveMax != 9*time.Second || c.ReturnMax != 4*time.Second || c.Pos.Line != 2 {
		t.Errorf("check %+v", c)
	}
}

// Each of reference/nginx.md's directives, with what becomes of a bound client.
func TestAffinities(t *testing.T) {
	for _, tt := range []struct{ upstream, want string }{
		{"ip_hash;", "client address|source address|down=moves and returns drain=moves gone=moves reload=stays scaled=moves several=stays"},
		{"hash $remote_addr;", "client address|source address|down=moves and returns drain=moves gone=moves reload=stays scaled=moves several=stays"},
		{"hash $remote_addr consistent;", "client address|source address|down=moves and returns drain=moves gone=moves reload=stays scaled=some move several=stays"},
		{"hash $cookie_SID consistent;", "hash of a cookie|cookie SID|down=moves and returns drain=moves gone=moves reload=stays scaled=some move several=stays"},
		{"hash $http_x_user consistent;", "hash of a header|header x-user|down=moves and returns drain=moves gone=moves reload=stays scaled=some move several=stays"},
		{"hash $arg_sid;", "hash of the address line|query parameter sid|down=moves and returns drain=moves gone=moves reload=stays scaled=moves several=stays"},
		{"hash $request_uri consistent;", "hash of the address line|$request_uri|down=moves and returns drain=moves gone=moves reload=stays scaled=some move several=stays"},
		{"hash $request_id consistent;", ""},
		{"least_conn;", ""},
		{"random two;", ""},
		{"", ""},
		{"hash $route consistent;", "balancer cookie, inserted|cookie route ($route)|down=moves and returns drain=moves gone=moves reload=stays scaled=some move several=stays"},
		{"sticky cookie srv_id expires=1h path=/;", "balancer cookie, inserted|cookie srv_id|down=moves drain=stays gone=moves reload=stays scaled=stays several=stays"},
		{"sticky route $cookie_rt $arg_rt;", "cookie, read only|cookie rt|down=moves and returns drain=stays gone=moves reload=stays scaled=stays several=stays"},
		{"sticky learn create=$upstream_cookie_SID lookup=$cookie_SID zone=z:1m;", "learned table|cookie SID|down=moves drain=stays gone=moves reload=stays scaled=stays several=moves"},
		{"sticky learn create=$upstream_cookie_SID lookup=$cookie_SID zone=z:1m sync;", "learned table|cookie SID|down=moves drain=stays gone=moves reload=stays scaled=stays several=stays"},
		{"least_conn; sticky cookie srv_id;", "balancer cookie, inserted|cookie srv_id|down=moves drain=stays gone=moves reload=stays scaled=stays several=stays"},
		{"sticky cookie srv_id; least_conn;", ""},
		{"sticky name=jroute expires=1h;", "balancer cookie, inserted|cookie jroute|down=moves drain=stays gone=moves reload=stays scaled=stays several=stays"},
		{"session_sticky cookie=uid mode=insert;", "balancer cookie, inserted|cookie uid|down=moves drain=stays gone=moves reload=stays scaled=stays several=stays"},
		{"jvm_route $cookie_JSESSIONID|sessionid reverse;", "cookie, read only|cookie JSESSIONID|down=moves and returns drain=stays gone=moves reload=stays scaled=stays several=stays"},
	} {
		cfg := parse(t, "http {\n map $cookie_route $route { \"\" $request_id; default $cookie_route; }\n upstream b { "+tt.upstream+" server 1.1.1.1:1; server 1.1.1.2:1; }\n"+
			" server { location / { proxy_pass http://b; add_header Set-Cookie \"route=$route; Path=/\"; } }\n}\n")
		var got []string
		for _, a := range cfg.Pools[0].Affinity {
			got = append(got, fmt.Sprintf("%s|%s|down=%s drain=%s gone=%s reload=%s scaled=%s several=%s", a.Method, a.Carrier, a.WhenDown, a.WhenDrained, a.WhenGone, a.WhenReloaded, a.WhenScaled, a.SeveralEquals))
		}
		if strings.Join(got, "; ") != tt.want {
			t.Errorf("%q:\n got %s\nwant %s", tt.upstream, strings.Join(got, "; "), tt.want)
		}
		if overridden := strings.HasPrefix(tt.upstream, "sticky cookie srv_id; "); overridden != (len(cfg.Unknown) == 1) {
			t.Errorf("%q: told as without effect: %+v", tt.upstream, cfg.Unknown)
		}
	}
}

func TestWithoutANextUpstreamAFailureIsAnError(t *testing.T) {
	cfg := parse(t, "http { upstream b { ip_hash; server 1.1.1.1:1; server 1.1.1.2:1; } server { location / { proxy_pass http://b; proxy_next_upstream off; } } }\n")
	if p := cfg.Pools[0]; p.Affinity[0].WhenDown != topology.Fails || p.Retry.Redispatch {
		t.Errorf("%+v", p)
	}
}

// What is not understood is kept, and no value that could be a secret is.
func TestNothingSecretIsShown(t *testing.T) {
	cfg := parse(t, wideConfig)
	if len(cfg.Unknown) != 1 || cfg.Unknown[0].Text != "mystery_balance_by "+removed || !cfg.Unknown[0].Affinity || cfg.Unknown[0].Pos.Line != 42 {
		t.Errorf("unknown %+v", cfg.Unknown)
	}
	cfg.Pools, cfg.Listeners[0].Settings = nil, nil
	if text := fmt.Sprintf("%+v", cfg); strings.Contains(text, "sekret") {
		t.Error("a value is shown")
	}
}

func TestIncludesAreFoundByTheirTails(t *testing.T) {
	fsys := fstest.MapFS{
		"copy/nginx.conf":           {Data: []byte("http {\n include /etc/nginx/mime.types;\n include /etc/nginx/conf.d/*.conf;\n include more/gone.conf;\n include /etc/nginx/none/*.conf;\n}\n")},
		"copy/mime.types":           {Data: []byte("types { text/html html; }\n")},
		"copy/conf.d/a.conf":        {Data: []byte("upstream a { server 1.1.1.1:1; }\ninclude snippets/s.conf;\n")},
		"copy/conf.d/b.conf":        {Data: []byte("\nserver { location / { proxy_pass http://a; } }\n")},
		"copy/snippets/s.conf":      {Data: []byte("upstream s { server 1.1.1.2:1; include ../conf.d/loop.inc; }\n")},
		"copy/conf.d/loop.inc":      {Data: []byte("include /etc/nginx/snippets/s.conf;\n")},
		"copy/conf.d/unrelated.txt": {Data: []byte("?")},
	}
	cfg, err := readConfig(fsys, []string{"copy/conf.d/b.conf", "copy/nginx.conf"}, nil)
	if err == nil || !strings.Contains(err.Error(), "copy/conf.d/loop.inc:1: the file includes itself") {
		t.Errorf("error %v", err)
	}
	if len(cfg.Listeners) != 1 || cfg.Listeners[0].Routes[0].Pool != "a" || cfg.Listeners[0].Pos != (topology.Pos{File: "copy/conf.d/b.conf", Line: 2}) {
		t.Errorf("listeners %+v", cfg.Listeners)
	}
	if len(cfg.Pools) != 2 || len(cfg.Unknown) != 1 || cfg.Unknown[0].Pos.Line != 4 {
		t.Errorf("pools %d, unknown %+v", len(cfg.Pools), cfg.Unknown)
	}
}

func TestFaultsHaveAPlace(t *testing.T) {
	for text, want := range map[string]string{
		"http {\n upstream b {\n  server;\n }\n}\n":                                   "f:3: server needs an address",
		"http {\n upstream b {\n  server a weight=0;\n }\n}\n":                        "f:3: server: invalid value of weight",
		"http {\n upstream b {\n  server a wait=0;\n }\n}\n":                          "f:3: server: invalid parameter wait",
		"http {\n upstream b {\n }\n}\n":                                              "f:2: the upstream has no servers",
		"http {\n upstream b { server a; }\n upstream b { server c; }\n}\n":           "f:3: an upstream of this name stands above already",
		"http {\n upstream b {\n  ip_hash;\n  server a;\n  server c backup;\n }\n}\n": "f:5: server: ip_hash takes no backup servers",
		"http {\n upstream b {\n  hash $a twice;\n  server a;\n }\n}\n":               `f:3: hash takes a key and "consistent"`,
		"http {\n upstream b {\n  sticky learn create=$a;\n  server a;\n }\n}\n":      "f:3: sticky learn needs create, lookup and zone",
		"http {\n server { access_log x undeclared; }\n}\n":                           "f:2: unknown log format undeclared",
		"http {\n server {\n  location / { proxy_pass backend; }\n }\n}\n":            "f:3: proxy_pass: not an address that can be used",
		"http {\n server {\n":                                                          `f:3: the file ends before the "}" of a block`,
		"http {\n}\n}\n":                                                               `f:3: unexpected "}"`,
		"http {\n server {\n  listen 80\n }\n}\n":                                      `f:4: unexpected "}": listen lacks its ";"`,
		"http {\n log_format a \"x\"y;\n}\n":                                           "f:2: something follows a closing quote without a space",
		"http {\n log_format a 'x;\n}\n":                                               "f:2: a quote is not closed",
		"http {\n content_by_lua_block { if x then y = \"}\" -- }\n end\n":             "f:2: the block is not closed",
		"http {\n map $a { }\n}\n":                                                     "f:2: map needs what is looked up and the variable that it defines",
		"http {\n server { return 200; }\n a \x00;\n}\n":                               "f:3: NUL byte in the file",
		"http {\n upstream b {\n  sticky cookie;\n  server a fail_timeout=x;\n }\n}\n": "f:3: sticky cookie needs a name",
	} {
		_, err := readConfig(fstest.MapFS{"f": {Data: []byte(text)}}, []string{"f"}, nil)
		var bad *topology.SyntaxError
		if !errors.As(err, &bad) || bad.Error() != want {
			t.Errorf("%q: %v, want %s", text, bad, want)
		}
	}
}

func TestWordsAreCutAsNginxDoes(t *testing.T) {
	for text, want := range map[string]string{
		`a b\ c "d e" 'f''g';`:              "!something follows a closing quote without a space",
		`a "b\"c" 'd\'e' f\tg h\.i;`:        "a|b\"c|d'e|f\tg|h\\.i",
		"a # no\n b#yes;":                   "a|b#yes",
		`set $x ${y}z{2};`:                  "set|$x|${y}z",
		"if ($a ~ \"^{b}\") { c d; }":       "if|($a|~|^{b}|)",
		`location ~ ^/\d{3}$ { }`:           "location|~|^/\\d",
		"lua_by_lua_block { x = '}' } y z;": "lua_by_lua_block y|z",
	} {
		l, budget, msg := lexer{text: text, line: 1}, 100, ""
		var words []string
		for _, d := range l.parse("f", 0, &budget, func(_ topology.Pos, m string) {
			if msg == "" {
				msg = "!" + m
			}
		}) {
			words = append(words, strings.Join(append([]string{d.name}, d.args...), "|"))
		}
		got := strings.Join(words, " ")
		if strings.HasPrefix(want, "!") && msg != want || !strings.HasPrefix(want, "!") && !strings.HasPrefix(got, want) {
			t.Errorf("%s:\n got %s %s\nwant %s", text, got, msg, want)
		}
	}
}

func TestTimesAndSizes(t *testing.T) {
	for text, want := range map[string]time.Duration{"10": 10 * time.Second, "500ms": 500 * time.Millisecond, "1h30m": 90 * time.Minute, "1h 30m": 90 * time.Minute,
		"1d": 24 * time.Hour, "1M": 30 * 24 * time.Hour, "": -1, "x": -1, "1x": -1, "-1": -1, "99999999999999999999": -1, "9223372036854775807s": -1} {
		d, err := parseTime(text)
		if err != nil {
			d = -1
		}
		if d != want {
			t.Errorf("%q: %v, want %v", text, d, want)
		}
	}
	for text, want := range map[string]int{"64k": 65536, "1m": 1 << 20, "7": 7, "k": -1, "": -1, "-1": -1, "+1": -1} {
		n, err := parseSize(text)
		if err != nil {
			n = -1
		}
		if n != want {
			t.Errorf("%q: %d, want %d", text, n, want)
		}
	}
}

func TestAServersIdentifierIsTheSumOfItsAddress(t *testing.T) {
	if got := addressID("127.0.0.1:18002"); got != "fd8e3f25c017998df9a0f85bc451a8cd" { // observed, reference/nginx.md 3.4
		t.Error(got)
	}
}
