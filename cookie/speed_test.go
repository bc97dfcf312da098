package cookie

import (
	"fmt"
	"testing"
)

var speedLines = []string{
	"SHOPSESSION=0123456789abcdef0123456789abcdef; Path=/; HttpOnly; Secure; SameSite=Lax",
	"SERVERID=s1; path=/",
	"AWSALBCORS=abcdefghijklmnopqrstuvwxyz0123456789; Expires=Mon, 30 Nov 2026 23:23:18 GMT; Path=/; SameSite=None; Secure",
	"JSESSIONID=0A1B2C3D4E5F.node1; Domain=shop.example; Path=/app; HttpOnly",
	"prefs=dark; Max-Age=31536000; Path=/; SameSite=None",
}

// BenchmarkJudge decides on one Set-Cookie line in a client without cookies.
func BenchmarkJudge(b *testing.B) {
	client, _ := ClientNamed("chrome")
	r := Typed(parse(b, "https://www.shop.example/app/login"))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		client.Judge(speedLines[i%len(speedLines)], r, noon)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds()/1e6, "Mdecisions/s")
}

// BenchmarkSet decides and keeps, in a jar that has the cookies already.
func BenchmarkSet(b *testing.B) {
	client, _ := ClientNamed("chrome")
	jar := NewJar(client)
	r := Typed(parse(b, "https://www.shop.example/app/login"))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		jar.Set(speedLines[i%len(speedLines)], r, noon)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds()/1e6, "Mdecisions/s")
}

// BenchmarkSend writes the Cookie header of a request that carries twenty cookies.
func BenchmarkSend(b *testing.B) {
	jar, r := crowded(b)
	header := make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		header = jar.AppendHeader(header[:0], r, noon)
	}
}

func crowded(t testing.TB) (*Jar, *Request) {
	client, _ := ClientNamed("chrome")
	jar := NewJar(client)
	shop := parse(t, "https://www.shop.example/app/login")
	for i := range 20 {
		jar.Set(fmt.Sprintf("cookie%d=value%d; Path=/; Secure", i, i), Typed(shop), noon)
	}
	return jar, Link(parse(t, "https://www.shop.example/"), shop)
}

func TestSendingAllocatesNothing(t *testing.T) {
	jar, r := crowded(t)
	header := make([]byte, 0, 4096)
	if n := testing.AllocsPerRun(100, func() { header = jar.AppendHeader(header[:0], r, noon) }); n != 0 {
		t.Errorf("sending twenty cookies allocates %v times, want 0", n)
	}
	if len(header) == 0 {
		t.Error("nothing is sent")
	}
}

func TestJudgingAllocatesNothing(t *testing.T) {
	client, _ := ClientNamed("chrome")
	r := Typed(parse(t, "https://www.shop.example/app/login"))
	for _, line := range speedLines {
		if n := testing.AllocsPerRun(100, func() { client.Judge(line, r, noon) }); n != 0 {
			t.Errorf("%.12s…: %v allocations, want 0", line, n)
		}
	}
}
