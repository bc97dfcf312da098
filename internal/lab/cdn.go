package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A cdn stands in front of the balancer and keeps product pages for everybody, whatever cookies their answers set: the
// mistake is to ignore Set-Cookie. It reaches the balancer from its client's own address, as one that speaks the proxy
// protocol would seem to.
type cdn struct {
	addr, origin string
	keeps        time.Duration // how long a page is fresh

	mu    sync.Mutex
	pages map[string]cachedPage
	ways  sync.Map // client address -> *http.Transport

	server *http.Server
	wg     sync.WaitGroup
}

// A cachedPage is an answer as it came, cookies and all.
type cachedPage struct {
	at     time.Time
	status int
	header http.Header
	body   []byte
}

// startCDN returns when it accepts connections for the balancer at origin.
func startCDN(origin string, keeps time.Duration) (*cdn, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start cache: %w", err)
	}
	c := &cdn{addr: l.Addr().String(), origin: origin, keeps: keeps, pages: map[string]cachedPage{}}
	c.server = &http.Server{Handler: c, ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(io.Discard, "", 0)}
	c.wg.Go(func() { c.server.Serve(l) })
	return c, nil
}

// ServeHTTP answers from the cache, or takes the request to the balancer.
func (c *cdn) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	cacheable := r.Method == http.MethodGet && strings.HasPrefix(r.URL.Path, "/product/")
	if cacheable {
		c.mu.Lock()
		page, ok := c.pages[r.URL.Path]
		c.mu.Unlock()
		if age := time.Since(page.at); ok && age < c.keeps {
			w.Header().Set("Age", strconv.Itoa(int(age.Seconds())))
			page.write(w, "HIT")
			return
		}
	}
	page, err := c.fetch(r)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	if cacheable && page.status == http.StatusOK {
		c.mu.Lock()
		c.pages[r.URL.Path] = page
		c.mu.Unlock()
	}
	page.write(w, "MISS")
}

func (p *cachedPage) write(w http.ResponseWriter, cache string) {
	for name, values := range p.header {
		w.Header()[name] = values
	}
	w.Header().Set("X-Cache", cache)
	w.WriteHeader(p.status)
	w.Write(p.body)
}

func (c *cdn) fetch(r *http.Request) (cachedPage, error) {
	out, err := http.NewRequestWithContext(r.Context(), r.Method, "http://"+c.origin+r.RequestURI, r.Body)
	if err != nil {
		return cachedPage{}, err
	}
	out.Host, out.Header, out.ContentLength = r.Host, r.Header.Clone(), r.ContentLength
	resp, err := c.way(r.RemoteAddr).RoundTrip(out)
	if err != nil {
		return cachedPage{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return cachedPage{}, err
	}
	return cachedPage{time.Now(), resp.StatusCode, resp.Header, body}, nil
}

// way returns the transport that dials from a client's address.
func (c *cdn) way(remote string) *http.Transport {
	host, _, _ := net.SplitHostPort(remote)
	dialer := &net.Dialer{Timeout: 2 * time.Second, LocalAddr: &net.TCPAddr{IP: net.ParseIP(host)}}
	t, _ := c.ways.LoadOrStore(host, &http.Transport{DialContext: dialer.DialContext, DisableCompression: true, IdleConnTimeout: 5 * time.Second})
	return t.(*http.Transport)
}

func (c *cdn) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := c.server.Shutdown(ctx); errors.Is(err, context.DeadlineExceeded) {
		c.server.Close()
	}
	c.wg.Wait()
	c.ways.Range(func(_, t any) bool { t.(*http.Transport).CloseIdleConnections(); return true })
}
