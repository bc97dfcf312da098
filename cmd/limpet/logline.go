package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"limpet.dev/lb"
	"limpet.dev/lb/products"
	"limpet.dev/topology"
)

func newLogline(e *env, _ *global) *cobra.Command {
	var opt lb.LogLineOptions
	var config string
	cmd := &cobra.Command{
		Use:   "logline PRODUCT",
		Short: "Print the log line to add to a balancer, so that nothing is lost",
		Long: `Logline prints configuration to paste: a log format with everything that a
diagnosis needs. Session credentials are hashed inside the balancer; no raw value
reaches the log.`,
		Example: `  limpet logline haproxy --session-cookie SHOPSESSION
  limpet logline nginx --session-cookie SHOPSESSION
  limpet logline nginx --variant header       # where the njs module cannot be used`,
		Args: cobra.MatchAll(atLeast(1, "logline: name a product, such as haproxy"), atMost(1, "logline: one product at a time")),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return loglineProducts(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			p, ok := products.ByName(args[0])
			if !ok || p.LogLine == nil {
				return usage("no log line for that product; known: %s", strings.Join(loglineProducts(), ", "))
			}
			if config != "" {
				cfg, err := readConfig(p, config)
				if err != nil {
					return err
				}
				opt.Config = cfg
			}
			text, err := p.LogLine(opt)
			if err != nil {
				return &usageError{err}
			}
			_, err = io.WriteString(e.stdout, strings.TrimRight(text, "\n")+"\n")
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&opt.SessionCookie, "session-cookie", "", "name of the application's session cookie")
	f.StringVar(&opt.AffinityCookie, "affinity-cookie", "", "name of the balancer's own cookie (default: from -c)")
	f.StringVar(&opt.KeyVariable, "key-variable", "", "environment variable that gives the balancer the pseudonym key")
	f.StringVar(&opt.Variant, "variant", "", "another way to the same line; nginx: \"njs\" (default), \"header\" (the application computes fingerprints)")
	f.StringVarP(&config, "config", "c", "", "the balancer's present configuration")
	return cmd
}

func loglineProducts() []string {
	var names []string
	for _, p := range products.All() {
		if p.LogLine != nil {
			names = append(names, p.Name)
		}
	}
	slices.Sort(names)
	return names
}

// readConfig reads one configuration with what it includes from its folder.
func readConfig(p *lb.Product, file string) (*topology.Config, error) {
	dir, name := filepath.Split(file)
	if _, err := os.Stat(file); err != nil {
		return nil, &usageError{fmt.Errorf("read configuration: %w", plainPathError(err))}
	}
	cfg, err := p.Config(os.DirFS(cmp.Or(dir, ".")), []string{name}, os.LookupEnv)
	if cfg == nil && err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	return cfg, nil // what it could not read does not matter for names
}
