package nginx

import (
	"testing"

	"limpet.dev/lb"
	"limpet.dev/session"
)

// Lines of about 300 bytes, as nginx writes them.
const (
	benchFormat = `$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" $msec $request_time $upstream_addr $upstream_status $upstream_response_time $cookie_SHOPSESSION`
	benchLine   = `10.37.112.201 - - [24/Nov/2026:10:00:00 +0000] "GET /catalogue/shoes/running/item-4711?colour=blue&size=42 HTTP/1.1" 200 4312 "-" "-" 1795514400.123 0.013 127.0.0.1:9003 200 0.012 5f0c3d1be7a94a2f8d6e0b7c91a2f3d4e5b6c7d8`

	ownLine = `1795475715.711 rt=0.012 ci=127.0.0.1 cp=39120 id=0af7651916cd43dd8448eb211c80319c m=GET st=200 b=1543 up="127.0.0.1:9001" ust="200" uct="0.000" uht="0.012" urt="0.012" cs=- pool=be_app sess="0123456789abcdef0123456789abcdef" set_sess="-" clr="-" aff="89abcdef0123456789abcdef01234567" set_aff="-" s=http srv="shop.test" h="shop.test" p="/cart" ref="shop.test" org="" loc="" tp="-" ua="Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 Safari/537.36"`

	jsonLine = `{"t":1795475715.711,"rt":0.012,"ci":"10.0.0.1","m":"GET","uri":"/cart","st":200,"b":1543,"up":"127.0.0.1:9001","ust":"200","urt":"0.012","sess":"5f0c3d1be7a94a2f8d6e0b7c91a2f3d4e5b6c7d8","ua":"curl/8","set":""}`
)

var benchCases = map[string]struct {
	opt  lb.LogOptions
	line string
}{
	"combined":            {lb.LogOptions{}, benchLine[:126] + `" 200 4312 "-" "curl/7.88.1"`},
	"combined, upstreams": {lb.LogOptions{Format: benchFormat, SessionCookie: "SHOPSESSION"}, benchLine},
	"with configuration":  {lb.LogOptions{Format: benchFormat, SessionCookie: "SHOPSESSION", Config: writerConfig("combined")}, benchLine},
	"own line":            {lb.LogOptions{Format: ownLogFormat}, ownLine},
	"json":                {lb.LogOptions{Format: roundTripFormats["json"], SessionCookie: "SID"}, jsonLine},
}

func BenchmarkParser(b *testing.B) {
	for name, c := range benchCases {
		b.Run(name, func(b *testing.B) {
			p := mustParser(b, c.opt)
			line := []byte(c.line)
			var e session.Event
			b.SetBytes(int64(len(line)))
			b.ReportAllocs()
			for b.Loop() {
				if s := p.Parse(line, &e); s != lb.Read {
					b.Fatal(s)
				}
			}
		})
	}
}

// TestParserAllocatesNothing: no healthy line costs an allocation, read quickly or slowly.
func TestParserAllocatesNothing(t *testing.T) {
	for name, c := range benchCases {
		p := mustParser(t, c.opt)
		line := []byte(c.line)
		var e session.Event
		if skip := p.Parse(line, &e); skip != lb.Read {
			t.Fatalf("%s: %s", name, skip)
		}
		if n := testing.AllocsPerRun(200, func() { p.Parse(line, &e) }); n != 0 {
			t.Errorf("%s: %.1f allocations a line, want 0", name, n)
		}
		if n := testing.AllocsPerRun(200, func() { p.slow(line, &e) }); n != 0 {
			t.Errorf("%s, slowly: %.1f allocations a line, want 0", name, n)
		}
	}
}
