package clientside_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"limpet.dev/internal/need"
)

// A proxy is a running nginx.
type proxy struct {
	cmd        *exec.Cmd
	tls, plain int
	ended      chan struct{}
}

const proxyConfig = `daemon off; worker_processes 1; pid %[1]s/nginx.pid; error_log %[1]s/error.log;
events { worker_connections 64; }
http {
  access_log off;
  client_body_temp_path %[1]s/t1; proxy_temp_path %[1]s/t2; fastcgi_temp_path %[1]s/t3; uwsgi_temp_path %[1]s/t4; scgi_temp_path %[1]s/t5;
  proxy_buffer_size 32k; proxy_buffers 8 32k; large_client_header_buffers 4 32k;
  ssl_certificate %[1]s/cert.pem; ssl_certificate_key %[1]s/key.pem;
  server {
    listen 127.0.0.1:%[2]d ssl;
    server_name shop.test *.shop.test;
    location / { proxy_pass http://%[4]s; proxy_set_header Host $http_host; %[5]s }
  }
  server {
    listen 127.0.0.1:%[3]d;
    server_name shop.test *.shop.test;
    %[6]s
  }
  server {
    listen 127.0.0.1:%[2]d ssl;
    server_name pay.example;
    location / { default_type text/html; return 200 "<p>pay here</p>"; }
  }
}
`

// startNginx starts a real nginx in front of the application at inner. A port that was free a moment ago may be taken by another
// program: then it is tried with others.
func startNginx(t *testing.T, dir, inner, rewrite string, redirect bool) *proxy {
	t.Helper()
	dir, err := os.MkdirTemp(dir, "nginx-")
	if err != nil {
		t.Fatal(err)
	}
	certificate(t, dir)
	for range 10 {
		if p := tryNginx(t, dir, inner, rewrite, redirect); p != nil {
			return p
		}
	}
	t.Fatal("nginx does not start")
	return nil
}

// tryNginx starts nginx on two ports, nil if it ends at once.
func tryNginx(t *testing.T, dir, inner, rewrite string, redirect bool) *proxy {
	t.Helper()
	p := &proxy{tls: freePort(t), plain: freePort(t), ended: make(chan struct{})}
	plain := fmt.Sprintf("location / { proxy_pass http://%s; proxy_set_header Host $http_host; %s }", inner, rewrite)
	if redirect {
		plain = fmt.Sprintf("return 301 https://$host:%d$request_uri;", p.tls)
	}
	conf := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(conf, fmt.Appendf(nil, proxyConfig, dir, p.tls, p.plain, inner, rewrite, plain), 0o600); err != nil {
		t.Fatal(err)
	}
	p.cmd = exec.Command(need.Tool(t, "nginx"), "-c", conf, "-p", dir)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait()
		close(p.ended)
	}()
	t.Cleanup(p.stop)
	for range 400 {
		select {
		case <-p.ended:
			return nil
		case <-time.After(25 * time.Millisecond):
		}
		if pid, err := os.ReadFile(filepath.Join(dir, "nginx.pid")); err == nil && strings.TrimSpace(string(pid)) == strconv.Itoa(p.cmd.Process.Pid) && listens(p.tls) && listens(p.plain) {
			return p
		}
	}
	p.stop()
	return nil
}

func listens(port int) bool {
	c, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", port), time.Second)
	if err == nil {
		c.Close()
	}
	return err == nil
}

func (p *proxy) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	<-p.ended
}

// certificate writes a throw-away certificate.
func certificate(t *testing.T, dir string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "shop.test"}, DNSNames: []string{"shop.test", "*.shop.test", "pay.example"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: der}, "key.pem": {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
