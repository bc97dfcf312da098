package main

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"syscall"
	"time"

	"limpet.dev/cookie"
)

// cookieEngine measures how many Set-Cookie lines the client engine decides on in a second of one
// processor, and how many Cookie headers it writes. It counts processor time, so that other
// work on the machine does not count.
func cookieEngine(w io.Writer, _, _ string, _ workload, rounds int) error {
	chrome, ok := cookie.ClientNamed("chrome")
	shop, err := cookie.ParseURL("https://www.shop.example/app/login")
	if !ok || err != nil {
		return errors.New("the client table has no row chrome")
	}
	lines := []string{
		"SHOPSESSION=0123456789abcdef0123456789abcdef; Path=/; HttpOnly; Secure; SameSite=Lax", "SERVERID=s1; path=/",
		"AWSALBCORS=abcdefghijklmnopqrstuvwxyz0123456789; Expires=Mon, 30 Nov 2026 23:23:18 GMT; Path=/; SameSite=None; Secure",
		"JSESSIONID=0A1B2C3D4E5F.node1; Domain=shop.example; Path=/app; HttpOnly", "prefs=dark; Max-Age=31536000; Path=/; SameSite=None",
	}
	now := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	r, jar := cookie.Typed(shop), cookie.NewJar(chrome)
	for i := range 20 {
		jar.Set(fmt.Sprintf("cookie%d=value%d; Path=/; Secure", i, i), r, now)
	}
	header := make([]byte, 0, 4096)
	const n = 500_000
	parts := []struct {
		what string
		do   func(i int)
	}{
		{"a Set-Cookie line judged (no cookie there yet)", func(i int) { chrome.Judge(lines[i%len(lines)], r, now) }},
		{"a Set-Cookie line judged and kept (21 cookies there)", func(i int) { jar.Set(lines[i%len(lines)], r, now) }},
		{"the Cookie header of a request (24 cookies)", func(int) { header = jar.AppendHeader(header[:0], r, now) }},
	}
	fmt.Fprintf(w, "\n| client engine, one processor | a second | spread |\n| --- | ---: | ---: |\n")
	for _, p := range parts {
		var rates []float64
		for range rounds {
			rates = append(rates, n/processorTime(func() {
				for i := range n {
					p.do(i)
				}
			}).Seconds()/1e6)
		}
		fmt.Fprintf(w, "| %s | %.2f million | %.2f to %.2f |\n", p.what, median(rates), slices.Min(rates), slices.Max(rates))
	}
	return nil
}

// processorTime returns what the calling thread used.
func processorTime(do func()) time.Duration {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before := used()
	do()
	return used() - before
}

func used() time.Duration {
	const thread = 1 // RUSAGE_THREAD
	var u syscall.Rusage
	if err := syscall.Getrusage(thread, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
