package clientside

import (
	"fmt"
	"io"
	"strings"
)

// writeMarkdown writes a report for a ticket or a comment.
func writeMarkdown(w io.Writer, r *Report) error {
	p := &page{}
	p.line(0, "**%s** %s", strings.ToUpper(string(r.Verdict)), md(r.Headline))
	if len(r.Findings) > 0 {
		p.line(0, "")
		p.line(0, "| | rule | cookie | what | where | by which rule | clients | fix |")
		p.line(0, "| --- | --- | --- | --- | --- | --- | --- | --- |")
		for i := range r.Findings {
			f := &r.Findings[i]
			where := ""
			if f.Request != nil {
				where = md(f.Request.Method+" "+f.Request.URL) + times(f.Times)
			}
			fix := ""
			if f.Fix != "" {
				fix = code(f.Fix)
			}
			p.line(0, "| %s | %s | %s | %s | %s | %s | %s | %s |", f.Severity, f.Rule, code(f.Cookie), md(f.Title), where,
				md(strings.Join(f.Reasons, ", ")), md(list(f.Clients, 4)), fix)
		}
	}
	for _, c := range r.Changes {
		p.line(0, "")
		p.line(0, "%s changed%s:", code(c.Cookie), md(when(&c)))
		p.line(0, "")
		for _, d := range c.Fields {
			p.line(0, "- %s: %s → %s", md(d.Attribute), code(orElse(d.Was, "absent")), code(orElse(d.Is, "absent")))
		}
		for _, s := range c.Silenced {
			p.line(0, "- silent with %s (%s): %s", md(s.Kind), md(strings.Join(s.Why, ", ")), md(list(s.Clients, 6)))
		}
	}
	if len(r.Rewrites) > 0 {
		p.line(0, "")
		p.line(0, "| directive | issued | delivered |")
		p.line(0, "| --- | --- | --- |")
		for _, x := range r.Rewrites {
			p.line(0, "| %s %s | %s | %s |", md(x.Source), code(x.Directive), code(x.Issued), code(orElse(x.Delivered, "(dropped)")))
		}
	}
	for i := range r.Cookies {
		markdownCookie(p, &r.Cookies[i])
	}
	if len(r.Unknown) > 0 {
		p.line(0, "")
	}
	for _, u := range r.Unknown {
		p.line(0, "- not known: %s", md(u))
	}
	_, err := io.WriteString(w, p.String())
	return err
}

func markdownCookie(p *page, v *View) {
	if len(v.Matrix) == 0 {
		return
	}
	p.line(0, "")
	p.line(0, "%s (%s): %s", code(v.Name), v.Role, code(v.Header))
	p.line(0, "")
	p.line(0, "| clients | stored | %s |", strings.Join(kindNames(), " | "))
	p.line(0, "| --- | --- |%s", strings.Repeat(" --- |", len(kinds)))
	for _, row := range v.Matrix {
		cells := []string{md(list(row.Clients, 3))}
		if !row.Stored {
			cells = append(cells, md("no: "+strings.Join(row.Why, ", ")))
			for range kinds {
				cells = append(cells, "")
			}
		} else {
			cells = append(cells, "yes")
			for _, c := range row.Cells {
				if c.Sent {
					cells = append(cells, "sent")
				} else {
					cells = append(cells, md(strings.Join(c.Why, ", ")))
				}
			}
		}
		p.line(0, "| %s |", strings.Join(cells, " | "))
	}
}

func kindNames() []string {
	var names []string
	for _, k := range kinds {
		names = append(names, k.name)
	}
	return names
}

func times(n int) string {
	if n < 2 {
		return ""
	}
	return fmt.Sprintf(" (%d times)", n)
}

// md keeps a text from being read as Markdown.
func md(s string) string {
	return strings.NewReplacer("\\", "\\\\", "|", "\\|", "`", "\\`", "*", "\\*", "_", "\\_", "[", "\\[", "<", "&lt;").Replace(s)
}

// code writes a text as code.
func code(s string) string { return "`" + strings.NewReplacer("`", "'", "|", "\\|").Replace(s) + "`" }
