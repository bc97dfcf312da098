package diagnose

import "limpet.dev/lb"

// logline is the command that prints what to add to the balancer's log.
func (d *run) logline() string {
	for _, t := range d.Tiers {
		if t.Product != "" {
			return "limpet logline " + t.Product
		}
	}
	return "limpet logline haproxy"
}

// advice is that of the first balancer of which anything is known.
func (d *run) advice() lb.Advice {
	for _, t := range d.Tiers {
		if t.Advice != (lb.Advice{}) {
			return t.Advice
		}
	}
	return lb.Advice{Notices: "the balancer's own messages, where it logs them"}
}

// showCookie says how a log comes to show the session cookie.
func (d *run) showCookie() string {
	text := "add the line that " + d.logline() + " prints"
	if least := d.advice().Cookie; least != "" {
		text += ", or " + least
	}
	return text
}
