package lab

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing/fstest"
	"time"

	"limpet.dev/lb"
	"limpet.dev/lb/products"
)

// keyVariable is the environment variable from which the balancer's log line takes the
// pseudonym key, in base64.
const keyVariable = "LIMPET_KEY_B64"

// ErrNotInstalled says that the real balancer asked for is not on this machine.
var ErrNotInstalled = errors.New("not installed")

// chooseBalancer writes the configuration and makes the balancer that runs it.
func (st *stage) chooseBalancer() error {
	binary, lookErr := findBinary("haproxy")
	st.lbName = st.opt.LB
	if st.lbName == "" {
		st.lbName = "haproxy"
		if lookErr != nil {
			st.lbName = "emulated:haproxy"
		}
	}
	name, emulated := splitLB(st.lbName)
	product, ok := products.ByName(name)
	if !ok {
		return fmt.Errorf("unknown balancer %q (known: haproxy, emulated:haproxy)", st.opt.LB)
	}
	if !emulated && lookErr != nil {
		return fmt.Errorf("haproxy: %w; use emulated:haproxy", ErrNotInstalled)
	}
	var err error
	if st.addr, err = freeAddr(); err != nil {
		return err
	}
	logLines, err := st.logLines(product)
	if err != nil {
		return err
	}
	st.config = haproxyConfig(st.sc, st.addr, logLines, st.opt.Canary, st.instances)
	if emulated {
		return st.emulate(product)
	}
	return st.realBalancer(product, binary)
}

// freeAddr finds a free port. Another program could take it before the balancer does;
// the balancer then says so.
func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// findBinary looks where Debian installs it too: /usr/sbin is not in every PATH.
func findBinary(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	path := "/usr/sbin/" + name
	if _, err := os.Stat(path); err != nil {
		return "", ErrNotInstalled
	}
	return path, nil
}

// logLines are the frontend's lines about logging.
func (st *stage) logLines(product *lb.Product) (string, error) {
	switch st.opt.LogDetail {
	case LogDefault:
		return "option httplog\ncapture cookie " + sessionCookie + "= len 64\n", nil
	case LogFull:
		return product.LogLine(lb.LogLineOptions{
			SessionCookie: sessionCookie, AffinityCookie: affinityCookie, KeyVariable: keyVariable,
			Variant: "frontend", // the log target is in our global section
		})
	}
	return "", fmt.Errorf("unknown log detail %q (known: %s, %s)", st.opt.LogDetail, LogFull, LogDefault)
}

func (st *stage) realBalancer(product *lb.Product, binary string) error {
	work, err := os.MkdirTemp("", "limpet-lab-")
	if err != nil {
		return fmt.Errorf("make the balancer's folder: %w", err)
	}
	out, err := newLineFile(filepath.Join(st.dir, "haproxy.log"))
	if err != nil {
		os.RemoveAll(work)
		return err
	}
	st.balancer = &realBalancer{
		product: product, binary: binary, work: work, config: st.config, key: st.key, addr: st.addr, out: out,
	}
	return nil
}

func (st *stage) emulate(product *lb.Product) error {
	if product.Router == nil || product.FormatLine == nil {
		return fmt.Errorf("%s cannot be emulated", product.Name)
	}
	env := func(name string) (string, bool) { return "", false }
	cfg, err := product.Config(fstest.MapFS{"haproxy.cfg": {Data: []byte(st.config)}}, []string{"haproxy.cfg"}, env)
	if err != nil {
		return fmt.Errorf("read our own configuration: %w", err)
	}
	pool, ok := cfg.Pool(poolName)
	if !ok {
		return fmt.Errorf("read our own configuration: no pool %s", poolName)
	}
	router, err := product.Router(cfg, poolName)
	if err != nil {
		return fmt.Errorf("route as %s: %w", product.Name, err)
	}
	writer, err := product.FormatLine(lb.LogOptions{
		Config: cfg, SessionCookie: sessionCookie, AffinityCookie: affinityCookie,
	})
	if err != nil {
		return fmt.Errorf("log as %s: %w", product.Name, err)
	}
	out, err := newLineFile(filepath.Join(st.dir, "haproxy.log"))
	if err != nil {
		return err
	}
	st.balancer = &emulator{
		listen: st.addr, listener: listenerName, pool: pool, writer: writer, key: st.key,
		passID: st.opt.LogDetail == LogFull, connect: 250 * time.Millisecond, answer: st.sc.check.timeout, out: out, router: router,
	}
	return nil
}
