package clientside

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Formats lists the forms of a report, the first one the usual.
func Formats() []string { return []string{"text", "json", "markdown"} }

// Write writes a report in one form.
func Write(w io.Writer, format string, r *Report) error {
	switch format {
	case "json":
		e := json.NewEncoder(w)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		return e.Encode(r)
	case "markdown":
		return writeMarkdown(w, r)
	}
	return writeText(w, r)
}

// A page collects lines; everything that comes from inputs passes through clean.
type page struct{ strings.Builder }

func (p *page) line(indent int, format string, args ...any) {
	p.WriteString(strings.Repeat(" ", indent) + clean(fmt.Sprintf(format, args...)) + "\n")
}

// clean makes a text harmless on a terminal and keeps it on one line.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return ' '
		case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs, unicode.Zl, unicode.Zp):
			return utf8.RuneError
		}
		return r
	}, s)
}

func writeText(w io.Writer, r *Report) error {
	p := &page{}
	p.line(0, "%s  %s", strings.ToUpper(string(r.Verdict)), r.Headline)
	textFindings(p, r)
	textChanges(p, r)
	if len(r.Rewrites) > 0 {
		p.line(0, "")
		p.line(0, "ON THE WAY  what the balancer's configuration does to cookies")
		for _, x := range r.Rewrites {
			p.line(2, "%s  %s", x.Source, x.Directive)
			p.line(4, "issued     %s", x.Issued)
			p.line(4, "delivered  %s", orElse(x.Delivered, "(dropped)"))
		}
	}
	for i := range r.Cookies {
		textCookie(p, &r.Cookies[i])
	}
	p.line(0, "")
	for _, in := range r.Inputs {
		p.line(0, "read  %s", inputLine(&in))
	}
	for _, u := range r.Unknown {
		p.line(0, "note  %s", u)
	}
	_, err := io.WriteString(w, p.String())
	return err
}

func inputLine(in *Input) string {
	s := in.Path + ": " + orElse(in.Kind, "not recognised")
	if in.Creator != "" {
		s += " of " + in.Creator
	}
	if in.Exchanges == 1 {
		s += ", 1 exchange"
	} else {
		s += fmt.Sprintf(", %d exchanges", in.Exchanges)
	}
	for why, n := range in.Skipped {
		s += fmt.Sprintf(", %d skipped (%s)", n, why)
	}
	return s
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

func textFindings(p *page, r *Report) {
	if len(r.Findings) == 0 {
		return
	}
	p.line(0, "")
	if topFinding(r.Findings) != nil {
		p.line(0, "WHAT IS WRONG")
	} else {
		p.line(0, "WORTH KNOWING")
	}
	for i := range r.Findings {
		f := &r.Findings[i]
		p.line(2, "%-7s %s  %s", f.Severity, f.Rule, f.Cookie)
		p.line(4, "%s.", f.Title)
		if req := f.Request; req != nil {
			p.line(4, "request  %s", requestLine(f))
		}
		if len(f.Reasons) > 0 {
			p.line(4, "rule     %s", strings.Join(f.Reasons, ", "))
		}
		if len(f.Browser) > 0 {
			p.line(4, "browser  says itself: %s", strings.Join(f.Browser, ", "))
		}
		if len(f.Clients) > 0 {
			p.line(4, "clients  %s", list(f.Clients, 6))
		}
		for _, e := range f.Evidence {
			p.line(4, "+ %s", e)
		}
		if len(f.Routes) > 0 {
			p.line(4, "never reached: %s", list(f.Routes, 8))
		}
		if f.Feels != "" && f.Severity != Info {
			p.line(4, "feels    %s", strings.TrimSpace(f.Feels))
		}
		if f.Fix != "" {
			p.line(4, "fix      %s", f.Fix)
		}
		if f.Why != "" {
			p.line(4, "         %s", f.Why)
		}
	}
}

func requestLine(f *Finding) string {
	r := f.Request
	s := fmt.Sprintf("number %d of %s: %s %s", r.N, r.Input, r.Method, r.URL)
	if r.From != "" {
		s += ", coming from " + r.From
	}
	if r.Status != 0 {
		s += fmt.Sprintf(", answered %d", r.Status)
	}
	if !r.At.IsZero() {
		s += ", " + r.At.UTC().Format("2006-01-02 15:04:05 MST")
	}
	if f.Times > 1 {
		s += fmt.Sprintf(" (and %d more)", f.Times-1)
	}
	return s
}

// list joins names; of many the first.
func list(names []string, most int) string {
	if len(names) <= most {
		return strings.Join(names, "; ")
	}
	return strings.Join(names[:most], "; ") + fmt.Sprintf("; and %d more", len(names)-most)
}

func textChanges(p *page, r *Report) {
	if len(r.Changes) == 0 {
		return
	}
	p.line(0, "")
	p.line(0, "WHAT CHANGED")
	for _, c := range r.Changes {
		p.line(2, "%s on %s%s", c.Cookie, c.Host, when(&c))
		for _, d := range c.Fields {
			p.line(4, "%-11s %s -> %s", d.Attribute, orElse(d.Was, "(absent)"), orElse(d.Is, "(absent)"))
		}
		if len(c.Silenced) == 0 {
			p.line(4, "no client stops sending it because of that")
		}
		for _, s := range c.Silenced {
			p.line(4, "silent with %s (%s): %s", s.Kind, strings.Join(s.Why, ", "), list(s.Clients, 6))
		}
		if c.Fix != "" {
			p.line(4, "way back    %s", c.Fix)
		}
	}
}

func when(c *Change) string {
	const form = "2006-01-02 15:04:05 MST"
	switch {
	case !c.After.IsZero() && !c.Before.IsZero():
		return ", between " + c.After.UTC().Format(form) + " and " + c.Before.UTC().Format(form)
	case !c.Before.IsZero():
		return ", before " + c.Before.UTC().Format(form)
	case !c.After.IsZero():
		return ", after " + c.After.UTC().Format(form)
	}
	return " (the captures have no times)"
}

func textCookie(p *page, v *View) {
	if v.Role == OtherCookie && len(v.Matrix) == 0 {
		return
	}
	p.line(0, "")
	p.line(0, "COOKIE %s  %s%s", v.Name, v.Role, product(v))
	p.line(2, "%s", v.Header)
	p.line(2, "goes %s; lives %s; %d bytes; set %d, presented %d, kept back %d", v.Scope, v.Lifetime, v.Bytes, v.Set, v.Sent, v.Withheld)
	if v.Says != "" {
		p.line(2, "names %s", v.Says)
	}
	for _, row := range v.Matrix {
		p.line(2, "%s", list(row.Clients, 4))
		if !row.Stored {
			p.line(4, "not stored: %s", strings.Join(row.Why, ", "))
			continue
		}
		for _, g := range grouped(row.Cells) {
			p.line(4, "%s: %s", g.why, strings.Join(g.kinds, "; "))
		}
	}
}

// A group is kinds of requests that fare alike.
type group struct {
	why   string
	kinds []string
}

// grouped brings the cells of a row together, sent ones first.
func grouped(cells []Cell) []group {
	groups := []group{{why: "sent with"}}
	for _, c := range cells {
		why := "sent with"
		if !c.Sent {
			why = "kept back (" + strings.Join(c.Why, ", ") + ")"
		}
		i := slices.IndexFunc(groups, func(g group) bool { return g.why == why })
		if i < 0 {
			groups = append(groups, group{why: why})
			i = len(groups) - 1
		}
		groups[i].kinds = append(groups[i].kinds, c.Kind)
	}
	return slices.DeleteFunc(groups, func(g group) bool { return len(g.kinds) == 0 })
}

func product(v *View) string {
	if v.Product == "" {
		return ""
	}
	return " cookie of " + v.Product
}
