package nginx

import (
	"bytes"

	"hash/maphash"
	"math/rand/v2"
	"net/netip"
	"testing"

	"limpet.dev/lb"
	"limpet.dev/session"
)

// bothWays reads data as whoever uses the parser does, and by Parse and Reduce alone, and holds the records against each
// other. It returns how many lines took the short way.
func bothWays(t *testing.T, opt lb.LogOptions, data []byte) (short int) {
	t.Helper()
	vocab, hasher := session.NewVocabulary(), session.Hasher{Seed: maphash.MakeSeed()}
	quick, slow := mustParser(t, opt), mustParser(t, opt)
	red, other := session.NewReducer(vocab, hasher, nil, nil), session.NewReducer(vocab, hasher, nil, nil)
	like := session.Record{Kind: session.Request, Cart: -1, Input: 3}
	var e session.Event
	out := make([]session.Record, 7) // few, so that it is full often
	for at := 0; at < len(data); {
		n, next := quick.ReadRecords(data, at, red, &like, out)
		short += n
		for i := range n {
			line := data[at : at+bytes.IndexByte(data[at:], '\n')]
			at += len(line) + 1
			if skip := slow.slow(line, &e); skip != lb.Read {
				t.Fatalf("read by the short way only (%s): %q", skip, line)
			}
			var want session.Record
			other.Reduce(&e, &want, data)
			want.Input, want.Line = 3, like.Line+uint32(i)+1
			if out[i] != want {
				t.Fatalf("%q:\ngot  %+v\nwant %+v", line, out[i], want)
			}
		}
		if like.Line += uint32(n); at != next {
			t.Fatalf("next line at %d, want %d", next, at)
		}
		if at >= len(data) || n == len(out) {
			continue
		}
		line := data[at : at+bytes.IndexByte(data[at:], '\n')]
		at += len(line) + 1
		like.Line++
		quick.Parse(line, &e)
		slow.slow(line, &e)
	}
	return short
}

// recordFormats are formats with a short way.
var recordFormats = map[string]string{
	"combined":  "combined",
	"main":      formatCombined + ` $host $scheme $request_id`,
	"upstreams": benchFormat,
	"headers":   `$msec $request_time $remote_addr "$request" $status $body_bytes_sent up="$upstream_addr" ust="$upstream_status" uht="$upstream_header_time" urt="$upstream_response_time" "$cookie_SHOPSESSION" "$upstream_cookie_SHOPSESSION" ua="$http_user_agent"`,
}

func randomRecord(rng *rand.Rand) *lb.Record {
	r := sampleRecord()
	r.Start = r.Start.AddDate(0, 0, rng.IntN(3))
	r.Target = []string{"/", "/cart", "/a;jsessionid=X?x=1", `/a"b`, "*", "http://x/y", "/item/4711?q#r", "/a#b"}[rng.IntN(8)]
	r.Method = []string{"GET", "GET", "POST", "PROPFIND", "get"}[rng.IntN(5)]
	r.Status = []int{200, 200, 302, 401, 499, 502, 503, 504}[rng.IntN(8)]
	r.TotalMs = 13 + rng.IntN(9000)
	r.UserAgent = []string{"", "curl/8", "Mozilla/5.0 (X11)", `odd"one`}[rng.IntN(4)]
	r.Referer = []string{"", "", "https://pay.test/x", "http://shop.test/"}[rng.IntN(4)]
	r.Session = []string{"", "abcdef0123456789", "deleted", "0", "x y"}[rng.IntN(5)]
	r.SetSession = []string{"", "", "new0123456789"}[rng.IntN(3)]
	r.Scheme = []string{"http", "https"}[rng.IntN(2)]
	r.Flow.Unserved = rng.IntN(5) == 0
	switch rng.IntN(6) {
	case 0:
		r.Instance = ""
		r.InstanceAddr = netip.AddrPort{}
	case 1:
		r.Tried = []string{"127.0.0.1:9002"}
	}
	return r
}

// TestShortWayToRecords: records read without an event in between are what Parse and Reduce make of the same lines, whole or
// damaged.
func TestShortWayToRecords(t *testing.T) {
	for name, format := range recordFormats {
		for _, cfg := range []bool{false, true} {
			rng := rand.New(rand.NewPCG(21, 22))
			opt := lb.LogOptions{Format: format, SessionCookie: "SHOPSESSION"}
			if cfg {
				opt.Config = writerConfig(format)
			}
			w, err := newWriter(opt)
			if err != nil {
				t.Fatal(err)
			}
			var data []byte
			lines := 0
			for range 3000 {
				from := len(data)
				data = w.AppendRequest(data, randomRecord(rng))
				lines++
				if line := bytes.Clone(data[from : len(data)-1]); rng.IntN(3) == 0 && len(line) > 2 { // damage a copy
					switch k := rng.IntN(len(line)); rng.IntN(3) {
					case 0:
						line[k] = " \"-\\x9"[rng.IntN(6)]
					case 1:
						line = line[:k]
					default:
						line = append(line[:k], line[k+1:]...)
					}
					data = append(append(data, line...), '\n')
					lines++
				}
			}
			n := bothWays(t, opt, data)
			t.Logf("%s, configuration %v: %d of %d lines took the short way", name, cfg, n, lines)
			if n < lines/20 {
				t.Errorf("%s: only %d of %d lines took the short way", name, n, lines)
			}
		}
	}
	usual := bytes.Repeat([]byte(benchLine+"\n"), 500)
	if n := bothWays(t, lb.LogOptions{Format: benchFormat, SessionCookie: "SHOPSESSION"}, usual); n < 498 {
		t.Errorf("%d of 500 usual lines took the short way", n)
	}
}
