package differential

import (
	"fmt"
	"io"
	"strings"
)

// Markdown writes what comparisons with the scenarios of a seed, of so many cases at least, have shown.
func Markdown(w io.Writer, seed uint64, cases int, results []*Result) error {
	var b strings.Builder
	b.WriteString(head)
	b.WriteString("| browser | row of the client table | scenarios | cases | disagreements | agreement |\n| --- | --- | ---: | ---: | ---: | ---: |\n")
	for _, r := range results {
		fmt.Fprintf(&b, "| %s | `%s` | %d | %d | %d | %.2f %% |\n", r.Version, r.Row, r.Scenarios, r.Cases, len(r.Differs), 100*r.Agreement())
	}
	fmt.Fprintf(&b, "\nSeed %d. Made by `limpet cookies differential --seed %d --cases %d -o docs/cookies-differential.md`.\n", seed, seed, cases)
	for _, r := range results {
		fmt.Fprintf(&b, "\n## %s\n\n", r.Version)
		if r.Repeated > 0 {
			fmt.Fprintf(&b, "%d scenarios were played again because the browser did not answer in time.\n\n", r.Repeated)
		}
		if len(r.Differs) == 0 {
			b.WriteString("No disagreement.\n")
		}
		for _, d := range r.Differs {
			d.markdown(&b)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

const head = `# The client engine against real browsers

Generated scenarios are played by a real browser and by Limpet's virtual client against the same
server on loopback. A scenario sets cookies (by typed addresses, links, forms, frames, images, fetches in
every credentials mode and with every CORS answer, script; over http and https; on hosts of several
sites, public suffixes, an IDN, localhost and an IP), perhaps sets some again, and then makes one more request, with or
without redirects: the probe. Each Set-Cookie line is a case. It counts as agreement when all of this is alike:
the cookie is in the jar or not, with the same domain, path, flags, SameSite, partition and lifetime; the probe carries
it or not, at the same place in the header; redirects on the way likewise; and, for Chromium, the
reasons that the browser itself gives for refusing or withholding it. Chromium blocks no third-party cookies here, as
upstream has it; Firefox has its default protection.

`

func (d *Difference) markdown(b *strings.Builder) {
	line := fmt.Sprintf("%+q", d.Line)
	if len(line) > 160 {
		line = line[:160] + "…"
	}
	fmt.Fprintf(b, "- Scenario %d: `%s`\n  - set by: %s\n  - probe: %s\n", d.Scenario, strings.ReplaceAll(line, "`", "'"), d.Set, d.Probe)
	for _, what := range d.What {
		fmt.Fprintf(b, "  - %s\n", what)
	}
}
