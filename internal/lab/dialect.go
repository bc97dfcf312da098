package lab

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"limpet.dev/lb"
	"limpet.dev/lb/products"
)

// A dialect is what the lab knows about one balancer product. It stands in one file; all
// other files of this package speak of balancers in general.
type dialect struct {
	product string // as lb/products names it
	title   string // as people write it
	program string // the executable

	// config is the configuration's file name in a bundle. logs are its log files': the first holds
	// requests (what the process writes to standard output); a second one, if there is
	// one, the product's own messages (what it writes to standard error).
	config string
	logs   []string

	// configure writes a node's configuration.
	configure func(n *node) (string, error)

	// passive: the balancer finds instances down by live requests that fail or are late, not by checks of its own.
	passive bool

	// cannot says why the product cannot do what is asked of a tier, "" if it can.
	cannot func(t *tier) string

	manner manner
}

// A manner is how a product behaves where its Router and its LineWriter do not say: the emulator follows it.
type manner struct {
	// requestID makes the id that the log shows for a request.
	requestID func(start time.Time, conn, serial uint64) string

	// brokeOff marks a request whose instance took it and then broke off.
	brokeOff func(f *lb.Decision)

	// noAnswer is the page for a request that no instance answered, unserved its status.
	noAnswer string
	unserved int

	// answer is how long a request that was sent waits for its answer; nil: as long as it takes. A product that
	// has such a limit tries another instance when it is over, or when an instance breaks off, as its Router says.
	answer func(n *node) time.Duration

	connect    time.Duration // how long a connection to an instance may take
	turnaround time.Duration // the wait before the same instance is tried again, at most

	// What the log says about a health check: connection refused, no answer in time, an answer with this
	// status, an answer that is no HTTP, and a connection that was all that was asked for.
	refused, late, garbled, connected string
	answered                          func(ok bool, status int) string
}

// dialects lists the products that the lab can put in front of the shop, the usual one first.
var dialects = []*dialect{
	haproxyDialect,
	nginxDialect,
}

// emulated marks a balancer's name: our own emulator, which routes and logs as the product would.
const emulated = "emulated:"

// LBs names the balancers that a demo can run, as DemoOptions.LB takes them.
func LBs() []string {
	var names []string
	for _, d := range dialects {
		names = append(names, emulated+d.product, d.product)
	}
	return names
}

// ErrNotInstalled says that the real balancer asked for is not on this machine.
var ErrNotInstalled = errors.New("not installed")

// A choice is a balancer chosen to play.
type choice struct {
	dialect *dialect
	product *lb.Product
	name    string // as LBs has it
	binary  string // path of the real one, "": the emulator
}

// chooseLB reads a wish; none takes the first product, emulated where it is not installed.
func chooseLB(wish string) (*choice, error) {
	d, real := dialectOf(cmp.Or(wish, dialects[0].product))
	if d == nil {
		return nil, fmt.Errorf("unknown balancer %q (known: %s)", wish, strings.Join(LBs(), ", "))
	}
	c := &choice{dialect: d, name: emulated + d.product}
	var known bool
	if c.product, known = products.ByName(d.product); !known {
		return nil, fmt.Errorf("%s is not among the products", d.product)
	}
	if !real {
		if c.product.Router == nil || c.product.FormatLine == nil {
			return nil, fmt.Errorf("%s cannot be emulated", d.product)
		}
		return c, nil
	}
	binary, err := findBinary(d.program)
	switch {
	case err == nil:
		c.name, c.binary = d.product, binary
	case wish != "":
		return nil, fmt.Errorf("%s: %w; use %s", d.program, err, c.name)
	}
	return c, nil
}

// dialectOf returns the dialect of a balancer's name, nil for none, and whether the real one is meant.
func dialectOf(name string) (d *dialect, real bool) {
	product, emulate := strings.CutPrefix(name, emulated)
	i := slices.IndexFunc(dialects, func(d *dialect) bool { return d.product == product })
	if i < 0 {
		return nil, false
	}
	return dialects[i], !emulate
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

// configFiles names the configurations that any dialect may leave in a bundle, for those who leave them out.
func isConfigFile(name string) bool {
	return slices.ContainsFunc(dialects, func(d *dialect) bool { return isNodeFile(name, d.config) })
}
