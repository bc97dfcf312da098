package lab

import (
	"bytes"
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
	"time"

	"limpet.dev/lb"
	"limpet.dev/session"
	"limpet.dev/topology"
)

// An emulator is a real HTTP reverse proxy that decides, and logs, as a product would: its
// choices come from the product's Router, its log lines from the product's LineWriter, its
// health checks from the configuration.
type emulator struct {
	listen   string // address to accept on
	listener string // its name in the log
	pool     *topology.Pool
	writer   lb.LineWriter
	key      session.Key
	passID   bool          // hand the request id to the instance
	connect  time.Duration // time limit for a connection to an instance
	answer   time.Duration // time limit for the answer to a check (timeout check), 0: the check's whole
	out      *lineFile

	mu     sync.Mutex // guards router
	router lb.Router

	addresses map[string]string // instance -> address
	serial    atomic.Uint64

	// generation counts reloads: a new process takes all instances for up.
	generation atomic.Uint64
	server     *http.Server
	transport  *http.Transport
	cancel     context.CancelFunc
	wg         sync.WaitGroup
}

func (e *emulator) start(ctx context.Context) error {
	l, err := net.Listen("tcp", e.listen)
	if err != nil {
		return fmt.Errorf("accept connections: %w", err)
	}
	e.addresses = map[string]string{}
	for _, in := range e.pool.Instances {
		e.addresses[in.Name] = in.Address
	}
	dialer := &net.Dialer{Timeout: e.connect}
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
	e.out.add(e.writer.AppendStart(nil, time.Now(), e.listener))
	e.out.add(e.writer.AppendStart(nil, time.Now(), e.pool.Name))
	e.wg.Go(func() { e.server.Serve(l) })
	checks, cancel := context.WithCancel(context.WithoutCancel(ctx))
	e.cancel = cancel
	for i := range e.pool.Instances {
		if in := &e.pool.Instances[i]; in.Check != nil {
			e.wg.Go(func() { e.check(checks, in) })
		}
	}
	return nil
}

func (e *emulator) reload(context.Context) error {
	e.mu.Lock()
	e.router.Reload()
	e.mu.Unlock()
	e.generation.Add(1)
	e.out.add(e.writer.AppendStart(nil, time.Now(), e.listener))
	e.out.add(e.writer.AppendStart(nil, time.Now(), e.pool.Name))
	return nil
}

func (e *emulator) stop() {
	if e.server == nil {
		return
	}
	e.cancel()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if e.server.Shutdown(ctx) != nil {
		e.server.Close()
	}
	e.wg.Wait()
	e.transport.CloseIdleConnections()
	e.server = nil
	e.out.close()
}

// connState is what the emulator knows of a client's connection.
type connState struct {
	id      uint64
	lastEnd time.Time // end of the request before this one, zero for the first
}

type connKey struct{}

// ServeHTTP takes one request through the pool and logs it when it has ended.
func (e *emulator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	conn := r.Context().Value(connKey{}).(*connState)
	rec := e.newRecord(r, start, conn)
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return // the client went away before its request was complete
	}
	call := newCall(r, rec, conn)
	e.mu.Lock()
	decision := e.router.Route(call)
	e.mu.Unlock()
	resp, decision := e.attempt(r, body, call, decision, rec)
	if resp == nil {
		rec.Status = max(rec.Status, http.StatusServiceUnavailable)
		decision.Flow.Unserved = true
		e.fail(w, rec)
	} else {
		decision = e.deliver(w, resp, call, decision, rec)
	}
	end := time.Now()
	conn.lastEnd = end
	rec.TotalMs = int(end.Sub(start).Milliseconds())
	rec.Flow = decision.Flow
	rec.Flow.Retries = uint8(rec.Retries)
	if r.Context().Err() != nil {
		rec.Flow.Aborted = true
	}
	e.write(rec)
}

// write logs a request. Lines are as in the product's log: in the order of the end.
func (e *emulator) write(rec *lb.Record) {
	e.out.append(func(dst []byte) []byte { return e.writer.AppendRequest(dst, rec) })
}

func (e *emulator) newRecord(r *http.Request, start time.Time, conn *connState) *lb.Record {
	client, _ := netip.ParseAddrPort(r.RemoteAddr)
	rec := &lb.Record{
		Start: start, Client: client, Listener: e.listener, Pool: e.pool.Name,
		Method: r.Method, Target: r.RequestURI, Proto: r.Proto, Host: r.Host,
		UserAgent: r.UserAgent(), Referer: r.Referer(), Origin: r.Header.Get("Origin"), Scheme: "http",
		RequestID: fmt.Sprintf("%08X%04X-%08X", uint32(start.Unix()), conn.id&0xffff, e.serial.Add(1)),
		Session:   cookieValue(r, sessionCookie), Affinity: cookieValue(r, affinityCookie), Key: e.key,
	}
	if !conn.lastEnd.IsZero() {
		rec.IdleMs = int(start.Sub(conn.lastEnd).Milliseconds())
	}
	return rec
}

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
func (e *emulator) attempt(r *http.Request, body []byte, call *lb.Call, d lb.Decision, rec *lb.Record) (*http.Response, lb.Decision) {
	for n := 1; d.Instance != ""; n++ {
		sent := time.Now()
		resp, err := e.send(r, body, d, rec)
		if err == nil {
			rec.ResponseMs = int(time.Since(sent).Milliseconds())
			rec.Instance = d.Instance
			rec.InstanceAddr, _ = netip.ParseAddrPort(e.addresses[d.Instance])
			return resp, d
		}
		if op, ok := errors.AsType[*net.OpError](err); !ok || op.Op != "dial" {
			// It took the request and broke off: HAProxy's SH.
			rec.Status, rec.Instance = http.StatusBadGateway, d.Instance
			d.Flow.Code[0], d.Flow.Code[1] = 'S', 'H'
			return nil, d
		}
		e.mu.Lock()
		next, again := e.router.Failed(call, d, n)
		e.mu.Unlock()
		if !again {
			rec.Instance = next.Instance
			return nil, next
		}
		rec.Retries++
		if next.Instance == d.Instance { // HAProxy's turn-around: connect timeout, at most 1 s
			pause(r.Context(), min(e.connect, time.Second))
		}
		d = next
	}
	return nil, d
}

// send is one attempt at one instance.
func (e *emulator) send(r *http.Request, body []byte, d lb.Decision, rec *lb.Record) (*http.Response, error) {
	out, err := http.NewRequestWithContext(r.Context(), r.Method, "http://"+e.addresses[d.Instance]+r.RequestURI, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	out.Host = r.Host
	out.Header = r.Header.Clone()
	out.Header.Del("Connection")
	if e.passID {
		out.Header.Set("X-Request-ID", rec.RequestID)
	}
	if d.StripCookie != "" || d.TrimCookie != "" {
		editCookies(out.Header, d)
	}
	return e.transport.RoundTrip(out)
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
func (e *emulator) deliver(w http.ResponseWriter, resp *http.Response, call *lb.Call, d lb.Decision, rec *lb.Record) lb.Decision {
	defer resp.Body.Close()
	set := resp.Header["Set-Cookie"]
	if a, ok := e.router.(lb.Answerer); ok {
		e.mu.Lock()
		d, set = a.Answered(call, d, lb.Answer{Status: resp.StatusCode, SetCookie: set})
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

// headerBytes is the size of an answer's head, which HAProxy counts among the bytes sent.
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
	text := "<html><body><h1>503 Service Unavailable</h1>\nNo server is available to handle this request.\n</body></html>\n"
	w.Header().Set("Content-Type", "text/html")
	w.Header().Set("Cache-Control", "no-cache")
	w.WriteHeader(rec.Status)
	n, _ := io.WriteString(w, text)
	rec.Bytes = int64(n) + headerBytes(http.StatusText(rec.Status), w.Header())
}
