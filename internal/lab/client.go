package lab

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

// shopHost is the site that clients believe to talk to.
const shopHost = "shop.example"

// A client is one visitor: an address, a browser (or an app, or a robot) with its jar,
// and what it lived through.
type client struct {
	name      string
	family    family
	agent     string
	addrs     []netip.Addr // where it may come from; more than one if it roams
	user      string
	jar       jar
	rng       *rand.Rand
	st        *stage
	transport *http.Transport
	life      biography
	entry     atomic.Int32 // the balancer that it connects to, of st.edges
	exit      atomic.Int32 // the address that it comes from, of addrs

	fixedCookie string // a robot's Cookie header, sent whatever the jar says
}

func (st *stage) newClient(i int, f family) *client {
	name := fmt.Sprintf("c%03d", i+1)
	c := &client{
		name: name, family: f, addrs: st.clientAddrs(i), user: "user" + name, st: st,
		rng: newRand(st.opt.Seed, "client/"+name),
		jar: jar{host: shopHost, family: f, secure: st.sc.https},
		life: biography{
			client: name, family: f, key: st.key, idle: st.sc.idle, absolute: st.sc.absolute,
			tally: &st.tally, registry: st.registry, byCredential: map[string]*life{},
		},
	}
	c.agent = agentOf(f, c.rng)
	c.life.agent = c.agent
	if f == st.sc.dropsCookie {
		c.jar.ignores = func(name string) bool { return name == affinityCookie }
	}
	c.chooseEntry()
	c.transport = &http.Transport{
		DialContext:           c.dial,
		MaxIdleConnsPerHost:   1,
		IdleConnTimeout:       30 * time.Second,
		DisableCompression:    true,
		ResponseHeaderTimeout: 20 * time.Second,
	}
	return c
}

// clientAddr gives client i its loopback address, each in a network of its own; every ninth
// shares its neighbour's, as people behind one router do.
func clientAddr(i int) netip.Addr {
	if i%9 == 8 {
		i--
	}
	return netip.AddrFrom4([4]byte{127, byte(20 + i/250), byte(i % 250), byte(10 + i%7)})
}

// dial connects to the balancer that the client uses at the moment, whatever the site is called.
func (c *client) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	dialer := &net.Dialer{Timeout: 2 * time.Second, LocalAddr: &net.TCPAddr{IP: c.addrs[c.exit.Load()].AsSlice()}}
	if c.st.cdn != nil {
		return dialer.DialContext(ctx, network, c.st.cdn.addr)
	}
	return dialer.DialContext(ctx, network, c.st.edges[c.entry.Load()].listen)
}

// reconnect gives up the client's connection, as a network or an idle time would; the next one may reach
// another of several equal balancers, and come from another address.
func (c *client) reconnect() {
	c.transport.CloseIdleConnections()
	c.chooseEntry()
	if n := len(c.addrs); n > 1 {
		if next := int32(c.rng.IntN(n)); c.exit.Swap(next) != next {
			c.life.addressChanged()
		}
	}
}

func (c *client) chooseEntry() {
	if n := len(c.st.edges); n > 1 {
		c.entry.Store(int32(c.rng.IntN(n)))
	}
}

// clientAddrs are the addresses of client i. A roaming client has several: those of a proxy with many ways out, which it
// shares with others, or of the networks that a phone passes through.
func (st *stage) clientAddrs(i int) []netip.Addr {
	home := clientAddr(i)
	if st.sc.roamers == 0 || newRand(st.opt.Seed, fmt.Sprintf("roams/%d", i)).Float64() >= st.sc.roamers {
		return []netip.Addr{home}
	}
	var addrs []netip.Addr
	for k := range byte(4) {
		if st.sc.sharedExits {
			addrs = append(addrs, netip.AddrFrom4([4]byte{127, 77, k, 1}))
		} else {
			addrs = append(addrs, netip.AddrFrom4([4]byte{127, 80 + k, home.As4()[2], home.As4()[3]}))
		}
	}
	return addrs
}

// An answer is what came back for a request.
type answer struct {
	status   int
	location string
}

// toLogin reports whether the shop wants this client to log in.
func (a answer) toLogin() bool {
	return a.status == http.StatusUnauthorized || strings.HasPrefix(a.location, "/login")
}

// A call is one request that a client makes.
type call struct {
	method, target string
	form           url.Values
	from           string // Referer, "" none
	crossSite      bool
}

func (c *client) get(ctx context.Context, target string) (answer, error) {
	return c.do(ctx, call{method: http.MethodGet, target: target, from: c.origin() + "/"})
}

func (c *client) post(ctx context.Context, target string, form url.Values) (answer, error) {
	return c.do(ctx, call{method: http.MethodPost, target: target, form: form, from: c.origin() + "/"})
}

// origin is the site as this client calls it.
func (c *client) origin() string {
	if c.jar.secure {
		return "https://" + shopHost
	}
	return "http://" + shopHost
}

// do sends one request, keeps the answer's cookies, and settles what it meant.
func (c *client) do(ctx context.Context, k call) (answer, error) {
	if c.st.sc.reconnects > 0 && c.rng.Float64() < c.st.sc.reconnects {
		c.reconnect()
	}
	x := c.st.ledger.begin()
	defer c.st.ledger.end(x)
	path, _, _ := strings.Cut(k.target, "?")
	nav := navigation{method: k.method, path: path, crossSite: k.crossSite}
	now := time.Now()
	req, o := c.request(ctx, k, nav, now)
	req.Header.Set(exchangeHeader, x.id)
	resp, err := c.transport.RoundTrip(req)
	if err != nil {
		o.failed = true
		c.life.settle(x.told(), o, now)
		return answer{}, fmt.Errorf("%s %s: %w", k.method, path, err)
	}
	_, readErr := io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	if c.fixedCookie == "" && c.family != familyBot {
		c.jar.store(resp.Header["Set-Cookie"], path, time.Now())
	}
	o.status, o.failed = resp.StatusCode, readErr != nil
	c.life.settle(x.told(), o, now)
	return answer{status: resp.StatusCode, location: resp.Header.Get("Location")}, nil
}

// request builds the request as this client would send it.
func (c *client) request(ctx context.Context, k call, nav navigation, now time.Time) (*http.Request, outcome) {
	var body io.Reader
	if k.form != nil {
		body = strings.NewReader(k.form.Encode())
	}
	req, err := http.NewRequestWithContext(ctx, k.method, "http://"+shopHost+k.target, body)
	if err != nil { // methods and targets are ours
		panic(err)
	}
	req.Host = shopHost
	req.Header.Set("User-Agent", c.agent)
	if k.from != "" && c.family != familyNative && c.family != familyBot {
		req.Header.Set("Referer", k.from)
		if k.method == http.MethodPost {
			origin, _ := url.Parse(k.from)
			req.Header.Set("Origin", origin.Scheme+"://"+origin.Host)
		}
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if c.jar.secure { // who ends TLS in front of the balancer says so
		req.Header.Set("X-Forwarded-Proto", "https")
	}
	cookies := c.jar.header(nav, now)
	if c.fixedCookie != "" {
		cookies = c.fixedCookie
	}
	o := outcome{path: nav.path}
	if cookies != "" {
		req.Header.Set("Cookie", cookies)
		if sent, err := req.Cookie(sessionCookie); err == nil && sent.Value != deletedValue {
			o.presented = sent.Value
		}
	}
	if o.presented == "" {
		o.heldBack = c.jar.value(sessionCookie, now)
	}
	return req, o
}

// think pauses between lo and hi, unless this run takes no pauses.
func (c *client) think(ctx context.Context, lo, hi time.Duration) {
	d := lo + time.Duration(c.rng.Int64N(int64(hi-lo)+1))
	if c.st.opt.Followups > 0 {
		return
	}
	c.st.rest(ctx, d)
}
