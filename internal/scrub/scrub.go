// Package scrub makes evidence fit to be handed on: HAR files, curl transcripts, balancers' logs and lifecycle events
// without credentials. Equal credentials become equal pseudonyms, so that a diagnosis of what is left finds the same.
package scrub

import (
	"bytes"
	"errors"
	"io"

	"limpet.dev/capture"
	"limpet.dev/lb"
	"limpet.dev/session"
)

// Options say how to scrub.
type Options struct {
	Key      session.Key
	Products []*lb.Product
	Cookie   string // the session cookie's name, where a log does not say it; "" none
}

// A Result says what was done to one file.
type Result struct {
	Kind    string // "har", "curl", "headers", "haproxy/httplog", "limpet.events", …
	Removed map[string]int
}

// ErrUnknown is the answer to a file that nobody here understands: what is not understood cannot be scrubbed.
var ErrUnknown = errors.New("neither a HAR, a curl transcript, lifecycle events, nor a log of a balancer that limpet knows; nothing was written")

const headSize = 64 << 10

// Copy copies r to w without credentials. With ErrUnknown nothing was written; with a *capture.BrokenError what stands before
// the place was.
func Copy(w io.Writer, r io.Reader, opt Options) (Result, error) {
	head := make([]byte, headSize)
	n, err := io.ReadFull(r, head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return Result{}, err
	}
	head = head[:n]
	all := io.MultiReader(bytes.NewReader(head), r)
	s := &capture.Scrubber{Key: opt.Key}
	res := Result{Kind: string(capture.Sniff(head))}
	switch kind := capture.Sniff(head); {
	case kind == capture.HAR:
		err = s.ScrubHAR(w, all)
	case kind != capture.Unknown:
		err = s.ScrubTranscript(w, all)
	default:
		res.Kind, err = copyLines(w, all, head, s, &opt)
	}
	res.Removed = s.Removed
	return res, err
}

// copyLines copies a log or events.
func copyLines(w io.Writer, r io.Reader, head []byte, s *capture.Scrubber, opt *Options) (string, error) {
	if looksLikeEvents(head) {
		var p session.EventParser
		return "limpet.events", eachLine(w, r, s, func(line []byte) ([]byte, bool) {
			var e session.Event
			if p.Parse(line, &e) != "" {
				return nil, false
			}
			return scrubEvent(line, s)
		})
	}
	product := productOf(head, opt.Products)
	if product == nil {
		return "", ErrUnknown
	}
	parser, err := product.Parser(lb.LogOptions{SessionCookie: opt.Cookie, Sample: head})
	if err != nil {
		return "", err
	}
	l := &logLine{s: s, parser: parser}
	return parser.Format(), eachLine(w, r, s, l.scrub)
}

// productOf returns the product whose log this is most likely.
func productOf(head []byte, products []*lb.Product) *lb.Product {
	var best *lb.Product
	most := 0.3
	for _, p := range products {
		if p.SniffLog == nil || p.Parser == nil {
			continue
		}
		if v := p.SniffLog(head); v > most {
			best, most = p, v
		}
	}
	return best
}

func looksLikeEvents(head []byte) bool {
	var p session.EventParser
	var e session.Event
	lines, events := 0, 0
	for line := range bytes.Lines(head) {
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		if lines++; lines > 50 {
			break
		}
		switch p.Parse(line, &e) {
		case "", session.UnknownEvent, session.NoKey:
			events++
		}
	}
	return events*2 > lines
}
