package logtext

import (
	"testing"
	"time"
)

var shop = &Program{Name: "shopd", Begins: func(w []byte) bool { return len(w) > 0 && (w[0] == '{' || w[0] == '[') }}

// TestHeaders: the message and the time are found behind every form of header.
func TestHeaders(t *testing.T) {
	want := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	for line, form := range map[string]Form{
		"message here":                                  None,
		"shopd: message here":                           None,
		"shopd[12]: message here":                       None,
		"web-1  | message here":                         None,
		"Nov 24 10:00:00 host shopd[12]: message here":  BSD,
		"<134>Nov 24 10:00:00 host shopd: message here": BSD,
		"Nov 24 10:00:01 relay Nov 24 10:00:00 host shopd[12]: message here":            BSD,
		"2026-11-24T10:00:00.000000+00:00 host shopd[12]: message here":                 ISO,
		"2026-11-24T12:00:00+02:00 stdout F {message here":                              ISO,
		"<190>1 2026-11-24T10:00:00Z host shopd 12 - - message here":                    RFC5424,
		`<190>1 2026-11-24T10:00:00Z host shopd 12 id [a@1 b="]\"x"] ` + "message here": RFC5424,
	} {
		h := shop.Header([]byte(line))
		if h.Form != form {
			t.Errorf("%s: form %d, want %d", line, h.Form, form)
		}
		if at, ok := h.Time([]byte(line), 2026, 0, time.UTC); form != None && (!ok || at < want.UnixNano() || at > want.UnixNano()+int64(time.Second)) {
			t.Errorf("%s: time %v, %v", line, time.Unix(0, at).UTC(), ok)
		}
	}
}

// TestYearOfBSDTime: without a year the reference decides, also across New Year.
func TestYearOfBSDTime(t *testing.T) {
	newYear := time.Date(2027, 1, 1, 0, 0, 1, 0, time.UTC).UnixNano()
	at, ok := BSDTime([]byte("Dec 31 23:59:59"), 0, newYear, time.UTC)
	if want := newYear - int64(2*time.Second); !ok || at != want {
		t.Errorf("got %v, want %v", time.Unix(0, at).UTC(), time.Unix(0, want).UTC())
	}
	if _, ok := BSDTime([]byte("Dec 31 23:59:59"), 0, 0, time.UTC); ok {
		t.Error("a time without year and reference was read")
	}
}

// TestTimes: zones count, and what is no time is not read.
func TestTimes(t *testing.T) {
	want := time.Date(2026, 11, 24, 8, 0, 0, 123e6, time.UTC).UnixNano()
	for _, text := range []string{"2026-11-24T08:00:00.123Z", "2026-11-24T10:00:00.123+02:00", "2026-11-24T03:00:00.123-0500"} {
		if at, ok := ISOTime([]byte(text), time.UTC); !ok || at != want {
			t.Errorf("%s: %v, %v", text, time.Unix(0, at).UTC(), ok)
		}
	}
	if at, ok := ZonedDate([]byte("24/Nov/2026:10:00:00 +0200")); !ok || at != want-123e6 {
		t.Errorf("zoned date: %v, %v", time.Unix(0, at).UTC(), ok)
	}
	for _, text := range []string{"24/Nov/2026:25:00:00 +0200", "24/Now/2026:10:00:00 +0200", "24-Nov-2026:10:00:00 +0200", "24/Nov/2026:10:00:00 +02xx"} {
		if _, ok := ZonedDate([]byte(text)); ok {
			t.Errorf("%s was read", text)
		}
	}
}

// TestNumber: signs, and what is no number.
func TestNumber(t *testing.T) {
	for text, want := range map[string]int64{"0": 0, "+12": 12, "-1": -1, "123456789012345678": 123456789012345678} {
		if got, ok := Number([]byte(text)); !ok || got != want {
			t.Errorf("%s: %d, %v", text, got, ok)
		}
	}
	for _, text := range []string{"", "-", "1.5", "1234567890123456789", "x"} {
		if _, ok := Number([]byte(text)); ok {
			t.Errorf("%q was read", text)
		}
	}
}
