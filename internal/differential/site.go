package differential

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Site is a server on loopback that plays every host, over http and https. A request with a
// token in its query gets the answer laid down for it and is remembered; others get an
// empty page.
type Site struct {
	plain, secure net.Listener
	servers       []*http.Server
	done          sync.WaitGroup

	mu      sync.Mutex // guards what follows
	answers map[string]Answer
	seen    map[string][]Seen
}

// Answer is what a token is answered with.
type Answer struct {
	Status    int // 0 is 200
	Location  string
	SetCookie []string
	CORS      string // "": names the origin and allows credentials; "no-credentials"; "none"
}

// Seen is a request as the server saw it. Cookie is a credential of the run's own making.
type Seen struct {
	Method string
	Cookie string
}

// NewSite starts the server on free ports.
func NewSite() (*Site, error) {
	s := &Site{answers: map[string]Answer{}, seen: map[string][]Seen{}}
	certificate, err := throwAway()
	if err != nil {
		return nil, fmt.Errorf("make a certificate: %w", err)
	}
	if s.plain, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return nil, err
	}
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(err, s.plain.Close())
	}
	s.secure = tls.NewListener(inner, &tls.Config{Certificates: []tls.Certificate{certificate}})
	for _, l := range []net.Listener{s.plain, s.secure} {
		server := &http.Server{Handler: s, ReadHeaderTimeout: time.Minute, MaxHeaderBytes: 4 << 20, ErrorLog: log.New(io.Discard, "", 0)}
		s.servers = append(s.servers, server)
		s.done.Go(func() { _ = server.Serve(l) })
	}
	return s, nil
}

// throwAway makes a certificate that nobody trusts and everybody here ignores.
func throwAway() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(24 * time.Hour), DNSNames: []string{"*.test"}}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, &key.PublicKey, key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}

// Close stops the server.
func (s *Site) Close() error {
	var err error
	for _, server := range s.servers {
		err = errors.Join(err, server.Close())
	}
	s.done.Wait()
	return err
}

// URL returns a page's address; token may be "".
func (s *Site) URL(p Place, token string) string {
	l := s.plain
	if p.Scheme == "https" {
		l = s.secure
	}
	u := fmt.Sprintf("%s://%s:%d%s", p.Scheme, p.Host, l.Addr().(*net.TCPAddr).Port, p.Path)
	if token != "" {
		u += "?t=" + token
	}
	return u
}

// Transport makes requests to the site whatever their host. Go's HTTP refuses answers with
// control octets in them, which browsers read, so Set-Cookie lines come armoured.
func (s *Site) Transport() http.RoundTripper {
	return armoured{&http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, // the certificate above
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			_, port, err := net.SplitHostPort(address)
			if err != nil {
				return nil, err
			}
			var d net.Dialer
			return d.DialContext(ctx, network, "127.0.0.1:"+port)
		},
	}}
}

// armour asks the server for Set-Cookie lines in base64, and carries cookies in both directions.
const armour = "X-Armoured-Cookie"

type armoured struct{ inner http.RoundTripper }

func (t armoured) RoundTrip(r *http.Request) (*http.Response, error) {
	r.Header.Set(armour, base64.StdEncoding.EncodeToString([]byte(r.Header.Get("Cookie")))) // nor does Go send such octets
	r.Header.Del("Cookie")
	answer, err := t.inner.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	for _, text := range answer.Header.Values(armour) {
		line, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return nil, err
		}
		answer.Header["Set-Cookie"] = append(answer.Header["Set-Cookie"], strings.Trim(string(line), " \t"))
	}
	return answer, nil
}

// Lay says how a token is answered.
func (s *Site) Lay(token string, a Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers[token] = a
}

// Take returns the requests with a token, and forgets them.
func (s *Site) Take(token string) []Seen {
	s.mu.Lock()
	defer s.mu.Unlock()
	seen := s.seen[token]
	delete(s.seen, token)
	delete(s.answers, token)
	return seen
}

func cookiesOf(r *http.Request) string {
	if text := r.Header.Get(armour); text != "" {
		plain, _ := base64.StdEncoding.DecodeString(text) // our own encoding
		return string(plain)
	}
	return strings.Join(r.Header.Values("Cookie"), "; ")
}

// ServeHTTP answers.
func (s *Site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	token := r.URL.Query().Get("t")
	s.mu.Lock()
	a := s.answers[token]
	if token != "" {
		s.seen[token] = append(s.seen[token], Seen{r.Method, cookiesOf(r)})
	}
	s.mu.Unlock()
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Type", "text/html; charset=utf-8")
	if origin := r.Header.Get("Origin"); origin != "" && a.CORS != "none" {
		h.Set("Access-Control-Allow-Origin", origin)
		if a.CORS != "no-credentials" {
			h.Set("Access-Control-Allow-Credentials", "true")
		}
	}
	if r.Method == http.MethodOptions {
		h.Set("Access-Control-Allow-Methods", "GET, POST, PUT")
		h.Set("Access-Control-Allow-Headers", "x-test")
		w.WriteHeader(http.StatusNoContent)
		return
	}
	if strings.HasSuffix(r.URL.Path, "/favicon.ico") {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	for _, line := range a.SetCookie {
		if _, wanted := r.Header[armour]; wanted {
			h.Add(armour, base64.StdEncoding.EncodeToString([]byte(line)))
		} else {
			h["Set-Cookie"] = append(h["Set-Cookie"], line)
		}
	}
	if a.Location != "" {
		h.Set("Location", a.Location)
	}
	if a.Status != 0 {
		w.WriteHeader(a.Status)
	}
	_, _ = io.WriteString(w, "<!doctype html><title>.</title><body>")
}
