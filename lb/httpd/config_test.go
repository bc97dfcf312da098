package httpd

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"limpet.dev/lb/lbtest"
	"limpet.dev/topology"
)

const shop = `ServerName shop.example
Define HEARTBEAT 5
LogFormat "%h %l %u %t \"%r\" %>s %b w=%{BALANCER_WORKER_ROUTE}e" aff
CustomLog logs/access.log aff
ProxyHCTemplate probe hcmethod=GET hcuri=/health hcinterval=${HEARTBEAT} hcfails=3 hcpasses=2
<Proxy "balancer://app">
  BalancerMember "http://127.0.0.1:9001" route=node1 loadfactor=2 hctemplate=probe
  BalancerMember "http://127.0.0.1:9002" route=node2 retry=5 \
      connectiontimeout=300ms
  BalancerMember "http://127.0.0.1:9003" route=node3 status=+H
  ProxySet stickysession=ROUTEID
</Proxy>
Header add Set-Cookie "ROUTEID=.%{BALANCER_WORKER_ROUTE}e; path=/; HttpOnly" env=BALANCER_ROUTE_CHANGED
<VirtualHost *:80>
  ServerName www.shop.example
  <IfDefine !NOWHERE>
    ProxyPass "/static" "!"
    ProxyPass "/" "balancer://app/"
  </IfDefine>
  ProxyPassReverseCookiePath /app /
  RequestHeader set X-Forwarded-Proto https
</VirtualHost>
`

func TestPromises(t *testing.T) {
	lbtest.Run(t, Product, lbtest.Fixture{
		Config: shop, Pool: "app", Broken: "ServerName x\n<VirtualHost *:80>\nProxyPass / http://127.0.0.1:1/\n", BrokenLine: 2,
		Log: `10.0.0.1 - - [13/Jan/2016:19:31:17 +0000] "GET /cart HTTP/1.1" 200 1063 "-" "Mozilla/5.0 (Macintosh)"
[Wed Nov 25 20:02:59.448815 2026] [proxy:error] [pid 1:tid 2] AH00959: ap_proxy_connect_backend disabling worker for (127.0.0.1:9002) for 2s
`,
		Foreign: "frontend fe\n    bind :80\n    default_backend be\n",
	})
}

func TestMembersAffinityAndChecks(t *testing.T) {
	cfg := read(t, shop)
	pool, ok := cfg.Pool("app")
	if !ok || len(pool.Instances) != 3 {
		t.Fatalf("pool app: %+v", cfg.Pools)
	}
	first, second, third := pool.Instances[0], pool.Instances[1], pool.Instances[2]
	if first.Name != "node1" || first.Address != "127.0.0.1:9001" || first.Weight != 2 || first.Pos.Line != 7 {
		t.Errorf("first member: %+v", first)
	}
	if !third.Backup || second.Backup {
		t.Errorf("standby: second %v, third %v", second.Backup, third.Backup)
	}
	if h := first.Check; h.Kind != "http" || h.Path != "/health" || h.RemoveMin != 10*time.Second || h.RemoveRefused != 15*time.Second || h.ReturnMin != 5*time.Second {
		t.Errorf("probe: %+v", h)
	}
	if h := second.Check; h.Kind != "passive" || h.RemoveMax != 300*time.Millisecond || h.ReturnMax != 5*time.Second {
		t.Errorf("passive check: %+v", h)
	}
	a := pool.Affinity[0]
	if a.Method != topology.MethodInsert || a.Cookie != "ROUTEID" || a.Path != "/" || !a.HTTPOnly || a.WhenDown != topology.Moves {
		t.Errorf("affinity: %+v", a)
	}
	l := cfg.Listeners[len(cfg.Listeners)-1]
	if l.Name != "www.shop.example" || len(l.Routes) != 2 || l.Routes[1].Pool != "app" || len(l.Logs) != 1 {
		t.Errorf("listener: %+v", l)
	}
	if r := l.Routes[1]; len(r.Cookies) != 1 || r.Cookies[0].From != "/app" || len(r.Forwarded) != 1 {
		t.Errorf("edits: %+v", r)
	}
}

func TestApplicationRoutesComeBackAfterAnOutage(t *testing.T) {
	text := strings.Replace(strings.ReplaceAll(shop, "Header add", "#"), "ROUTEID", "JSESSIONID|jsessionid", 1)
	pool, _ := read(t, text).Pool("app")
	if a := pool.Affinity[0]; a.Method != topology.MethodPassive || a.WhenDown != topology.MovesBack || a.Cookie != "JSESSIONID" {
		t.Errorf("affinity: %+v", a)
	}
}

func TestIncludesMacrosAndConditions(t *testing.T) {
	fsys := fstest.MapFS{
		"httpd.conf":         {Data: []byte("ServerRoot /etc/httpd\nInclude /etc/httpd/conf.d/*.conf\nIncludeOptional nothing/*.conf\n<IfVersion < 2.2>\nProxyPass /old http://127.0.0.1:1/\n</IfVersion>\n")},
		"conf.d/10-app.conf": {Data: []byte("<Macro Shop $name $port>\n<VirtualHost *:80>\nServerName $name\nProxyPass / http://127.0.0.1:$port/\n</VirtualHost>\n</Macro>\nUse Shop a.example 9001\nUse Shop b.example 9002\n")},
	}
	cfg, err := readConfig(fsys, []string{"httpd.conf"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(cfg.Files) != 2 || len(cfg.Listeners) != 2 || len(cfg.Pools) != 2 {
		t.Fatalf("files %v, listeners %d, pools %d", cfg.Files, len(cfg.Listeners), len(cfg.Pools))
	}
	if l := cfg.Listeners[1]; l.Name != "b.example" || l.Routes[0].Pool != "127.0.0.1:9002" {
		t.Errorf("second virtual host: %+v", l)
	}
}

func TestFilesThatIncludeThemselvesEnd(t *testing.T) {
	fsys := fstest.MapFS{"httpd.conf": {Data: []byte("Include httpd.conf\nInclude httpd.conf\n")}}
	if _, err := readConfig(fsys, []string{"httpd.conf"}, nil); err == nil {
		t.Error("no error")
	}
}

func TestUnknownParametersShowNoValue(t *testing.T) {
	cfg := read(t, "<Proxy balancer://a>\nBalancerMember http://127.0.0.1:1 route=a secret=hunter2 magic=hunter2\nBalancerMember http://127.0.0.1:2 stickyness=hunter2\n</Proxy>\n")
	if len(cfg.Unknown) != 2 || !cfg.Unknown[1].Affinity {
		t.Fatalf("unknown: %+v", cfg.Unknown)
	}
	for _, u := range cfg.Unknown {
		if strings.Contains(u.Text, "hunter2") {
			t.Errorf("a value is shown: %s", u.Text)
		}
	}
}
