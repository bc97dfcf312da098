package haproxy

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"limpet.dev/lb"
	"limpet.dev/session"
)

// benchLine is a default httplog line of about 300 bytes with a captured session cookie.
const benchLine = `Nov 24 10:00:00 lb1 haproxy[14389]: 10.37.112.201:41234 [24/Nov/2026:10:00:00.123] fe_main~ be_app/app3 0/0/1/12/13 200 4312 SHOPSESSION=5f0c3d1be7a94a2f8d6e0b7c91a2f3d4e5b6c7d8 - --VN 212/211/34/5/0 0/0 "GET /catalogue/shoes/running/item-4711?colour=blue&size=42&ref=newsletter-2026-11 HTTP/1.1"`

func mustParser(tb testing.TB, opt lb.LogOptions) *parser {
	tb.Helper()
	p, err := newParser(opt)
	if err != nil {
		tb.Fatal(err)
	}
	return p.(*parser)
}

func BenchmarkParserHTTPLog(b *testing.B) {
	p := mustParser(b, lb.LogOptions{Sample: []byte(benchLine + "\n"), SessionCookie: "SHOPSESSION"})
	line := []byte(benchLine)
	var e session.Event
	b.SetBytes(int64(len(line)))
	b.ReportAllocs()
	for b.Loop() {
		if s := p.Parse(line, &e); s != lb.Read {
			b.Fatal(s)
		}
	}
}

func BenchmarkParserHTTPLogMany(b *testing.B) {
	var lines [][]byte
	var size int64
	for i := range 4096 {
		line := strings.Replace(benchLine, "10:00:00.123", "10:00:0"+string(rune('0'+i/512))+"."+string([]byte{byte('0' + i%10), byte('0' + i/10%10), '7'}), 1)
		line = strings.Replace(line, "app3", "app"+string(rune('1'+i*7%8)), 1)
		line = strings.Replace(line, "0/0/1/12/13", "0/0/1/"+strings.Repeat("4", 1+i%3)+"/"+strings.Repeat("5", 1+i%3), 1)
		if i%3 == 0 {
			line = strings.Replace(line, "/running/item-4711", "", 1)
		}
		lines = append(lines, []byte(line))
		size += int64(len(line))
	}
	p := mustParser(b, lb.LogOptions{Sample: bytes.Join(lines[:8], []byte("\n")), SessionCookie: "SHOPSESSION"})
	var e session.Event
	b.SetBytes(size / int64(len(lines)))
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if s := p.Parse(lines[i&4095], &e); s != lb.Read {
			b.Fatal(s)
		}
		i++
	}
}

func BenchmarkParserGeneric(b *testing.B) {
	p := mustParser(b, lb.LogOptions{Sample: []byte(benchLine + "\n"), SessionCookie: "SHOPSESSION"})
	line := []byte(benchLine)
	var e session.Event
	b.SetBytes(int64(len(line)))
	b.ReportAllocs()
	for b.Loop() {
		if s := p.slow(line, &e); s != lb.Read {
			b.Fatal(s)
		}
	}
}

const ownLine = `1795475715.711 ti=2001 th=0 ci=127.0.0.1:39120 fe=fe be=be_app srv=app1 m=GET st=200 b=1543 tsc=--VN rc=0 q=0/0 tr=0 tw=0 tc=0 trs=12 ta=12 sess=0123456789ABCDEF0123456789ABCDEF set_sess=- clr=- aff=89ABCDEF0123456789ABCDEF01234567 set_aff=- id="7F000001:9D8C_7F000001:4A9F_6B056947_0002:3B93" s=http h="shop.test" p="/cart" ref="shop.test" org="" loc="" tp="" ua="Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 Safari/537.36"`

func BenchmarkParserOwnLine(b *testing.B) {
	p := mustParser(b, lb.LogOptions{Format: ownLogFormat})
	line := []byte(ownLine)
	var e session.Event
	b.SetBytes(int64(len(line)))
	b.ReportAllocs()
	for b.Loop() {
		if s := p.Parse(line, &e); s != lb.Read {
			b.Fatal(s)
		}
	}
}

// BenchmarkParserBest reports the least time per line over many short batches, which a busy machine
// disturbs less than a mean.
func BenchmarkParserBest(b *testing.B) {
	for name, c := range map[string]struct {
		opt  lb.LogOptions
		line string
	}{
		"httplog":  {lb.LogOptions{Sample: []byte(benchLine + "\n"), SessionCookie: "SHOPSESSION"}, benchLine},
		"captures": {lb.LogOptions{Sample: []byte(capturedLine + "\n")}, strings.Replace(capturedLine, "#22", "", 1)},
		"httpslog": {lb.LogOptions{Format: "httpslog", SessionCookie: "SHOPSESSION"}, benchLine + " 0/0000000000000000/0/0/0 -/TLSv1.3/TLS_AES_256_GCM_SHA384"},
		"own":      {lb.LogOptions{Format: ownLogFormat}, ownLine},
	} {
		b.Run(name, func(b *testing.B) {
			p := mustParser(b, c.opt)
			line := []byte(c.line)
			var e session.Event
			best := time.Hour
			for b.Loop() {
				start := time.Now()
				for range 500 {
					p.Parse(line, &e)
				}
				best = min(best, time.Since(start))
			}
			b.ReportMetric(float64(best.Nanoseconds())/500, "best-ns/line")
		})
	}
}
