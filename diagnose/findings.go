package diagnose

import (
	"fmt"
	"slices"
	"time"

	"limpet.dev/session"
	"limpet.dev/topology"
)

// findings lists what configurations and logs say about themselves, beside any single break.
func (d *run) findings() {
	d.report.Findings = append([]Finding{}, d.Client...)
	d.addressAffinity()
	d.earlyFailover()
	d.misreportedHealth()
	d.presentation()
	d.flapping()
	d.flipFlop()
}

// addressAffinity flags affinity by client address: in any case, and as an error where the log shows that addresses
// are shared or change (S17).
func (d *run) addressAffinity() {
	for _, t := range d.Tiers {
		if t.Config == nil {
			continue
		}
		for i := range t.Config.Pools {
			p := &t.Config.Pools[i]
			if len(p.Instances) < 2 {
				continue
			}
			for _, a := range p.Affinity {
				if byAddress(a) {
					d.report.Findings = append(d.report.Findings, d.addressFinding(p, a))
				}
			}
		}
	}
}

func byAddress(a topology.Affinity) bool {
	return a.Method == topology.MethodSource || a.Method == topology.MethodTable && (a.Carrier == "source address" || a.Carrier == "src" || a.TableType == "ip" || a.TableType == "ipv4" || a.TableType == "ipv6")
}

func (d *run) addressFinding(p *topology.Pool, a topology.Affinity) Finding {
	f := Finding{
		Rule: "affinity-by-address", Severity: "warning", File: a.Pos.File, Line: a.Pos.Line,
		Title: "pool " + p.Name + " brings clients back by their address",
		Feels: "people behind one address share an instance; people whose address changes (mobile networks, several exits) are signed out",
		Fix:   "a cookie of the balancer's own; or, behind a proxy, the client's real address (accept-proxy, or X-Forwarded-For from a proxy that is trusted)",
	}
	addresses, sessions := d.Population.Addresses.Count(), d.counts.Sessions
	switch {
	case sessions >= 50 && addresses*20 <= sessions:
		f.Severity = "error"
		f.Title += fmt.Sprintf(", and the log shows %d addresses for %d sessions: another proxy stands in front", addresses, sessions)
	case d.counts.Followups >= 100 && d.Population.AddressChanges*100 >= d.counts.Followups:
		f.Severity = "error"
		f.Title += fmt.Sprintf(", and addresses change within sessions (%d of %d follow-ups)", d.Population.AddressChanges, d.counts.Followups)
	}
	return f
}

// flapping prices instances that go down and up again and again in sessions per hour (S45).
func (d *run) flapping() {
	hours := at(d.counts.Last).Sub(at(d.counts.First)).Hours()
	if hours <= 0 {
		return
	}
	type cost struct{ downs, lost, moved int64 }
	by := map[string]*cost{}
	var names []string
	for _, h := range d.report.Health {
		if h.To != "down" {
			continue
		}
		c := by[h.Instance]
		if c == nil {
			c = &cost{}
			by[h.Instance] = c
			names = append(names, h.Instance)
		}
		c.downs++
		c.lost += h.Lost
		c.moved += h.Moved
	}
	slices.Sort(names)
	for _, n := range names {
		c := by[n]
		if c.downs < 2 {
			continue
		}
		severity := "warning"
		if c.lost > 0 {
			severity = "error"
		}
		d.report.Findings = append(d.report.Findings, Finding{
			Rule: "health-flapping", Severity: severity,
			Title: fmt.Sprintf("%s went down %d times in %s: %.3g times an hour, %.3g sessions moved and %.3g lost an hour", n, c.downs,
				time.Duration(hours*float64(time.Hour)).Round(100*time.Millisecond), float64(c.downs)/hours, float64(c.moved)/hours, float64(c.lost)/hours),
			Feels: "users of that instance are moved each time, and signed out where state does not travel",
			Fix:   "see health-check-too-aggressive: limpet explain health-check-too-aggressive",
		})
	}
}

// flipFlop reports settings that change back and forth as instances alternate, with the period (S6).
func (d *run) flipFlop() {
	var sessions, flips int64
	var spans time.Duration
	for i := range d.Troubled {
		tl := &d.Troubled[i]
		if tl.Flips < 2 {
			continue
		}
		sessions++
		flips += int64(tl.Flips)
		first, last := int64(0), int64(0)
		for k := range tl.Visits {
			if tl.Visits[k].Outcome == session.Incomplete {
				if first == 0 {
					first = tl.Visits[k].Start
				}
				last = tl.Visits[k].Start
			}
		}
		spans += time.Duration(last - first)
	}
	if sessions == 0 {
		return
	}
	period := spans / time.Duration(max(flips-sessions, 1))
	d.report.Findings = append(d.report.Findings, Finding{
		Rule: "settings-flip", Severity: "error",
		Title: fmt.Sprintf("in %d sessions the state shown flips between values as instances alternate, %d times, every %s on average", sessions, flips, period.Round(10*time.Millisecond)),
		Feels: "a setting (language, currency, filter) changes by itself and changes back",
		Fix:   "keep the settings in a store that all instances share, or bring clients back to one instance",
	})
}
