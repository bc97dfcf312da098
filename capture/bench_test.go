package capture_test

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"limpet.dev/capture"
)

// A pouring reader makes a HAR of about size bytes as it is read: entries as browsers write them, a third of them with
// a body full of quotes, a third with a base64 body, a third with plain text.
type pouring struct {
	size, made int
	n          int
	rest       []byte
}

func (p *pouring) Read(b []byte) (int, error) {
	for len(p.rest) == 0 {
		switch {
		case p.made == 0:
			p.rest = []byte(`{"log":{"version":"1.2","creator":{"name":"WebInspector","version":"537.36"},"entries":[`)
		case p.made < 0:
			return 0, io.EOF
		case p.made >= p.size:
			p.rest = []byte(`]}}`)
			p.made = -1 << 60
		default:
			p.rest = p.entry()
		}
		p.made += len(p.rest)
	}
	n := copy(b, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

func (p *pouring) entry() []byte {
	var b bytes.Buffer
	if p.n > 0 {
		b.WriteByte(',')
	}
	fmt.Fprintf(&b, `{"_initiator":{"type":"script","stack":{"callFrames":[{"functionName":"f","url":"https://shop.example/app.js","lineNumber":1}]}},"startedDateTime":"2026-01-02T10:%02d:%02d.123Z","time":12.5,"request":{"method":"GET","url":"https://shop.example/item/%d?q=1","httpVersion":"h2","headers":[`, p.n/60%60, p.n%60, p.n)
	for i := range 14 {
		fmt.Fprintf(&b, `{"name":"x-header-%d","value":"some value of usual length %d"},`, i, i)
	}
	fmt.Fprintf(&b, `{"name":"cookie","value":"sid=%032d; theme=dark"}],"cookies":[{"name":"sid","value":"%032d"}]},"response":{"status":200,"headers":[{"name":"set-cookie","value":"seen=%d; Path=/"}],"content":{"size":1,"text":"`, p.n, p.n, p.n)
	switch p.n % 3 {
	case 0:
		b.WriteString(strings.Repeat(`{\"id\":12345,\"name\":\"a thing\",\"price\":\"9.99\"},\n`, 400))
	case 1:
		b.WriteString(strings.Repeat("aGVsbG8gd29ybGQgaGVsbG8gd29ybGQg", 1500))
	default:
		b.WriteString(strings.Repeat("<p>Some text of a page as pages have it, without quotes.</p>", 500))
	}
	b.WriteString(`"}},"timings":{"send":0.1,"wait":10,"receive":2}}`)
	p.n++
	return b.Bytes()
}

func BenchmarkHAR100MB(b *testing.B) {
	har, err := io.ReadAll(&pouring{size: 100e6})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(har)))
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		if _, err := capture.Read(bytes.NewReader(har), func(*capture.Exchange) error { n++; return nil }); err != nil || n == 0 {
			b.Fatal(n, err)
		}
	}
}

// TestAGiantHARNeedsLittleMemory reads 300 MB, one string of them 200 MB long, and looks at the heap while it does.
func TestAGiantHARNeedsLittleMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: -short was asked for, and this reads 300 MB")
	}
	giant := io.MultiReader(strings.NewReader(`{"log":{"entries":[{"request":{"method":"GET","url":"https://a.test/","headers":[]},"response":{"status":200,"content":{"text":"`),
		io.LimitReader(letters{}, 200e6), strings.NewReader(`"}}}],"_more":`), &pouring{size: 100e6}, strings.NewReader(`}}`))
	var before, m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	peak, n := uint64(0), 0
	watch := func() {
		runtime.ReadMemStats(&m)
		peak = max(peak, m.HeapAlloc-min(before.HeapAlloc, m.HeapAlloc))
	}
	about, err := capture.Read(giant, func(*capture.Exchange) error { n++; watch(); return nil })
	watch()
	if err != nil || about.Exchanges != 1 {
		t.Fatal(about, err)
	}
	if peak > 16<<20 {
		t.Errorf("%d bytes on the heap, want less than 16 MiB", peak)
	}
}

type letters struct{}

func (letters) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = 'a'
	}
	return len(b), nil
}
