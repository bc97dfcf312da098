package lab

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing/fstest"
	"time"

	"limpet.dev/lb"
	"limpet.dev/topology"
)

// An emulator is a real HTTP reverse proxy that decides, and logs, as a product would: its
// choices come from the product's Router, its log lines from the product's LineWriter, its
// health checks from the configuration, the rest from the dialect's manner.
type emulator struct {
	node   *node
	manner *manner

	mu      sync.Mutex // guards running and its routers
	running *running

	serial    atomic.Uint64
	server    *http.Server
	transport *http.Transport
	wg        sync.WaitGroup // the server, and the health checks of all configurations
}

// running is what the product holds in memory of one configuration. A reload with the same one makes the routers
// forget what they would; a reload with another one begins anew.
type running struct {
	config   string
	listener string
	pools    []*emulatedPool // the first serves what no rule sends elsewhere
	writer   lb.LineWriter

	// generation counts reloads: a new process takes all instances for up.
	generation atomic.Uint64
	cancel     context.CancelFunc // ends its health checks
}

// An emulatedPool is a pool with its routing decisions.
type emulatedPool struct {
	pool      *topology.Pool
	router    lb.Router
	addresses map[string]string // instance -> address
}

func newEmulator(n *node) (*emulator, error) {
	e := &emulator{node: n, manner: &n.st.lb.dialect.manner}
	var err error
	e.running, err = e.read(n.config)
	return e, err
}

// read makes the state that belongs to a configuration.
func (e *emulator) read(config string) (*running, error) {
	product, file := e.node.st.lb.product, e.node.st.lb.dialect.config
	env := func(string) (string, bool) { return "", false }
	cfg, err := product.Config(fstest.MapFS{file: {Data: []byte(config)}}, []string{file}, env)
	if err != nil {
		return nil, fmt.Errorf("read our own configuration: %w", err)
	}
	g := &running{config: config, listener: listenerName}
	for _, name := range e.node.tier.pools() {
		pool, ok := cfg.Pool(name)
		if !ok {
			return nil, fmt.Errorf("read our own configuration: no pool %s", name)
		}
		router, err := product.Router(cfg, name)
		if err != nil {
			return nil, fmt.Errorf("route as %s: %w", product.Name, err)
		}
		g.pools = append(g.pools, newEmulatedPool(pool, router))
	}
	writer, err := product.FormatLine(lb.LogOptions{Config: cfg, SessionCookie: sessionCookie, AffinityCookie: affinityCookie})
	if err != nil {
		return nil, fmt.Errorf("log as %s: %w", product.Name, err)
	}
	g.writer = &lockedWriter{w: writer}
	return g, nil
}

func newEmulatedPool(pool *topology.Pool, router lb.Router) *emulatedPool {
	p := &emulatedPool{pool: pool, router: router, addresses: map[string]string{}}
	for _, in := range pool.Instances {
		p.addresses[in.Name] = in.Address
	}
	return p
}

func (e *emulator) start(ctx context.Context) error {
	l, err := net.Listen("tcp", e.node.listen)
	if err != nil {
		return fmt.Errorf("accept connections: %w", err)
	}
	dialer := &net.Dialer{Timeout: e.manner.connect}
	e.transport = &http.Transport{
		DialContext: dialer.DialContext, MaxIdleConnsPerHost: 512, DisableCompression: true,
		IdleConnTimeout: 5 * time.Second,
	}
	e.server = &http.Server{
		Handler: e, ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(io.Discard, "", 0),
		ConnContext: func(ctx context.Context, _ net.Conn) context.Context {
			return context.WithValue(ctx, connKey{}, &connState{id: e.serial.Add(1)})
		},
	}
	e.wg.Go(func() { e.server.Serve(l) })
	e.begin(ctx, e.running)
	return nil
}

// begin logs the start of what a configuration declares and starts its health checks.
func (e *emulator) begin(ctx context.Context, g *running) {
	e.tellStart(g)
	checks, cancel := context.WithCancel(context.WithoutCancel(ctx))
	g.cancel = cancel
	for _, p := range g.pools {
		for i := range p.pool.Instances {
			if in := &p.pool.Instances[i]; in.Check != nil && in.Check.Kind != "passive" {
				e.wg.Go(func() { e.check(checks, g, p, in) })
			}
		}
	}
}

func (e *emulator) tellStart(g *running) {
	own := e.node.messages()
	own.add(g.writer.AppendStart(nil, time.Now(), g.listener))
	for _, p := range g.pools {
		own.add(g.writer.AppendStart(nil, time.Now(), p.pool.Name))
	}
}

func (e *emulator) reload(ctx context.Context) error {
	g := e.running // only reload changes it, and reloads follow one another
	if g.config != e.node.config {
		next, err := e.read(e.node.config)
		if err != nil {
			return err
		}
		e.mu.Lock()
		e.running = next
		e.mu.Unlock()
		g.cancel()
		e.begin(ctx, next)
		return nil
	}
	e.mu.Lock()
	for _, p := range g.pools {
		p.router.Reload()
	}
	e.mu.Unlock()
	g.generation.Add(1)
	e.tellStart(g)
	return nil
}

func (e *emulator) stop() {
	if e.server == nil {
		return
	}
	e.running.cancel()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if e.server.Shutdown(ctx) != nil {
		e.server.Close()
	}
	e.wg.Wait()
	e.transport.CloseIdleConnections()
	e.server = nil
	e.node.closeLogs()
}

// connState is what the emulator knows of a client's connection.
type connState struct {
	id      uint64
	lastEnd time.Time // end of the request before this one, zero for the first
}

type connKey struct{}

// A passage is one request on its way through the emulator.
type passage struct {
	running *running
	pool    *emulatedPool
	conn    *connState
	call    *lb.Call
	rec     *lb.Record
	body    []byte
}

// ServeHTTP takes one request through its pool and logs it when it has ended.
func (e *emulator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	p := e.enter(r, start)
	var err error
	if p.body, err = io.ReadAll(io.LimitReader(r.Body, 1<<20)); err != nil {
		return // the client went away before its request was complete
	}
	p.call = newCall(r, p.rec, p.conn)
	e.mu.Lock()
	decision := p.pool.router.Route(p.call)
	e.mu.Unlock()
	resp, decision := e.attempt(r, p, decision)
	if resp == nil {
		p.rec.Status = cmp.Or(p.rec.Status, e.manner.unserved)
		decision.Flow.Unserved = true
		e.fail(w, p.rec)
	} else {
		decision = e.deliver(w, resp, p, decision)
	}
	end := time.Now()
	p.conn.lastEnd = end
	p.rec.TotalMs = int(end.Sub(start).Milliseconds())
	p.rec.Flow = decision.Flow
	p.rec.Flow.Retries = uint8(p.rec.Retries)
	if r.Context().Err() != nil {
		p.rec.Flow.Aborted = true
	}
	// Lines are as in the product's log: in the order of the end.
	e.node.requests().append(func(dst []byte) []byte { return p.running.writer.AppendRequest(dst, p.rec) })
}

// enter chooses the pool and begins the request's record.
func (e *emulator) enter(r *http.Request, start time.Time) *passage {
	p := &passage{conn: r.Context().Value(connKey{}).(*connState)}
	e.mu.Lock()
	p.running = e.running
	e.mu.Unlock()
	p.pool = p.running.pools[0]
	if plain := e.node.tier.plainPath; plain != "" && strings.HasPrefix(r.URL.Path, plain) {
		p.pool = p.running.pools[1]
	}
	client, _ := netip.ParseAddrPort(r.RemoteAddr)
	p.rec = &lb.Record{
		Start: start, Client: client, Listener: p.running.listener, Pool: p.pool.pool.Name,
		Method: r.Method, Target: r.RequestURI, Proto: r.Proto, Host: r.Host,
		UserAgent: r.UserAgent(), Referer: r.Referer(), Origin: r.Header.Get("Origin"), Scheme: "http",
		RequestID: e.manner.requestID(start, p.conn.id, e.serial.Add(1)),
		Session:   cookieValue(r, sessionCookie), Affinity: cookieValue(r, affinityCookie), Key: e.node.st.key,
	}
	if id := r.Header.Get(requestIDHeader); id != "" && e.node.tier.behind {
		p.rec.RequestID = id
	}
	if strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https") {
		p.rec.Scheme = "https"
	}
	if !p.conn.lastEnd.IsZero() {
		p.rec.IdleMs = int(start.Sub(p.conn.lastEnd).Milliseconds())
	}
	return p
}

// requestIDHeader carries a request's id from tier to tier and to the shop.
const requestIDHeader = "X-Request-ID"

func cookieValue(r *http.Request, name string) string {
	c, err := r.Cookie(name)
	if err != nil {
		return ""
	}
	return c.Value
}

func newCall(r *http.Request, rec *lb.Record, conn *connState) *lb.Call {
	return &lb.Call{
		Client: rec.Client.Addr(), Method: r.Method, Target: r.RequestURI, Host: r.Host,
		Header: func(name string) (string, bool) {
			v := r.Header.Values(name)
			if len(v) == 0 {
				return "", false
			}
			return strings.Join(v, ", "), true
		},
		Cookie: func(name string) []string {
			var values []string
			for _, c := range r.CookiesNamed(name) {
				values = append(values, c.Value)
			}
			return values
		},
		Now: rec.Start, ConnKey: fmt.Sprint(conn.id),
	}
}

// attempt sends the request to the chosen instance, and to others as the router says. A
// nil response means that nobody answered.
func (e *emulator) attempt(r *http.Request, p *passage, d lb.Decision) (*http.Response, lb.Decision) {
	rec := p.rec
	for n := 1; d.Instance != ""; n++ {
		rec.Pool = cmp.Or(d.Pool, p.pool.pool.Name)
		sent := time.Now()
		resp, err := e.send(r, p, d)
		if err == nil {
			rec.ResponseMs = int(time.Since(sent).Milliseconds())
			rec.Instance = d.Instance
			rec.Status = 0
			rec.InstanceAddr, _ = netip.ParseAddrPort(p.pool.addresses[d.Instance])
			return resp, d
		}
		if op, ok := errors.AsType[*net.OpError](err); !ok || op.Op != "dial" {
			rec.Status, rec.Instance = brokenStatus(err), d.Instance
			if e.manner.answer == nil {
				e.manner.brokeOff(&d)
				return nil, d
			}
			p.call.Sent = true
		}
		next, again := e.failed(p, d, n, err)
		if !again {
			rec.Instance = next.Instance
			return nil, next
		}
		rec.Retries++
		rec.Tried = append(rec.Tried, p.pool.addresses[d.Instance])
		if next.Instance == d.Instance {
			pause(r.Context(), min(e.manner.connect, e.manner.turnaround))
		}
		d = next
	}
	return nil, d
}

// brokenStatus is the status of the balancer's own answer where an instance that had the request gave none.
func brokenStatus(err error) int {
	if errors.Is(err, context.DeadlineExceeded) {
		return http.StatusGatewayTimeout
	}
	return http.StatusBadGateway
}

// failed asks the router what comes after a failed attempt, and logs whom it has taken out.
func (e *emulator) failed(p *passage, d lb.Decision, attempt int, err error) (next lb.Decision, again bool) {
	detail := e.manner.refused
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		detail = e.manner.late
	case p.call.Sent:
		detail = e.manner.garbled
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	next, again = p.pool.router.Failed(p.call, d, attempt)
	if j, ok := p.pool.router.(lb.Judge); ok {
		for _, name := range j.TakenOut() {
			e.node.messages().append(func(dst []byte) []byte {
				return p.running.writer.AppendHealth(dst, time.Now(), p.pool.pool.Name, name, false, detail)
			})
		}
	}
	return next, again
}

// send is one attempt at one instance.
func (e *emulator) send(r *http.Request, p *passage, d lb.Decision) (*http.Response, error) {
	out, err := http.NewRequestWithContext(r.Context(), r.Method, "http://"+p.pool.addresses[d.Instance]+r.RequestURI, bytes.NewReader(p.body))
	if err != nil {
		return nil, err
	}
	out.Host = r.Host
	out.Header = r.Header.Clone()
	out.Header.Del("Connection")
	if e.node.st.opt.LogDetail == LogFull {
		out.Header.Set(requestIDHeader, p.rec.RequestID)
	}
	if d.StripCookie != "" || d.TrimCookie != "" {
		editCookies(out.Header, d)
	}
	if e.manner.answer == nil {
		return e.transport.RoundTrip(out)
	}
	ctx, cancel := context.WithCancelCause(r.Context())
	late := time.AfterFunc(e.manner.answer(e.node), func() { cancel(context.DeadlineExceeded) })
	resp, err := e.transport.RoundTrip(out.WithContext(ctx))
	if !late.Stop() && err != nil {
		err = context.DeadlineExceeded
	}
	if err != nil {
		cancel(nil)
		return nil, err
	}
	resp.Body = &cancelled{resp.Body, cancel}
	return resp, nil
}

// A cancelled body frees its request's context when it is closed.
type cancelled struct {
	io.ReadCloser
	cancel context.CancelCauseFunc
}

func (c *cancelled) Close() error {
	defer c.cancel(nil)
	return c.ReadCloser.Close()
}

// editCookies does to the Cookie header what the decision says.
func editCookies(h http.Header, d lb.Decision) {
	var kept []string
	for pair := range strings.SplitSeq(strings.Join(h.Values("Cookie"), "; "), ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(pair), "=")
		if name == "" || name == d.StripCookie {
			continue
		}
		if name == d.TrimCookie {
			if _, rest, ok := strings.Cut(value, string(d.TrimMark)); ok {
				value = rest
			}
		}
		kept = append(kept, name+"="+value)
	}
	h.Del("Cookie")
	if len(kept) > 0 {
		h.Set("Cookie", strings.Join(kept, "; "))
	}
}

// deliver passes the answer on, with the balancer's own cookie.
func (e *emulator) deliver(w http.ResponseWriter, resp *http.Response, p *passage, d lb.Decision) lb.Decision {
	defer resp.Body.Close()
	rec := p.rec
	set := resp.Header["Set-Cookie"]
	if a, ok := p.pool.router.(lb.Answerer); ok {
		e.mu.Lock()
		d, set = a.Answered(p.call, d, lb.Answer{Status: resp.StatusCode, SetCookie: set})
		e.mu.Unlock()
	} else if d.SetCookie != "" {
		set = append(set, d.SetCookie)
	}
	h := w.Header()
	for name, values := range resp.Header {
		h[name] = values
	}
	delete(h, "Set-Cookie")
	if len(set) > 0 {
		h["Set-Cookie"] = set
	}
	rec.SetSession, rec.SetAffinity = setValue(set, sessionCookie), setValue(set, affinityCookie)
	rec.Location = resp.Header.Get("Location")
	rec.Status = resp.StatusCode
	w.WriteHeader(resp.StatusCode)
	n, _ := io.Copy(w, resp.Body)
	rec.Bytes = n + headerBytes(resp.Status, h)
	return d
}

// setValue is the value that an answer gives to a cookie, "" for none.
func setValue(lines []string, name string) string {
	for _, line := range lines {
		if c, err := http.ParseSetCookie(line); err == nil && c.Name == name {
			return c.Value
		}
	}
	return ""
}

// headerBytes is the size of an answer's head, which balancers count among the bytes sent.
func headerBytes(status string, h http.Header) int64 {
	n := len("HTTP/1.1 ") + len(status) + 4
	for name, values := range h {
		for _, v := range values {
			n += len(name) + len(v) + 4
		}
	}
	return int64(n)
}

// fail is the balancer's own answer when no instance gave one.
func (e *emulator) fail(w http.ResponseWriter, rec *lb.Record) {
	w.Header().Set("Content-Type", "text/html")
	w.Header().Set("Cache-Control", "no-cache")
	w.WriteHeader(rec.Status)
	n, _ := io.WriteString(w, e.manner.noAnswer)
	rec.Bytes = int64(n) + headerBytes(http.StatusText(rec.Status), w.Header())
}
