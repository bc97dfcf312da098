package main

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"time"
)

// A workload is what the generated log is like.
type workload struct {
	Lines    int
	Sessions int
	Servers  int
	Moved    float64 // share of sessions' requests that another server answers than the one before
	Seed     uint64
	Turnover bool // sessions end and new ones begin all the time, so that few are active at once
}

var paths = []string{
	"/", "/cart", "/checkout/address", "/account/orders",
	"/catalogue/outdoor/tents/alpine-expedition-three-person-four-season/%d?colour=forest-green&ref=newsletter-november-2026",
	"/catalogue/kitchen/knives/forged-santoku-with-walnut-handle-and-sheath/%d?sort=price&page=2&campaign=autumn-clearance",
	"/catalogue/books/travel/the-long-way-round-the-northern-islands/%d/reviews?page=2&order=newest&lang=en-GB&per_page=50",
	"/search?q=waterproof+walking+boots+size+%d&category=shoes&in_stock=true&min_rating=4&sort=relevance&page=1&per_page=48",
	"/api/v1/stock/warehouses/central/articles/%d?fields=quantity,next_delivery,reserved&currency=EUR&tenant=shop-example-com",
	"/static/build/2026-11-20/assets/application-8f3b6c2d9e41-production.min.js?version=%d&integrity=sha384-checked-by-edge",
}

// generate writes the log: default httplog lines of a TLS front end with the session cookie captured, behind RFC 3164
// headers. The same workload gives the same bytes.
func generate(w io.Writer, wl workload) error {
	rng := rand.New(rand.NewPCG(wl.Seed, 77))
	out := bufio.NewWriterSize(w, 1<<20)
	start := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	home := make([]uint8, wl.Sessions)
	for i := range home {
		home[i] = uint8(rng.IntN(wl.Servers))
	}
	step := time.Hour * 2 / time.Duration(4_000_000)
	if wl.Turnover {
		step = time.Millisecond * 20
	}
	line := make([]byte, 0, 512)
	for i := range wl.Lines {
		at := start.Add(time.Duration(i) * step)
		n := rng.IntN(wl.Sessions)
		id := uint64(n)
		if wl.Turnover { // a window of active sessions that slides over an endless supply
			id = uint64(i/40) + uint64(n%2000)
			n = int(id % uint64(wl.Sessions))
		}
		if rng.Float64() < wl.Moved {
			home[n] = uint8((int(home[n]) + 1 + rng.IntN(wl.Servers-1)) % wl.Servers)
		}
		took := 2 + rng.IntN(60)
		req := at.Add(-time.Duration(took) * time.Millisecond)
		line = at.AppendFormat(line[:0], "Jan _2 15:04:05")
		line = append(line, " lb1 haproxy[2211]: 10."...)
		line = strconv.AppendInt(line, int64(id>>16&255), 10)
		line = append(line, '.')
		line = strconv.AppendInt(line, int64(id>>8&255), 10)
		line = append(line, '.')
		line = strconv.AppendInt(line, int64(id&255), 10)
		line = append(line, ':')
		line = strconv.AppendInt(line, int64(20000+rng.IntN(40000)), 10)
		line = req.AppendFormat(append(line, " ["...), "02/Jan/2006:15:04:05.000")
		line = append(line, "] fe_https~ be_app/app"...)
		line = strconv.AppendInt(line, int64(home[n])+1, 10)
		line = append(line, " 0/0/1/"...)
		line = strconv.AppendInt(line, int64(took-1), 10)
		line = append(line, '/')
		line = strconv.AppendInt(line, int64(took), 10)
		line = append(line, " 200 "...)
		line = strconv.AppendInt(line, int64(900+rng.IntN(40000)), 10)
		line = append(line, " SHOPSESSION="...)
		h := id*0x9e3779b97f4a7c15 + wl.Seed
		line = appendHex(line, h)
		line = appendHex(line, h^0x5851f42d4c957f2d*(h|1))
		line = append(line, " - --VN "...)
		conns := 80 + rng.IntN(40)
		line = strconv.AppendInt(line, int64(conns), 10)
		line = append(line, '/')
		line = strconv.AppendInt(line, int64(conns-2), 10)
		line = append(line, `/9/2/0 0/0 "GET `...)
		p := paths[rng.IntN(len(paths))]
		if i := indexPercent(p); i >= 0 {
			line = append(line, p[:i]...)
			line = strconv.AppendInt(line, int64(rng.IntN(5000)), 10)
			line = append(line, p[i+2:]...)
		} else {
			line = append(line, p...)
		}
		line = append(line, " HTTP/1.1\"\n"...)
		if _, err := out.Write(line); err != nil {
			return fmt.Errorf("write log: %w", err)
		}
	}
	return out.Flush()
}

func appendHex(dst []byte, v uint64) []byte {
	const digits = "0123456789abcdef"
	for s := 60; s >= 0; s -= 4 {
		dst = append(dst, digits[v>>s&15])
	}
	return dst
}

func indexPercent(s string) int {
	for i := 0; i+1 < len(s); i++ {
		if s[i] == '%' {
			return i
		}
	}
	return -1
}
