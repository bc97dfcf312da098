package main

import (
	"fmt"
	"io"
	"log/slog"
	"time"
)

// A progress tells on standard error how far a command is: one line that rewrites itself on a
// terminal, nothing elsewhere, so that logs of jobs stay readable. Steps are told anywhere.
type progress struct {
	w        io.Writer
	terminal bool
	began    time.Time
	shown    time.Time
	open     bool         // a line stands without its end
	log      *slog.Logger // takes the steps where messages are wanted as JSON, nil: plain lines
}

func newProgress(e *env, g *global) *progress {
	p := &progress{w: g.talk(e), terminal: e.talkTerminal && !g.quiet && g.logFormat == "text", began: time.Now()}
	if g.logFormat == "json" {
		p.log = e.log
	}
	return p
}

// Progress is worth showing when the wait is felt, and often enough to move.
const (
	quietFor  = 400 * time.Millisecond
	showEvery = 100 * time.Millisecond
)

// bytes tells how much of the input is read.
func (p *progress) bytes(done, total int64) {
	now := time.Now()
	if !p.terminal || total <= 0 || now.Sub(p.began) < quietFor || now.Sub(p.shown) < showEvery {
		return
	}
	p.shown, p.open = now, true
	fmt.Fprintf(p.w, "\rreading: %3d %% of %s\x1b[K", 100*min(done, total)/total, size(total))
}

// step tells what goes on.
func (p *progress) step(text string) {
	p.end()
	if p.log != nil {
		p.log.Info("progress", "step", text)
		return
	}
	fmt.Fprintf(p.w, "%s\n", text)
}

// end takes the open line away.
func (p *progress) end() {
	if p.open {
		fmt.Fprint(p.w, "\r\x1b[K")
		p.open = false
	}
}

func size(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%d MiB", n>>20)
	}
	return fmt.Sprintf("%d KiB", (n+1023)>>10)
}
