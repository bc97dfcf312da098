package report

import (
	"fmt"
	"html/template"
	"strings"
)

// An svg is a picture in the making. It escapes every string that it is handed, carries no
// script, no style of its own (the page's style sheet knows its classes) and no reference
// outside the page.
//
// We draw ourselves: the chart libraries for Go write pictures without title, description,
// links or classes, so they could be neither read aloud nor follow the page's colours.
type svg struct {
	b strings.Builder
}

// newSVG begins a picture of w by h units; id makes its title's and description's ids. The role
// is "img" for a picture that is looked at as a whole, "group" for one with links inside.
func newSVG(w, h int, id, role, title, desc string) *svg {
	s := &svg{}
	fmt.Fprintf(&s.b, `<svg viewBox="0 0 %d %d" width="%d" height="%d" class="pic" role="%s" aria-labelledby="%s-t %s-d">`, w, h, w, h, esc(role), esc(id), esc(id))
	fmt.Fprintf(&s.b, `<title id="%s-t">%s</title><desc id="%s-d">%s</desc>`, esc(id), esc(title), esc(id), esc(desc))
	return s
}

// esc escapes a string for text and for attributes.
func esc(s string) string { return template.HTMLEscapeString(clean(s)) }

// done ends the picture.
func (s *svg) done() template.HTML {
	s.b.WriteString("</svg>")
	return template.HTML(s.b.String()) // everything in it went through esc or is a number
}

func (s *svg) line(class string, x1, y1, x2, y2 float64) {
	fmt.Fprintf(&s.b, `<path class="%s" d="M%s %sL%s %s"/>`, class, num(x1), num(y1), num(x2), num(y2))
}

func (s *svg) rect(class string, x, y, w, h, radius float64) {
	fmt.Fprintf(&s.b, `<rect class="%s" x="%s" y="%s" width="%s" height="%s" rx="%s"/>`, class, num(x), num(y), num(w), num(h), num(radius))
}

func (s *svg) circle(class string, x, y, r float64) {
	fmt.Fprintf(&s.b, `<circle class="%s" cx="%s" cy="%s" r="%s"/>`, class, num(x), num(y), num(r))
}

// path draws a path given in SVG's own notation, which the caller made of numbers.
func (s *svg) path(class, d string) { fmt.Fprintf(&s.b, `<path class="%s" d="%s"/>`, class, d) }

// cross draws the mark of a loss.
func (s *svg) cross(class string, x, y, r float64) {
	s.path(class, fmt.Sprintf("M%s %sL%s %sM%s %sL%s %s", num(x-r), num(y-r), num(x+r), num(y+r), num(x-r), num(y+r), num(x+r), num(y-r)))
}

// text writes a line of text; anchor is start, middle or end.
func (s *svg) text(class, anchor string, x, y float64, text string) {
	fmt.Fprintf(&s.b, `<text class="%s" text-anchor="%s" x="%s" y="%s">%s</text>`, class, anchor, num(x), num(y), esc(text))
}

// tip begins a group with a tool tip; end ends it.
func (s *svg) tip(text string) { fmt.Fprintf(&s.b, `<g><title>%s</title>`, esc(text)) }

// link begins a group that leads to an anchor of the page; end with endLink.
func (s *svg) link(anchor, text string) {
	fmt.Fprintf(&s.b, `<a href="#%s" aria-label="%s"><title>%s</title>`, esc(anchor), esc(text), esc(text))
}

func (s *svg) end()     { s.b.WriteString("</g>") }
func (s *svg) endLink() { s.b.WriteString("</a>") }

// num writes a coordinate with at most one decimal.
func num(f float64) string {
	return strings.TrimSuffix(fmt.Sprintf("%.1f", f), ".0")
}
