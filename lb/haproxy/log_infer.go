package haproxy

import (
	"bytes"

	"limpet.dev/lb"
	"limpet.dev/lb/logtext"
)

// inferCaptures finds out from the sample what the braces of httplog lines hold: values that can only be
// a User-Agent, the address of a page, or the name of a host. Without a sample nothing is known.
func inferCaptures(opt *lb.LogOptions) *captureSet {
	c := &captureSet{vars: map[string]*expr{}}
	var request, response [][]byte
	for line := range bytes.Lines(logtext.Head(opt.Sample, 64<<10)) {
		line = bytes.TrimRight(line, "\r\n")
		blocks := braceBlocks(line)
		if len(blocks) > 0 {
			request = append(request, blocks[0])
		}
		if len(blocks) > 1 {
			response = append(response, blocks[1])
		}
		c.learnCookie(line, opt)
	}
	c.request = guessColumns(request, guessRequest)
	c.response = guessColumns(response, guessResponse)
	return c
}

// braceBlocks returns what stands between the braces in front of the request line.
func braceBlocks(line []byte) [][]byte {
	quote := bytes.IndexByte(line, '"')
	if quote < 0 {
		return nil
	}
	var blocks [][]byte
	rest := line[:quote]
	for len(blocks) < 2 {
		open := bytes.Index(rest, []byte(" {"))
		if open < 0 {
			break
		}
		end := bytes.IndexByte(rest[open:], '}')
		if end < 0 {
			break
		}
		blocks = append(blocks, rest[open+2:open+end])
		rest = rest[open+end:]
	}
	return blocks
}

func guessColumns(blocks [][]byte, guess func([]byte) meaning) []capture {
	var columns []map[meaning]int
	for _, block := range blocks {
		for i, v := range bytes.Split(block, []byte("|")) {
			for len(columns) <= i {
				columns = append(columns, map[meaning]int{})
			}
			if len(v) > 0 {
				columns[i][guess(v)]++
			}
		}
	}
	list := make([]capture, len(columns))
	for i, votes := range columns {
		if len(votes) == 1 { // all values agree
			for m := range votes {
				list[i].what = m
			}
		} else if votes[meansUserAgent] > 0 {
			list[i].what = meansUserAgent // other programs than browsers name themselves as they like
		}
	}
	return list
}

func guessRequest(v []byte) meaning {
	switch {
	case bytes.HasPrefix(v, []byte("Mozilla/")), bytes.HasPrefix(v, []byte("curl/")):
		return meansUserAgent
	case bytes.HasPrefix(v, []byte("http://")), bytes.HasPrefix(v, []byte("https://")):
		return meansReferer
	case looksHost(v):
		return meansHost
	}
	return meansNothing
}

func guessResponse(v []byte) meaning {
	if bytes.HasPrefix(v, []byte("http://")) || bytes.HasPrefix(v, []byte("https://")) {
		return meansLocation
	}
	return meansNothing
}

// looksHost reports whether v is a DNS name with a dot, and no number or address.
func looksHost(v []byte) bool {
	name, _, _ := bytes.Cut(v, []byte(":"))
	dots, letters := 0, 0
	for _, c := range name {
		switch {
		case c == '.':
			dots++
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
			letters++
		case !logtext.IsDigit(c) && c != '-':
			return false
		}
	}
	return dots > 0 && letters > 1
}

// learnCookie finds out that a sample's httplog lines capture a cookie, and which one.
func (c *captureSet) learnCookie(line []byte, opt *lb.LogOptions) {
	words := bytes.SplitN(line[syslog.Header(line).Msg:], []byte(" "), 10)
	if c.cookie != "" || len(words) < 10 || len(words[1]) != 26 || words[1][0] != '[' {
		return
	}
	for _, w := range words[7:9] {
		name, _, ok := bytes.Cut(w, []byte("="))
		if !ok || len(name) == 0 || len(name) > 64 {
			continue
		}
		if opt.SessionCookie == "" || opt.SessionCookie == string(name) || opt.AffinityCookie == string(name) {
			c.cookie = string(name)
			return
		}
	}
}
