package report

import (
	"bufio"
	"strings"
	"unicode/utf8"
)

// A style is an ANSI style by what it means.
type style string

// The styles. They are readable on dark and on light terminals; meaning never hangs on colour alone.
const (
	plain style = ""
	bold  style = "1"
	dim   style = "2"
	bad   style = "1;31"
	good  style = "1;32"
	warn  style = "1;33"
	link  style = "36"
)

// A page is text on a terminal. Everything that is put on it is cleaned on the way, so that
// no string of a report can leave its line or steer the terminal.
type page struct {
	w     *bufio.Writer
	color bool
	width int
	col   int // columns used of the current line
	err   error
}

func newPage(w *bufio.Writer, opt Options) *page {
	width := opt.Width
	if width == 0 {
		width = 100
	}
	return &page{w: w, color: opt.Color, width: max(width, 60)}
}

// put writes text in a style, cleaned.
func (p *page) put(s style, text string) {
	text = clean(text)
	p.col += utf8.RuneCountInString(text)
	if s != plain && p.color && text != "" {
		text = "\x1b[" + string(s) + "m" + text + "\x1b[0m"
	}
	if _, err := p.w.WriteString(text); err != nil && p.err == nil {
		p.err = err
	}
}

// nl ends the line.
func (p *page) nl() {
	p.w.WriteByte('\n')
	p.col = 0
}

// to moves to a column, at least by one blank if the line has reached it.
func (p *page) to(col int) {
	if p.col >= col && p.col > 0 {
		col = p.col + 1
	}
	p.put(plain, strings.Repeat(" ", max(0, col-p.col)))
}

// wrap writes words from the current column on; further lines begin at column indent.
func (p *page) wrap(s style, indent int, text string) {
	first := true
	for _, word := range strings.Fields(clean(text)) {
		n := utf8.RuneCountInString(word)
		switch {
		case first:
		case p.col+1+n > p.width:
			p.nl()
			p.to(indent)
		default:
			p.put(plain, " ")
		}
		p.put(s, word)
		first = false
	}
	p.nl()
}

// heading begins a section.
func (p *page) heading(title, note string) {
	p.nl()
	p.put(bold, strings.ToUpper(title))
	if note != "" {
		p.put(plain, "  ")
		p.wrap(dim, 2, note)
		return
	}
	p.nl()
}

// fit puts text behind what the line holds, or onto a new line at indent where it would not fit.
func (p *page) fit(s style, indent int, text string) {
	text = clean(text)
	if p.col+2+utf8.RuneCountInString(text) > p.width {
		p.nl()
		p.to(indent)
	} else {
		p.put(plain, "  ")
	}
	p.put(s, text)
}

// A cell is one column's text in a row of a table.
type cell struct {
	text  string
	style style
	right bool // aligned to the right
	whole bool // never cut: somebody will copy it
}

// table writes rows with a head; columns are as wide as they need. The last column wraps.
func (p *page) table(head []string, rows [][]cell) {
	if len(rows) == 0 {
		return
	}
	widths := make([]int, len(head))
	for i, h := range head {
		widths[i] = utf8.RuneCountInString(h)
	}
	for _, row := range rows {
		for i, c := range row {
			widths[i] = max(widths[i], min(44, utf8.RuneCountInString(clean(c.text))))
		}
	}
	p.shrink(widths, rows[0])
	p.put(plain, "  ")
	for i, h := range head {
		p.cell(cell{text: h, style: dim, right: rows[0][i].right}, widths[i], i == len(head)-1)
	}
	for _, row := range rows {
		p.put(plain, "  ")
		for i, c := range row {
			p.cell(c, widths[i], i == len(row)-1)
		}
	}
}

// shrink takes columns from the widest that may be cut until a row fits. The last column, when
// it wraps, is content with a fifth of the line.
func (p *page) shrink(widths []int, row []cell) {
	last := len(widths) - 1
	for {
		total, widest := 2, -1
		for i, w := range widths {
			if i == last && !row[i].right {
				w = min(w, p.width/5)
			} else if !row[i].whole && !row[i].right && w > 8 && (widest < 0 || w > widths[widest]) {
				widest = i
			}
			total += w
			if i < last {
				total += 2
			}
		}
		if total <= p.width || widest < 0 {
			return
		}
		widths[widest]--
	}
}

func (p *page) cell(c cell, width int, last bool) {
	if last && !c.right {
		p.wrap(c.style, min(p.col, p.width-20), c.text)
		return
	}
	text := cut(clean(c.text), width)
	pad := strings.Repeat(" ", width-utf8.RuneCountInString(text))
	if c.right {
		p.put(plain, pad)
		pad = ""
	}
	p.put(c.style, text)
	if last {
		p.nl()
		return
	}
	p.put(plain, pad+"  ")
}
