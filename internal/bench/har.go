package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// hars measures limpet cookies over HAR files as browsers write them, a third of their bodies JSON full of quotes, a third
// base64, a third HTML.
func hars(w io.Writer, dir, limpet string, _ workload, rounds int) error {
	fmt.Fprintln(w, "HAR files through `limpet cookies` (the whole answer, client engine included):\n\n| HAR | exchanges | wall s, median | most resident MiB |\n| --- | ---: | ---: | ---: |")
	for _, size := range []int64{100e6, 1e9} {
		name := filepath.Join(dir, "large.har")
		n, err := writeHAR(name, size)
		if err != nil {
			return err
		}
		c := &contestant{name: "har", args: []string{limpet, "cookies", "-q", name}, okay: []int{0, 1}}
		if size > 5e8 {
			rounds = min(rounds, 3)
		}
		if err := race([]*contestant{c}, rounds); err != nil {
			return err
		}
		fmt.Fprintf(w, "| %d MB | %d | %.2f | %.0f |\n", size/1e6, n, median(c.wall), slices.Max(c.rss))
		os.Remove(name)
	}
	fmt.Fprintln(w)
	return nil
}

// writeHAR writes a HAR of about size bytes and returns how many exchanges it holds.
func writeHAR(name string, size int64) (n int, err error) {
	f, err := os.Create(name)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	w := bufio.NewWriterSize(f, 1<<20)
	bodies := []string{
		strings.Repeat(`{\"id\":12345,\"name\":\"a thing\",\"price\":\"9.99\"},\n`, 400),
		strings.Repeat("aGVsbG8gd29ybGQgaGVsbG8gd29ybGQg", 1500),
		strings.Repeat("<p>Some text of a page as pages have it, without quotes.</p>", 500),
	}
	written := int64(0)
	put := func(format string, args ...any) {
		k, _ := fmt.Fprintf(w, format, args...)
		written += int64(k)
	}
	put(`{"log":{"version":"1.2","creator":{"name":"WebInspector","version":"537.36"},"entries":[`)
	for ; written < size; n++ {
		if n > 0 {
			put(",")
		}
		put(`{"startedDateTime":"2026-01-02T%02d:%02d:%02d.123Z","time":12.5,"request":{"method":"GET","url":"https://shop.example/item/%d?q=1","httpVersion":"h2","headers":[`, n/3600%24, n/60%60, n%60, n)
		for i := range 14 {
			put(`{"name":"x-header-%d","value":"some value of usual length %d"},`, i, i)
		}
		put(`{"name":"cookie","value":"sid=%032d; theme=dark"}],"cookies":[{"name":"sid","value":"%032d"}]},"response":{"status":200,"headers":[{"name":"set-cookie","value":"seen=%d; Path=/"}],"content":{"size":1,"text":"%s"}},"timings":{"send":0.1,"wait":10,"receive":2}}`,
			7, 7, n, bodies[n%3])
	}
	put(`]}}`)
	return n, w.Flush()
}
