package lbtest

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"limpet.dev/internal/need"
	"limpet.dev/lb"
)

// Corpus returns the texts of the real configurations or logs in a folder of the corpus ("configs/nginx"), by file name.
func Corpus(t testing.TB, folder string) map[string]string {
	t.Helper()
	dir := need.Corpus(t, folder)
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("nothing in %s: %v", dir, err)
	}
	out := map[string]string{}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		out[filepath.Base(f)] = string(text)
	}
	return out
}

// Recordings reads the files of testdata/vectors that match a pattern: what the real program did, by file name.
func Recordings[T any](t testing.TB, pattern string) map[string]T {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "vectors", pattern))
	if err != nil || len(files) == 0 {
		t.Fatalf("no recordings match %s: %v", pattern, err)
	}
	out := map[string]T{}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		var rec T
		if err := json.Unmarshal(text, &rec); err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		out[filepath.Base(f)] = rec
	}
	return out
}

// Call makes a Call of a method, a target, a client's address and request headers, at a fixed time.
func Call(method, target, client string, header http.Header) *lb.Call {
	host := header.Get("Host")
	if host == "" {
		host = "shop.test"
	}
	return &lb.Call{
		Method: method, Target: target, Host: host, Client: netip.MustParseAddr(client), Now: time.Unix(1_700_000_000, 0),
		Header: func(name string) (string, bool) {
			all := header.Values(name)
			return strings.Join(all, ", "), len(all) > 0
		},
		Cookie: func(name string) (out []string) {
			for _, part := range strings.Split(header.Get("Cookie"), ";") {
				if n, v, ok := strings.Cut(strings.TrimSpace(part), "="); ok && n == name {
					out = append(out, v)
				}
			}
			return out
		},
	}
}

// WaitFor waits until a condition holds, 10 s at most.
func WaitFor(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for range 400 {
		if ok() {
			return
		}
		time.Sleep(25 * time.Millisecond)
	}
	t.Fatalf("waited 10 s for %s", what)
}

// FreePort returns a free loopback port.
func FreePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// Reachable waits until a port accepts connections.
func Reachable(t testing.TB, port int) {
	t.Helper()
	WaitFor(t, fmt.Sprintf("port %d", port), func() bool {
		c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			c.Close()
		}
		return err == nil
	})
}
