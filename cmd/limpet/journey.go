package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"limpet.dev/internal/journey"
)

// journeyFlags are the flags of limpet journey.
type journeyFlags struct {
	target  string
	allow   []string
	only    []string
	clients []string
	rate    float64
	ca      string
	yes     bool
	out     outputs
}

func newJourney(e *env, g *global) *cobra.Command {
	j := &journeyFlags{}
	cmd := &cobra.Command{
		Use:   "journey [FILE]",
		Short: "Play what users do, as every kind of client, and say who loses the session",
		Long: `Journey plays journeys (sign in, fill a cart, check out, change a setting, or your own) against
a running site, each as every kind of client, and says for each whether the session was kept: by what
the pages say, not only by their status. Where one is lost it names the cookie, the rule by which
that client kept it at home, and the header that mends it. After its clean-up each journey looks
whether the state is really gone.

Without FILE the ready journeys are played; limpet journey init prints them to start from.
Without --yes nothing is contacted: journey says what it would do. Only the target's host and those
under "allow" are ever contacted, at most as fast and as often as "limits" says; a site in trouble is
left alone. Use test accounts; passwords come from the environment.

Exit codes: 0 every client kept its session, 1 some client lost it, 2 wrong use or a file with
errors, 3 the site did not answer, 4 a safety rule stopped the run.`,
		Example: `  limpet journey init > journeys.yaml
  limpet journey journeys.yaml                  # what would be done
  LIMPET_TEST_PASSWORD=… limpet journey journeys.yaml --target https://staging.shop.example --yes
  limpet journey journeys.yaml --only cart --clients browser,webview --yes -o junit=journeys.xml`,
		Args: atMost(1, "journey: one file of journeys, or none for the ready ones"),
		RunE: func(cmd *cobra.Command, args []string) error { return j.run(cmd, e, g, args) },
	}
	f := cmd.Flags()
	f.StringVar(&j.target, "target", "", "address of the site, in place of the file's")
	f.StringSliceVar(&j.allow, "allow", nil, "further hosts that may be contacted")
	f.StringSliceVar(&j.only, "only", nil, "journeys to play (default: all)")
	f.StringSliceVar(&j.clients, "clients", nil, "clients or classes of clients: browser, webview, native, tool, crawler (default: all)")
	f.Float64Var(&j.rate, "rate", 0, "requests a second, in place of the file's")
	f.StringVar(&j.ca, "ca", "", "file with the certificate of a test authority to trust")
	f.BoolVar(&j.yes, "yes", false, "really contact the site")
	j.out.add(cmd, journey.Formats()...)
	cmd.AddCommand(&cobra.Command{
		Use: "init", Short: "Print the ready journeys, to start from", Args: atMost(0, "journey init takes no arguments"),
		RunE: func(*cobra.Command, []string) error { _, err := e.stdout.Write(journey.Ready); return err },
	})
	return cmd
}

func (j *journeyFlags) run(cmd *cobra.Command, e *env, g *global, args []string) error {
	list, err := j.out.list()
	if err != nil {
		return err
	}
	f, err := j.file(args)
	if err != nil {
		return err
	}
	opt := journey.Options{Only: j.only, Clients: j.clients, Getenv: os.LookupEnv}
	plan, err := f.Plan(opt)
	if err != nil {
		return usage("journey: %v", err)
	}
	if !j.yes {
		return showPlan(e, plan)
	}
	if opt.Transport, err = j.transport(); err != nil {
		return err
	}
	p := newProgress(e, g)
	opt.Progress = p.step
	res, err := f.Run(cmd.Context(), opt)
	p.end()
	if err != nil {
		return err
	}
	if err := e.emit(list, func(w io.Writer, format string) error { return journey.Write(w, format, res) }); err != nil {
		return err
	}
	switch res.Verdict {
	case journey.Failed:
		return verdict(exitLost)
	case journey.Stopped:
		return verdict(exitUnsafe)
	case journey.NotProven:
		return verdict(exitNotProven)
	}
	return nil
}

// file reads the journeys, and puts what the command line says in place of what the file says.
func (j *journeyFlags) file(args []string) (*journey.File, error) {
	name, text := "the ready journeys", journey.Ready
	if len(args) > 0 {
		name = args[0]
		var err error
		if text, err = os.ReadFile(name); err != nil {
			return nil, plainPathError(err)
		}
	}
	f, err := journey.Parse(name, text)
	if err != nil {
		return nil, &usageError{err}
	}
	if j.target != "" {
		f.Target = j.target
	}
	if j.rate != 0 {
		f.Limits.Rate = j.rate
	}
	f.Allow = append(f.Allow, j.allow...)
	if err := f.Check(); err != nil {
		return nil, &usageError{err}
	}
	return f, nil
}

// showPlan says what a run would do.
func showPlan(e *env, p *journey.Plan) error {
	hosts := "only that host"
	if len(p.Hosts) > 0 {
		hosts = "that host and " + strings.Join(p.Hosts, ", ")
	}
	_, err := fmt.Fprintf(e.stdout, `DRY RUN  nothing was contacted; add --yes to play it
  target    %s, %s
  journeys  %s
  clients   %d: %s
  cells     %d
  limits    %g requests a second, %d in all, %s; stops when %.0f %% of the latest answers are errors
`, p.Target, hosts, strings.Join(p.Journeys, ", "), len(p.Clients), strings.Join(p.Clients, ", "), p.Cells,
		p.Limits.Rate, p.Limits.Requests, p.Limits.Duration, 100*p.Limits.Errors)
	return err
}

// transport reaches the site; redirects are the clients' own business, and so are cookies.
func (j *journeyFlags) transport() (http.RoundTripper, error) {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.Proxy = nil
	t.ResponseHeaderTimeout = 30 * time.Second
	if j.ca == "" {
		return t, nil
	}
	pem, err := os.ReadFile(j.ca)
	if err != nil {
		return nil, plainPathError(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, usage("--ca: no certificate in this file")
	}
	t.TLSClientConfig = &tls.Config{RootCAs: pool}
	return t, nil
}
