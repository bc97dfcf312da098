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

// A hit is one request of the workload.
type hit struct {
	At       time.Time // its end
	Took, Ms int       // ms in all, and until the server had answered
	Client   uint64
	Port     int
	Server   int // 1 …
	Bytes    int
	Session  [2]uint64
	Conns    int
	Path     string
	Article  int // in place of the path's %d, -1 none
}

// traffic calls do for each request. The same workload gives the same requests.
func traffic(wl workload, do func(*hit) error) error {
	rng := rand.New(rand.NewPCG(wl.Seed, 77))
	start := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	home := make([]uint8, wl.Sessions)
	for i := range home {
		home[i] = uint8(rng.IntN(wl.Servers))
	}
	step := time.Hour * 2 / time.Duration(4_000_000)
	if wl.Turnover {
		step = time.Millisecond * 20
	}
	for i := range wl.Lines {
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
		session := id*0x9e3779b97f4a7c15 + wl.Seed
		h := hit{At: start.Add(time.Duration(i) * step), Took: took, Ms: took - 1, Client: id, Port: 20000 + rng.IntN(40000), Server: int(home[n]) + 1, Bytes: 900 + rng.IntN(40000),
			Session: [2]uint64{session, session ^ 0x5851f42d4c957f2d*(session|1)}, Conns: 80 + rng.IntN(40), Path: paths[rng.IntN(len(paths))], Article: -1}
		if indexPercent(h.Path) >= 0 {
			h.Article = rng.IntN(5000)
		}
		if err := do(&h); err != nil {
			return fmt.Errorf("write log: %w", err)
		}
	}
	return nil
}

// generate writes the log: default httplog lines of a TLS front end with the session cookie captured, behind RFC 3164
// headers. The same workload gives the same bytes.
func generate(w io.Writer, wl workload) error {
	out := bufio.NewWriterSize(w, 1<<20)
	line := make([]byte, 0, 512)
	err := traffic(wl, func(h *hit) error {
		line = h.haproxy(line[:0])
		_, err := out.Write(line)
		return err
	})
	if err != nil {
		return err
	}
	return out.Flush()
}

// haproxy appends the line that HAProxy logs for a hit.
func (h *hit) haproxy(line []byte) []byte {
	line = h.At.AppendFormat(line, "Jan _2 15:04:05")
	line = h.address(append(line, " lb1 haproxy[2211]: "...))
	line = append(line, ':')
	line = strconv.AppendInt(line, int64(h.Port), 10)
	line = h.At.Add(-time.Duration(h.Took)*time.Millisecond).AppendFormat(append(line, " ["...), "02/Jan/2006:15:04:05.000")
	line = append(line, "] fe_https~ be_app/app"...)
	line = strconv.AppendInt(line, int64(h.Server), 10)
	line = append(line, " 0/0/1/"...)
	line = strconv.AppendInt(line, int64(h.Ms), 10)
	line = append(line, '/')
	line = strconv.AppendInt(line, int64(h.Took), 10)
	line = append(line, " 200 "...)
	line = strconv.AppendInt(line, int64(h.Bytes), 10)
	line = h.cookie(append(line, " SHOPSESSION="...))
	line = append(line, " - --VN "...)
	line = strconv.AppendInt(line, int64(h.Conns), 10)
	line = append(line, '/')
	line = strconv.AppendInt(line, int64(h.Conns-2), 10)
	line = h.target(append(line, `/9/2/0 0/0 "GET `...))
	return append(line, " HTTP/1.1\"\n"...)
}

func (h *hit) address(line []byte) []byte {
	line = append(line, "10."...)
	line = strconv.AppendInt(line, int64(h.Client>>16&255), 10)
	line = append(line, '.')
	line = strconv.AppendInt(line, int64(h.Client>>8&255), 10)
	line = append(line, '.')
	return strconv.AppendInt(line, int64(h.Client&255), 10)
}

func (h *hit) cookie(line []byte) []byte {
	return appendHex(appendHex(line, h.Session[0]), h.Session[1])
}

func (h *hit) target(line []byte) []byte {
	i := indexPercent(h.Path)
	if i < 0 {
		return append(line, h.Path...)
	}
	line = append(line, h.Path[:i]...)
	line = strconv.AppendInt(line, int64(h.Article), 10)
	return append(line, h.Path[i+2:]...)
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
