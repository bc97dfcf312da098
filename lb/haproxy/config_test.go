package haproxy

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"

	"limpet.dev/topology"
)

func TestLinesAreCutIntoWords(t *testing.T) {
	env := map[string]string{"HOST": "app", "LIST": "one two", "EMPTY": ""}
	lookup := func(n string) (string, bool) { v, ok := env[n]; return v, ok }
	for _, tt := range []struct {
		line string
		want []string
	}{
		{`  server a  b # comment`, []string{"server", "a", "b"}},
		{`a\ b c\#d "e # f" 'g # h'`, []string{"a b", "c#d", "e # f", "g # h"}},
		{`log-format "%{+Q}o %t"' %s'\ %r`, []string{"log-format", "%{+Q}o %t %s %r"}},
		{`x"y"z '' ""`, []string{"xyz", "", ""}},
		{`"$HOST:${PORT-80}" '$HOST' $HOST`, []string{"app:80", "$HOST", "$HOST"}},
		{`"${LIST[*]}" "${LIST}" "${EMPTY-x}" "\$HOST"`, []string{"one", "two", "one two", "", "$HOST"}},
		{`a\x41\t\n "\"q\"" 'b\c' d\e`, []string{"aA\t\n", `"q"`, `b\c`, `d\e`}},
		{`one#two`, []string{"one"}},
		{"tail\r", []string{"tail"}},
	} {
		got, err := split(tt.line, lookup)
		if err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("split(%q) = %q, %v; want %q", tt.line, got, err, tt.want)
		}
	}
	for _, line := range []string{`a "b`, `a 'b`, `\xZZ`, `"${A"`, `"$"`, `"$1"`, `"${A+}"`, strings.Repeat("w ", 70)} {
		if got, err := split(line, lookup); err == nil {
			t.Errorf("split(%q) = %q without an error", line, got)
		}
	}
}

// TestErrorsNameTheLine: each text is wrong on the line that holds "HERE" (taken out before).
func TestErrorsNameTheLine(t *testing.T) {
	for name, text := range map[string]string{
		"outside a section":     "HERE server a b\n",
		"unmatched quote":       "backend b\n HERE balance \"source\n",
		"NUL":                   "backend b\n mode http\n HERE ser\x00ver\n",
		"long line":             "backend b\nHERE " + strings.Repeat("x", maxLine+1) + "\n",
		"no line end":           "backend b\nHERE  mode http",
		"endless condition":     "HERE .if 1\nbackend b\n",
		"endif alone":           "backend b\nHERE .endif\n",
		"strange condition":     "HERE .if nonsense(1)\n.endif\nbackend b\n",
		"mode":                  "backend b\nHERE mode htpp\n",
		"cookie modes":          "backend b\nHERE cookie A insert prefix\n",
		"cookie option":         "backend b\nHERE cookie A insert wrong\n",
		"balance":               "backend b\nHERE balance roundrobbin\n",
		"hash type":             "backend b\nHERE hash-type consistant\n",
		"time":                  "backend b\nHERE timeout server 3w\n",
		"stick without table":   "backend b\nHERE stick on src\n",
		"table type":            "backend b\nHERE stick-table type strin size 1k\n",
		"table size":            "backend b\nHERE stick-table type ip\n",
		"server address":        "backend b\nHERE server a\n",
		"server weight":         "backend b\nHERE server a 127.0.0.1:1 weight 300\n",
		"server argument":       "backend b\nHERE server a 127.0.0.1:1 inter\n",
		"template":              "backend b\nHERE server-template a 9-3 127.0.0.1:1\n",
		"huge template":         "backend b\nHERE server-template a 900000000 127.0.0.1:1\n",
		"use-server":            "backend b\nHERE use-server a if { src 1.1.1.1 }\n",
		"no such backend":       "frontend f\nHERE default_backend b\n",
		"no such defaults":      "HERE backend b from d\n",
		"stick in defaults":     "defaults\nHERE stick on src\n",
		"redispatch":            "backend b\nHERE option redispatch x\n",
		"retry-on":              "backend b\nHERE retry-on sometimes\n",
		"use_backend, the rest": "frontend f\nHERE use_backend\n",
		"alert":                 "HERE .alert stop\nbackend b\n",
	} {
		want := 1 + strings.Count(text[:strings.Index(text, "HERE")], "\n")
		cfg, err := readConfig(fstest.MapFS{"f": {Data: []byte(strings.ReplaceAll(text, "HERE ", ""))}}, []string{"f"}, nil)
		var bad *topology.SyntaxError
		if !errors.As(err, &bad) || bad.Pos != (topology.Pos{File: "f", Line: want}) || cfg == nil {
			t.Errorf("%s: error %v, want one at f:%d", name, err, want)
		}
	}
}

const wideConfig = `global
  log 127.0.0.1:514 len 4096 local0
  setenv PORT 9000
.if defined(NOWHERE)
  setenv PORT 1
.elif version_atleast(2.4) && !streq(a,b)
.else
  setenv PORT 2
.endif
defaults base
  mode http
  log global
  timeout connect 2s
  retries 5
  option redispatch 1
  default-server check inter 500 fall 2
  option httplog
defaults more from base
  no option redispatch
  balance leastconn
frontend web from base
  bind :80,:81
  bind :443 ssl crt x.pem
  capture request header Host len 128
  capture cookie SID= len 64
  declare capture response len 20
  acl api path_beg /api
  use_backend api if api !{ req.cook(canary) -m str s3cret }
  use_backend %[req.hdr(x)] unless { src 10.0.0.0/8 }
  default_backend app
backend app from more
  cookie SRV insert indirect nocache maxidle 30m maxlife 8h domain .shop.test attr SameSite=Lax
  server a "127.0.0.1:${PORT}" cookie a weight 10
  default-server inter 1s
  server b 127.0.0.1:9001 cookie b backup maxconn 20 maxqueue 5 slowstart 10s
  server c 127.0.0.1:9002 no-check disabled id 77
backend api from base
  stick-table type string len 64 size 100k expire 30m peers mates
  stick on req.cook(SID) if { path_beg /api }
  balance hash req.cook(SID)
  hash-type consistent
  server-template t 1-3 api.test:80
  use-server t2 if { hdr(x-debug) -m found }
peers mates
  peer here 10.0.0.1:1024
  peer there 10.0.0.2:1024
listen old from base
  bind 127.0.0.1:5000
  mode tcp
  balance source
  server x 127.0.0.1:9005
  frobnicate-cookie topsecretvalue
`

func TestAConfigurationBecomesATopology(t *testing.T) {
	cfg := parse(t, wideConfig)
	if len(cfg.Listeners) != 2 || len(cfg.Pools) != 3 {
		t.Fatalf("%d listeners, %d pools; want 2, 3", len(cfg.Listeners), len(cfg.Pools))
	}
	web := cfg.Listeners[0]
	check(t, "binds", web.Binds, []string{":80", ":81", ":443"})
	check(t, "TLS, HTTP", []bool{web.TLS, web.HTTP}, []bool{true, true})
	check(t, "captures", web.Capture, []string{"cookie SID= len 64", "request header Host len 128", "response slot len 20"})
	check(t, "log", []any{web.Logs[0].BuiltIn, web.Logs[0].Max, web.Logs[0].Format}, []any{"httplog", 4096, formatHTTPLog})
	check(t, "routes", fmt.Sprint(web.Routes[0].Pool, "|", web.Routes[0].When, "|", web.Routes[2].Pool, "|", web.Routes[2].When),
		"api|if api !{ req.cook(canary) -m str [removed] }|app|")

	app, _ := cfg.Pool("app")
	check(t, "retry", []any{app.Retry.Attempts, app.Retry.Redispatch}, []any{5, false})
	check(t, "balance", app.Balance.Algorithm, "leastconn")
	a, b, c := app.Instances[0], app.Instances[1], app.Instances[2]
	check(t, "a", fmt.Sprint(a.Address, " ", a.Weight, " ", a.Check.Interval, " ", a.Check.Fall), "127.0.0.1:9000 10 500ms 2")
	check(t, "b", fmt.Sprint(b.Backup, " ", b.Check.Interval, " ", b.MaxConn, " ", b.MaxQueue, " ", b.SlowStart, " ", b.ID), "true 1s 20 5 10s 2")
	check(t, "c", fmt.Sprint(c.Check, " ", c.Disabled, " ", c.ID), "<nil> true 77")
	k := app.Affinity[0]
	check(t, "cookie", fmt.Sprint(k.Method, k.Cookie, k.Idle, k.Absolute, k.Domain, k.SameSite, k.Pos.Line), "balancer cookie, insertedSRV30m0s 8h0m0s [.shop.test]Lax32")

	api, _ := cfg.Pool("api")
	var methods []topology.Method
	for _, f := range api.Affinity {
		methods = append(methods, f.Method)
	}
	check(t, "methods", methods, []topology.Method{topology.MethodRule, topology.MethodTable, topology.MethodAppCookie})
	check(t, "table", fmt.Sprintln(api.Affinity[1].TableSize, api.Affinity[1].KeyLength, api.Affinity[1].Shared, api.Affinity[1].WhenReloaded), "102400 64 true stays\n")
	check(t, "template", fmt.Sprintln(len(api.Instances), api.Instances[2].Name, api.Instances[2].Address), "3 t3 api.test:80\n")

	old, _ := cfg.Pool("old")
	check(t, "tcp", []any{old.HTTP, old.Affinity[0].Method, cfg.Listeners[1].Routes[0].Pool}, []any{false, topology.MethodSource, "old"})
	check(t, "unknown", cfg.Unknown, []topology.Unknown{{Pos: topology.Pos{File: "haproxy.cfg", Line: 52}, Text: "frobnicate-cookie [removed]", Affinity: true}})
}

func check(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// Secrets of a configuration stand in no topology and no error.
func TestSecretsAreNotRepeated(t *testing.T) {
	const text = `global
  setenv KEY CANARY0
  cluster-secret CANARY1
  frobnicate CANARY2
userlist u
  user bob insecure-password CANARY3
  grp CANARY4
defaults
  mode http
  stats auth admin:CANARY5
frontend f
  log-format "%[req.cook(a),hmac(sha256,\"$KEY\"),hex] %ST"
  use_backend b if { req.hdr(Authorization) -m str CANARY6 }
  wrong-password CANARY7
  capture request header CANARY8
backend b
  cookie S insert dynamic CANARY9
  dynamic-cookie-key CANARY10
  frobnicate-cookie lowercanary
  balance CANARY11
  use-server s if { req.cook(admin_token) CANARY12 }
  http-check expect string ok
  server s 127.0.0.1:1 check CANARY13 weight CANARY14
  stick-table type CANARY15 size 1k
CANARY16 "
`
	cfg, err := readConfig(fstest.MapFS{"f": {Data: []byte(text)}}, []string{"f"}, nil)
	out, jerr := json.Marshal(cfg)
	if jerr != nil || err == nil {
		t.Fatalf("errors %v, %v; want the second only", jerr, err)
	}
	for what, text := range map[string]string{"the topology's JSON": string(out), "the errors": err.Error()} {
		if n := strings.Index(strings.ToUpper(text), "CANARY"); n >= 0 {
			t.Errorf("%s repeats a secret behind %q", what, text[max(0, n-60):n])
		}
	}
}

func TestFoldersAreReadInNameOrder(t *testing.T) {
	fsys := fstest.MapFS{
		"conf/20-b.cfg":   {Data: []byte("backend b\n mode http\n server s 127.0.0.1:1\n")},
		"conf/10-a.cfg":   {Data: []byte("defaults\n mode http\nbackend a\n balance source\n server s 127.0.0.1:1\n")},
		"conf/.hidden":    {Data: []byte("nonsense\n")},
		"conf/readme.txt": {Data: []byte("nonsense\n")},
		"last.cfg":        {Data: []byte("frontend f\n use_backend a if { path /a }\n default_backend b\n")},
	}
	cfg, err := readConfig(fsys, []string{"conf", "last.cfg"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	check(t, "files", cfg.Files, []string{"conf/10-a.cfg", "conf/20-b.cfg", "last.cfg"})
	check(t, "place", cfg.Pools[1].Pos.String(), "conf/20-b.cfg:1")
}

func TestReadableDurations(t *testing.T) {
	cfg := parse(t, "backend b\n server s 127.0.0.1:1 check inter 1500 rise 1\n")
	out, err := json.Marshal(cfg.Pools[0].Instances[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"interval":"1.5s"`, `"remove_min":"3s"`, `"return_max":"1.5s"`, `"name":"s"`} {
		if !strings.Contains(string(out), want) {
			t.Errorf("%s misses %s", out, want)
		}
	}
}
