package nginx

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"limpet.dev/internal/need"
	"limpet.dev/lb"
	"limpet.dev/session"
)

// corpusLines calls add for lines of the corpus, some of each file.
func corpusLines(f *testing.F, add func(line []byte)) {
	files, _ := filepath.Glob(filepath.Join(need.Corpus(f, "logs/nginx"), "*"))
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		n := 0
		for line := range bytes.Lines(data) {
			if n++; n > 12 {
				break
			}
			add(bytes.TrimRight(line, "\r\n"))
		}
	}
}

// fuzzParsers are parsers of very different formats.
func fuzzParsers(f *testing.F) (list []lb.LineParser) {
	for _, opt := range []lb.LogOptions{{Year: 2026}, {Format: ownLogFormat, SessionCookie: "SID"}, {Format: roundTripFormats["json"], SessionCookie: "SID", Config: writerConfig("combined")},
		{Format: roundTripFormats["no escape"], SessionCookie: "SID", AffinityCookie: "SRV"}, {Format: `$remote_addr$status$upstream_addr$msec $http_user_agent $http_cookie$sent_http_set_cookie`, SessionCookie: "SID"}} {
		p, err := newParser(opt)
		if err != nil {
			f.Fatal(err)
		}
		list = append(list, p)
	}
	return list
}

// FuzzParser: no line makes the parser panic, every line is an event with a kind or is skipped for a reason, and the
// quick way reads what the slow one does.
func FuzzParser(f *testing.F) {
	corpusLines(f, func(line []byte) { f.Add(string(line)) })
	for _, line := range []string{"", "\x00", benchLine, ownLine, `<190>Nov 24 10:00:00 lb nginx: ` + benchLine, `1795475715.711 0.003 ::1 GET "/" 200 5 a:1, b:2 : c 502, 200 0.001, - : 0.2 0.1 x y "ua"`} {
		f.Add(line)
	}
	parsers := fuzzParsers(f)
	f.Fuzz(func(t *testing.T, line string) {
		for _, p := range parsers {
			var a, b session.Event
			first := p.Parse([]byte(line), &a)
			if first == lb.Read && a.Kind == 0 {
				t.Errorf("%q: an event without a kind", line)
			}
			if a.Kind == session.Request && (a.End < a.Start || a.Start == 0) {
				t.Errorf("%q: from %d to %d", line, a.Start, a.End)
			}
			if second := p.Parse([]byte(line), &b); second != first || a.Kind != b.Kind || a.Status != b.Status || !bytes.Equal(a.Target, b.Target) {
				t.Errorf("%q: read as %q, then as %q", line, first, second)
			}
		}
		sniffLog([]byte(line))
		p, err := newParser(lb.LogOptions{Sample: []byte(line + "\n" + line + "\n")})
		if err != nil {
			t.Fatal(err)
		}
		p.Parse([]byte(line), new(session.Event))
	})
}

// FuzzErrorLine: no line of the error log makes the parser panic, and what an event says in words quotes nothing that
// a client sent.
func FuzzErrorLine(f *testing.F) {
	corpusLines(f, func(line []byte) {
		if isErrorLine(line) {
			f.Add(string(line[20:]))
		}
	})
	for _, m := range errorCases {
		f.Add(m.line[20:])
	}
	parsers := fuzzParsers(f)
	f.Fuzz(func(t *testing.T, rest string) {
		line := "2026/11/24 10:00:00 " + rest
		for _, p := range parsers {
			var e session.Event
			skip := p.Parse([]byte(line), &e)
			if skip == lb.Read && e.Kind == 0 {
				t.Errorf("%q: an event without a kind", line)
			}
			if skip == lb.Read && e.Kind != session.Request && bytes.IndexByte(e.Detail, '"') >= 0 {
				t.Errorf("%q: quoted text in %q", line, e.Detail)
			}
		}
	})
}

// FuzzFormat: no format makes the compiler, the parser or the writer panic, and what the writer writes in an accepted
// format is an event or a skip.
func FuzzFormat(f *testing.F) {
	for _, text := range append(builtIns, headerFormat, "log_format x escape=json '{\"a\":\"$host\"}' '$status';", `"$a" '$b'`, "$", "${", "${a", "$a$b$c", "escape=none $request", "escape=x $a", `'a\'$b'`) {
		f.Add(text, "x")
	}
	for _, text := range roundTripFormats {
		f.Add(text, `a "b\c`)
	}
	f.Fuzz(func(t *testing.T, text, value string) {
		p, err := newParser(lb.LogOptions{Format: text, SessionCookie: "SID"})
		if err != nil {
			return
		}
		w, err := newWriter(lb.LogOptions{Format: text, SessionCookie: "SID"})
		if err != nil {
			t.Fatalf("%q: read but not written: %v", text, err)
		}
		r := sampleRecord()
		r.UserAgent, r.Host, r.Session = value, value, value
		line := w.AppendRequest(nil, r)
		var e session.Event
		p.Parse(line[:len(line)-1], &e)
		p.Clone().Parse([]byte(value), &e)
	})
}

// FuzzShortWay feeds the short way from lines to records with lines that are nearly usual.
func FuzzShortWay(f *testing.F) {
	f.Add([]byte(benchLine+"\n"), uint16(40), byte(' '))
	f.Add([]byte(`10.0.0.1 - - [24/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 5 "-" "-" 1795514400.123 0.013 - - - -`), uint16(3), byte('-'))
	f.Fuzz(func(t *testing.T, data []byte, at uint16, sign byte) {
		usual := []byte(benchLine + "\n")
		changed := bytes.Clone(usual)
		changed[int(at)%(len(changed)-1)] = sign
		data = append(append(append(append(bytes.Clone(usual), data...), '\n'), changed...), usual...)
		bothWays(t, lb.LogOptions{Format: benchFormat, SessionCookie: "SHOPSESSION"}, data)
	})
}
