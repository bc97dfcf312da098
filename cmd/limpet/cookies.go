package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"limpet.dev/capture"
	"limpet.dev/internal/clientside"
	"limpet.dev/internal/ingest"
	"limpet.dev/lb/products"
	"limpet.dev/topology"
)

// cookiesFlags are the flags of limpet cookies.
type cookiesFlags struct {
	config  []string
	session string
	issued  bool
	failOn  string
	out     outputs
}

// newCookies answers by captures; its own subcommand conform runs vectors.
func newCookies(e *env, g *global) *cobra.Command {
	c := &cookiesFlags{}
	cmd := &cobra.Command{
		Use:   "cookies 'SET-COOKIE VALUE' | FILE...",
		Short: "What each client stores, sends and withholds, and why",
		Long: `Cookies takes a Set-Cookie value, a dump of an answer's header, a curl transcript
(-v, -i, --trace-ascii), a HAR of a browser or proxy, a bundle, or - for standard
input. It says which clients keep each cookie and send it with which kind of request,
by which rule not, and names for a capture the request at which the session stayed at
home, the clients concerned and the one header that mends it.

Two captures, the earlier first: what changed, when, and which clients fall silent.
With -c (a balancer's configuration) it shows cookies as issued and as delivered.
No value of a cookie is shown.

Exit codes: 0 nothing wrong, 1 a session cookie is lost somewhere (or a finding at or
above --fail-on), 2 wrong use, 3 the captures could not show it.`,
		Example: `  limpet cookies 'sid=…; SameSite=None'
  limpet cookies session.har
  limpet cookies before.har after.har
  curl -si https://shop.example/login | limpet cookies -
  limpet cookies -c nginx.conf --issued app-answer.txt`,
		Args: atLeast(1, "cookies: give a Set-Cookie value, or files; - is standard input"),
		RunE: func(_ *cobra.Command, args []string) error { return c.run(e, args) },
	}
	f := cmd.Flags()
	f.StringArrayVarP(&c.config, "config", "c", nil, "a balancer's configuration; may be repeated")
	f.StringVar(&c.session, "session-cookie", "", "name of the session cookie (default: found by name and use)")
	f.BoolVar(&c.issued, "issued", false, "the captures show what the application issued, before the balancer")
	f.StringVar(&c.failOn, "fail-on", "error", "exit with 1 for findings of this severity and above: error, warning or info")
	c.out.add(cmd, clientside.Formats()...)
	cmd.AddCommand(newCookiesConform(e, g), newCookiesDifferential(e, g))
	return cmd
}

func (c *cookiesFlags) run(e *env, args []string) error {
	list, err := c.out.list()
	if err != nil {
		return err
	}
	severities := []string{"error", "warning", "info"}
	if !slices.Contains(severities, c.failOn) {
		return usage("--fail-on is error, warning or info")
	}
	opt := clientside.Options{Session: c.session, Issued: c.issued}
	for _, f := range c.config {
		cfg, err := anyConfig(f)
		if err != nil {
			return err
		}
		opt.Configs = append(opt.Configs, cfg)
	}
	sources, err := c.sources(e, args, &opt)
	if err != nil {
		return err
	}
	r := clientside.Examine(sources, opt)
	if len(args) == 1 && r.Verdict == clientside.NotProven && len(r.Inputs) == 1 && r.Inputs[0].Kind == "" && args[0] != "-" {
		if words, err := spoken(e, args[0]); err == nil && words != nil { // a log, or settings
			r = words
		}
	}
	if err := e.emit(list, func(w io.Writer, format string) error { return clientside.Write(w, format, r) }); err != nil {
		return err
	}
	return c.exit(r, severities)
}

// exit turns a report into the exit code.
func (c *cookiesFlags) exit(r *clientside.Report, severities []string) error {
	most := slices.Index(severities, c.failOn)
	for _, f := range r.Findings {
		if slices.Index(severities, string(f.Severity)) <= most {
			return verdict(exitLost)
		}
	}
	for _, ch := range r.Changes {
		if ch.Fix != "" {
			return verdict(exitLost)
		}
	}
	broken := slices.ContainsFunc(r.Inputs, func(in clientside.Input) bool { return in.Error != "" })
	if broken || r.Verdict == clientside.NotProven {
		return verdict(exitNotProven)
	}
	return nil
}

// sources finds what the arguments name: captures, or one Set-Cookie value.
func (c *cookiesFlags) sources(e *env, args []string, opt *clientside.Options) ([]clientside.Source, error) {
	var out []clientside.Source
	for _, a := range args {
		st, err := os.Stat(a)
		switch {
		case a == "-":
			out = append(out, fileSource(e, a, "standard input"))
		case err == nil && st.IsDir():
			more, err := folderSources(e, a, opt)
			if err != nil {
				return nil, err
			}
			out = append(out, more...)
		case err == nil:
			out = append(out, fileSource(e, a, a))
		default:
			if matches, globErr := filepath.Glob(a); globErr == nil && len(matches) > 0 {
				for _, m := range matches {
					out = append(out, fileSource(e, m, m))
				}
				continue
			}
			x, ok := capture.Line(a)
			if !ok || looksLikeName(a) {
				return nil, usage("cookies: that names no file and is no Set-Cookie value (name=value; attributes)")
			}
			out = append(out, lineSource(x))
		}
	}
	return out, nil
}

// looksLikeName reports an argument that was meant for a file.
func looksLikeName(a string) bool {
	return !strings.Contains(a, "=") || slices.Contains([]string{".har", ".txt", ".log", ".json"}, filepath.Ext(a))
}

// spoken looks for words that name a cause in a file that is no capture.
func spoken(e *env, path string) (*clientside.Report, error) {
	in, err := ingest.Open(path, e.stdin)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	return clientside.Spoken(path, in), nil
}

func lineSource(x capture.Exchange) clientside.Source {
	return clientside.Source{Path: "the argument", Read: func(do func(*capture.Exchange) error) (capture.About, error) {
		about := capture.About{Kind: capture.SetCookie, Exchanges: 1, Cookies: true}
		return about, do(&x)
	}}
}

func fileSource(e *env, path, name string) clientside.Source {
	return clientside.Source{Path: name, Read: func(do func(*capture.Exchange) error) (capture.About, error) {
		in, err := ingest.Open(path, e.stdin)
		if err != nil {
			return capture.About{}, plainPathError(err)
		}
		defer in.Close()
		return capture.Read(in, do)
	}}
}

// folderSources takes the captures of a bundle, in the order of names, and its configurations.
func folderSources(e *env, dir string, opt *clientside.Options) ([]clientside.Source, error) {
	files, err := ingest.Survey(dir, products.All())
	if err != nil {
		return nil, err
	}
	var out []clientside.Source
	for _, f := range files {
		switch {
		case f.Kind == "config" && f.Product != nil && f.Product.Config != nil:
			if cfg, err := readConfig(f.Product, f.Path); err == nil && cfg != nil {
				opt.Configs = append(opt.Configs, cfg)
			}
		case capture.Sniff(f.Head) != capture.Unknown:
			out = append(out, fileSource(e, f.Path, f.Name))
		}
	}
	if len(out) == 0 {
		return nil, usage("cookies: %s holds no HAR, curl transcript or header dump", dir)
	}
	return out, nil
}

// anyConfig reads the configuration of whatever product it is.
func anyConfig(file string) (*topology.Config, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, &usageError{fmt.Errorf("read configuration: %w", plainPathError(err))}
	}
	p, ok := products.OfConfig(text[:min(len(text), 64<<10)])
	if !ok {
		return nil, errors.New("read configuration: " + file + " is no configuration that limpet knows")
	}
	return readConfig(p, file)
}
