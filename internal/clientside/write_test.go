package clientside_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"limpet.dev/internal/clientside"
	"limpet.dev/internal/need"
	"limpet.dev/lb/nginx"
	"limpet.dev/topology"
)

func nginxConfig(t *testing.T, text string) *topology.Config {
	t.Helper()
	cfg, err := nginx.Product.Config(fstest.MapFS{"nginx.conf": {Data: []byte(text)}}, []string{"nginx.conf"}, func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

const rewriting = `events {}
http {
  upstream app { server 127.0.0.1:9001; server 127.0.0.1:9002; }
  server {
    listen 80;
    location /shop/ {
      proxy_pass http://app/;
      proxy_cookie_path / /shp/;
      proxy_cookie_domain app.internal shop.example;
      proxy_cookie_flags ~ nosecure samesite=none;
    }
  }
}
`

// TestIssuedAgainstDelivered shows nginx's cookie-rewrite directives with their lines, forwards from what the
// application issued and backwards from what the client got. Proves S36.
func TestIssuedAgainstDelivered(t *testing.T) {
	cfg := nginxConfig(t, rewriting)
	issued := har(entry{url: "https://shop.example/shop/login", answer: []string{"Set-Cookie: sid=1; Path=/; Domain=app.internal; Secure; SameSite=Lax"}})
	r := examine(clientside.Options{Configs: []*topology.Config{cfg}, Issued: true}, issued)
	got := ""
	for _, x := range r.Rewrites {
		got += fmt.Sprintf("%s %s\n", x.Source, x.Delivered)
	}
	want := `nginx.conf:8 Set-Cookie: sid=…; Domain=app.internal; Secure; SameSite=Lax; Path=/shp/
nginx.conf:9 Set-Cookie: sid=…; Secure; SameSite=Lax; Path=/shp/; Domain=shop.example
nginx.conf:10 Set-Cookie: sid=…; Path=/shp/; Domain=shop.example; SameSite=none
`
	if got != want {
		t.Errorf("rewrites\n%swant\n%s", got, want)
	}
	if f := find(t, r, "secure-cookie-proto-unknown"); !strings.Contains(strings.Join(f.Evidence, ""), "as delivered") {
		t.Errorf("%+v", f)
	}

	delivered := har(entry{url: "https://shop.example/shop/login", answer: []string{"Set-Cookie: sid=1; Path=/shp/"}},
		entry{at: 1, url: "https://shop.example/shop/cart"})
	r = examine(clientside.Options{Configs: []*topology.Config{cfg}}, delivered)
	if len(r.Rewrites) == 0 || r.Rewrites[0].Source != "nginx.conf:8" || r.Rewrites[0].Issued != "Set-Cookie: sid=…; Path=/" {
		t.Errorf("backwards: %+v", r.Rewrites)
	}
	if f := find(t, r, "cookie-path-rewrite"); f.Severity != clientside.Error {
		t.Errorf("%+v", f)
	}
}

func TestCachedCookiesByConfiguration(t *testing.T) {
	cfg := nginxConfig(t, "events {}\nhttp {\n proxy_cache_path /c keys_zone=z:1m;\n server {\n  location / {\n   proxy_pass http://127.0.0.1:1;\n   proxy_cache z;\n   proxy_ignore_headers Set-Cookie Cache-Control;\n  }\n }\n}\n")
	r := examine(clientside.Options{Configs: []*topology.Config{cfg}}, har(entry{url: login, answer: []string{"Set-Cookie: sid=1"}}))
	if f := find(t, r, "setcookie-cached-leak"); !strings.Contains(strings.Join(f.Evidence, ""), "nginx.conf:8") {
		t.Errorf("%+v", f)
	}
}

// hostile plants a canary wherever a capture can hold one.
func hostile() []string {
	const c = "Kanarie4711Zq8h2Lw"
	return []string{
		har(entry{method: "POST", url: "https://shop.example/login/" + c + ";jsessionid=" + c + "?t=" + c,
			request: []string{"Cookie: sid=" + c + "1; sid=" + c + "2; " + c, "Referer: https://u:" + c + "@idp.example/" + c + "?x=" + c, "X-Request-ID: " + c, "Sec-Fetch-Site: cross-site"}, status: 302,
			answer: []string{"Set-Cookie: sid=" + c + "; Path=/" + c + "; " + c + "; x=" + c + "; Domain=" + c + ".example; Expires=" + c, "Location: /x?y=" + c, "Server: " + c}, body: c},
			entry{at: 5, url: "http://shop.example/" + c, request: []string{"Cookie: other=" + c}, answer: []string{"Set-Cookie: BIGipServerx=" + c, "Set-Cookie: SERVERID=" + c, "Set-Cookie: a=" + c + ", b=" + c, "X-Cache: HIT " + c}}),
		"GET /a/" + c + "?q=" + c + " Referer: https://x.example/" + c + " (no " + "sid) (Set at " + c + ")\nCookie: sid=" + c + "; sid=" + c + "x\n",
		`{"log":{"creator":{"name":"x"},"entries":[{"request":{"method":"GET","url":"https://a.test/` + c + `","headers":[{"name":"Cookie","value":"sid=` + c + `"}]}},{"request":{"url":"` + c,
	}
}

// TestNoValueLeavesAReport in any form.
func TestNoValueLeavesAReport(t *testing.T) {
	r := examine(clientside.Options{}, hostile()...)
	if len(r.Findings) < 3 {
		t.Fatalf("%d findings only", len(r.Findings))
	}
	for _, format := range clientside.Formats() {
		var out strings.Builder
		if err := clientside.Write(&out, format, r); err != nil {
			t.Fatal(err)
		}
		for _, line := range strings.Split(out.String(), "\n") {
			if strings.Contains(strings.ToLower(line), "kanarie") {
				t.Errorf("%s shows a value: %s", format, line)
			}
		}
	}
}

// TestJSONKeepsItsSchema.
func TestJSONKeepsItsSchema(t *testing.T) {
	root, err := need.Root()
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	s, err := c.Compile(filepath.Join(root, "docs", "limpet.cookies.v1.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	for name, r := range map[string]*clientside.Report{
		"hostile": examine(clientside.Options{}, hostile()...), "nothing": examine(clientside.Options{}, ""),
		"rewritten": examine(clientside.Options{Configs: []*topology.Config{nginxConfig(t, rewriting)}, Issued: true}, har(entry{url: "https://shop.example/shop/", answer: []string{"Set-Cookie: sid=1; Path=/"}})),
	} {
		var out strings.Builder
		if err := clientside.Write(&out, "json", r); err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(strings.NewReader(out.String()))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Validate(doc); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		var again clientside.Report
		if err := json.Unmarshal([]byte(out.String()), &again); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(filepath.Join(root, "internal", "clientside", "gen")); err != nil {
		t.Error(err)
	}
}

// TestAffinityValuesAreDecoded as the vectors of F5, NetScaler and Envoy have them.
func TestAffinityValuesAreDecoded(t *testing.T) {
	for _, tt := range []struct{ name, value, product, says string }{
		{"BIGipServerpool", "1677787402.36895.0000", "F5 BIG-IP", "server pool, an address in 10.1.1.0/24, port 8080"},
		{"BIGipServerpool", "2064452106.47873.0000", "F5 BIG-IP", "server pool, an address in 10.10.13.0/24, port 443"},
		{"BIGipServerpool", "rd5o00000000000000000000ffffc0000201o80", "F5 BIG-IP", "server pool, an address in 192.0.2.0/24, port 80"},
		{"BIGipServerpool", "vi20010112000000000000000000000030.20480", "F5 BIG-IP", "server pool, an address in 2001:112::/48, port 80"},
		{"BIGipServerpool", "!abcdefBASE64==", "F5 BIG-IP", "server pool"},
		{"NSC_xfc", "ffffffff09081e1645525d5f4f58455e445a4a4229a0", "Citrix NetScaler", "server web, an address in 10.0.0.0/24, port 8080"},
		{"any", "Cg0xMC4wLjAuNzo4MDgwEPvd2wE=", "Envoy", "an address in 10.0.0.0/24, port 8080"},
		{"any", "MTAuMC4wLjc6ODA4MA==", "Envoy", "an address in 10.0.0.0/24, port 8080"},
		{"any", "bm90IGFuIGFkZHJlc3M=", "", ""},
		{"SERVERID", "web3|Zx|Zy", "HAProxy", "server web3"},
		{"ROUTEID", ".node1", "Apache mod_proxy_balancer", "server node1"},
		{"_76eb3", "df5bd2f9c0180410", "Traefik", ""},
		{"AWSALB", "x", "AWS Application Load Balancer", ""},
		{"route", "not-a-hash", "", ""},
	} {
		r := examine(clientside.Options{}, "Set-Cookie: "+tt.name+"="+tt.value+"; Path=/\n")
		if v := r.Cookies[0]; v.Product != tt.product || v.Says != tt.says {
			t.Errorf("%s=%s: %q names %q, want %q names %q", tt.name, tt.value, v.Product, v.Says, tt.product, tt.says)
		}
	}
}
