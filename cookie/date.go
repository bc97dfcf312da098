package cookie

import "time"

// ParseDate reads the value of Expires as browsers do (bis, 5.1.1): tokens in any order,
// always UTC.
func ParseDate(text string) (time.Time, bool) { return parseDate(text, dateRules{century: 70}) }

// dateRules are the ways in which clients read dates otherwise than bis.
type dateRules struct {
	loose   bool // as Firefox
	century int  // the first year of two digits that is one of the last century; 70, in curl 71
}

func parseDate(text string, rules dateRules) (time.Time, bool) {
	var d date
	for i := 0; i < len(text); {
		for i < len(text) && isDelimiter(text[i]) {
			i++
		}
		from := i
		for i < len(text) && !isDelimiter(text[i]) {
			i++
		}
		if from < i {
			d.token(text[from:i])
		}
	}
	return d.time(rules)
}

// date collects what tokens say; the first token of each kind counts.
type date struct {
	hour, minute, second, day, month, year int
	hasTime, hasDay, hasMonth, hasYear     bool
}

func isDelimiter(b byte) bool {
	return b == 0x09 || b >= 0x20 && b <= 0x2f || b >= 0x3b && b <= 0x40 || b >= 0x5b && b <= 0x60 || b >= 0x7b && b <= 0x7e
}

func (d *date) token(t string) {
	if !d.hasTime {
		if h, m, s, ok := clock(t); ok {
			d.hour, d.minute, d.second, d.hasTime = h, m, s, true
			return
		}
	}
	n, digits := leadingDigits(t)
	if !d.hasDay && (digits == 1 || digits == 2) {
		d.day, d.hasDay = n, true
		return
	}
	if !d.hasMonth && digits == 0 && len(t) >= 3 {
		if m := month(t); m > 0 {
			d.month, d.hasMonth = m, true
			return
		}
	}
	if !d.hasYear && digits >= 2 && digits <= 4 {
		d.year, d.hasYear = n, true
	}
}

// time checks the ranges (bis, 5.1.1 steps 3 to 5). Loose: as Firefox's PR_ParseTimeString, the
// time may be missing, and a day or an hour too many is one of the next month or day.
func (d *date) time(rules dateRules) (time.Time, bool) {
	loose := rules.loose
	if !d.hasTime && !loose || !d.hasDay || !d.hasMonth || !d.hasYear {
		return time.Time{}, false
	}
	switch {
	case d.year >= rules.century && d.year <= 99:
		d.year += 1900
	case d.year < rules.century:
		d.year += 2000
	}
	if d.day < 1 || d.day > 31 || d.year < 1601 || !loose && (d.hour > 23 || d.minute > 59 || d.second > 59) {
		return time.Time{}, false
	}
	t := time.Date(d.year, time.Month(d.month), d.day, d.hour, d.minute, d.second, 0, time.UTC)
	return t, loose || t.Day() == d.day // 31 February is no date
}

// leadingDigits reads digits up to the first other octet.
func leadingDigits(t string) (n, count int) {
	for count < len(t) && t[count] >= '0' && t[count] <= '9' {
		if count < 5 {
			n = n*10 + int(t[count]-'0')
		}
		count++
	}
	return n, count
}

// clock reads h:m:s, each of one or two digits; junk may follow.
func clock(t string) (h, m, s int, ok bool) {
	var part [3]int
	for i := range part {
		n, digits := leadingDigits(t)
		if digits < 1 || digits > 2 {
			return 0, 0, 0, false
		}
		part[i], t = n, t[digits:]
		if i < 2 {
			if t == "" || t[0] != ':' {
				return 0, 0, 0, false
			}
			t = t[1:]
		}
	}
	return part[0], part[1], part[2], true
}

const months = "janfebmaraprmayjunjulaugsepoctnovdec"

func month(t string) int {
	for m := range 12 {
		name := months[m*3 : m*3+3]
		if t[0]|0x20 == name[0] && t[1]|0x20 == name[1] && t[2]|0x20 == name[2] {
			return m + 1
		}
	}
	return 0
}
