package nginx

import (
	"bytes"
	"strings"

	"limpet.dev/lb/logtext"
)

// inferSample bounds from how many lines a format is inferred.
const inferSample = 200

// infer makes a variant of a sample in which no known format fits: lines of JSON whose keys say what the values
// are, or a known line with more fields behind it. It is nil if the lines do not tell time and answer.
func (p *parser) infer() *variant {
	var lines [][]byte
	p.sampleLines(func(line []byte, at int) bool {
		if msg := line[at:]; !isErrorLine(msg) && len(msg) > 2 {
			lines = append(lines, msg)
		}
		return len(lines) < inferSample
	})
	var f *lineFormat
	name := ""
	switch {
	case len(lines) == 0:
		return nil
	case lines[0][0] == '{':
		f, name = inferObject(lines), "nginx/json"
	default:
		f, name = p.inferTail(lines)
	}
	if f == nil {
		return nil
	}
	f.finish()
	v := bindFormat(f, &p.opt)
	v.name = name
	if !v.tellsRequests() || !datedBy(f.fields) {
		return nil
	}
	return v
}

// inferTail finds a known format that the lines begin with, and asks all of them what the words behind it are.
func (p *parser) inferTail(lines [][]byte) (*lineFormat, string) {
	for _, text := range []string{formatMain, formatCombined, formatVhost, formatCommon} {
		base, err := compileFormat(text + " $limpet_rest")
		if err != nil {
			return nil, ""
		}
		var tails [][]tailWord
		for _, line := range lines {
			if !p.matcher.match(base, line, 0) {
				continue
			}
			at := p.matcher.spans[len(base.fields)-1]
			tails = append(tails, splitTail(line[at.from:at.to]))
		}
		if len(tails)*2 <= len(lines) {
			continue
		}
		if f := joinTail(base, tails); f != nil {
			return f, formatTitles[text] + "+"
		}
	}
	return nil, ""
}

// A tailWord is one field behind a known format: key="value", key=value, "value", [value] or value.
type tailWord struct {
	lead, value, close string
}

// splitTail splits what stands behind a known format. Items of a list of upstreams stay together.
func splitTail(b []byte) []tailWord {
	var words []tailWord
	for len(b) > 0 {
		var w tailWord
		if k := bytes.IndexAny(b, "=:\" ["); k > 0 && (b[k] == '=' || b[k] == ':' && k+1 < len(b) && b[k+1] != ' ' && !logtext.IsDigit(b[0])) && isName(b[:k]) {
			w.lead = string(b[:k+1])
			b = b[k+1:]
		}
		end := 0
		switch {
		case len(b) > 0 && b[0] == '"':
			w.lead, w.close = w.lead+`"`, `"`
			if end = seek(b, 1, '"'*ones); end < 0 {
				return nil
			}
			w.value, b = string(b[1:end]), b[end+1:]
		case len(b) > 0 && b[0] == '[':
			w.lead, w.close = w.lead+"[", "]"
			if end = bytes.IndexByte(b, ']'); end < 0 {
				return nil
			}
			w.value, b = string(b[1:end]), b[end+1:]
		default:
			end = listEnd(b, 0)
			w.value, b = string(b[:end]), b[end:]
		}
		words = append(words, w)
		if len(b) > 0 && b[0] != ' ' {
			return nil
		}
		b = bytes.TrimPrefix(b, []byte(" "))
	}
	return words
}

func isName(b []byte) bool {
	for _, c := range b {
		if !isNameByte(c) && c != '-' && c != '.' {
			return false
		}
	}
	return len(b) > 0
}

// joinTail appends to a format the fields on whose form most of the tails agree.
func joinTail(base *lineFormat, tails [][]tailWord) *lineFormat {
	first := tails[0]
	if len(first) == 0 {
		return nil
	}
	votes := make([]map[meaning]int, len(first))
	fitting := 0
	for _, t := range tails {
		if !sameForm(first, t) {
			continue
		}
		fitting++
		for i, w := range t {
			if votes[i] == nil {
				votes[i] = map[meaning]int{}
			}
			if m := looksLike(w.value); m != meansNothing {
				votes[i][m]++
			}
		}
	}
	if fitting*2 <= len(tails) {
		return nil
	}
	f := &lineFormat{text: base.text, lead: base.lead, fields: append([]field(nil), base.fields[:len(base.fields)-1]...)}
	last := &f.fields[len(f.fields)-1]
	seen := map[meaning]bool{}
	for i, w := range first {
		last.next += w.lead
		n := field{name: "inferred", esc: escapeDefault, loose: true}
		n.what, n.secret = tailMeaning(w.lead, votes[i], seen)
		n.shape = shapeOf(n.what)
		n.next = w.close
		if i+1 < len(first) {
			n.next += " "
		}
		seen[n.what] = true
		f.fields = append(f.fields, n)
		last = &f.fields[len(f.fields)-1]
	}
	return f
}

func sameForm(a, b []tailWord) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].lead != b[i].lead || a[i].close != b[i].close {
			return false
		}
	}
	return true
}

// looksLike says what a value can only be; a duration is meansRequestTime.
func looksLike(v string) meaning {
	b := []byte(v)
	last := lastItem(b)
	if _, ok := millis(last); ok {
		return meansRequestTime
	}
	switch v {
	case "HIT", "MISS", "BYPASS", "EXPIRED", "STALE", "UPDATING", "REVALIDATED":
		return meansCache
	case "http", "https":
		return meansScheme
	}
	switch {
	case len(v) == 32 && strings.Trim(v, "0123456789abcdef") == "":
		return meansRequestID
	case looksAddress(last):
		return meansUpAddr
	case len(last) == 3 && last[0] >= '1' && last[0] <= '5' && isDigits(last):
		return meansUpStatus
	}
	return meansNothing
}

func isDigits(b []byte) bool {
	_, ok := count(b)
	return ok
}

// looksAddress reports whether b is ip:port or unix:/path.
func looksAddress(b []byte) bool {
	if bytes.HasPrefix(b, []byte("unix:/")) {
		return true
	}
	k := bytes.LastIndexByte(b, ':')
	if k < 4 || !isDigits(b[k+1:]) {
		return false
	}
	return bytes.Count(b[:k], []byte(".")) == 3 && isNumbers(b[:k]) || b[0] == '[' && b[k-1] == ']'
}

func isNumbers(b []byte) bool {
	for _, c := range b {
		if !logtext.IsDigit(c) && c != '.' {
			return false
		}
	}
	return true
}

// tailMeaning says what a field behind a known line means: by its label, else by what all values look like. Of two
// durations without labels the first is the request's and the second the server's, as nearly everybody
// writes them.
func tailMeaning(lead string, votes map[meaning]int, seen map[meaning]bool) (meaning, logtext.Secret) {
	label := strings.ToLower(strings.Trim(lead, `="[:`))
	if label != "" {
		if m, secret := labelMeaning(label); m != meansNothing {
			return m, secret
		}
	}
	if len(votes) != 1 {
		return meansNothing, logtext.Raw
	}
	for m := range votes {
		switch {
		case m == meansRequestTime && seen[meansRequestTime]:
			m = meansUpTime
		case label != "" && (m == meansRequestTime || m == meansUpStatus):
			return meansNothing, logtext.Raw // a label that we do not know says what it is
		}
		if seen[m] {
			return meansNothing, logtext.Raw
		}
		return m, logtext.Raw
	}
	return meansNothing, logtext.Raw
}

// shapeOf returns the shape in which a meaning comes; what nobody knows is text.
func shapeOf(m meaning) shape {
	switch m {
	case meansUpAddr, meansUpStatus, meansUpTime, meansUpHeader, meansUpConnect:
		return shapeList
	case meansRequestTime, meansStatus, meansBytes, meansTimeMsec, meansRequestMs, meansClientPort:
		return shapeNumber
	case meansCache, meansScheme, meansRequestID, meansClient:
		return shapeWord
	}
	return shapeText
}
