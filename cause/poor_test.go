package cause_test

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"limpet.dev/diagnose"
	"limpet.dev/internal/ingest"
	"limpet.dev/internal/lab"
	"limpet.dev/lb/products"
)

// A bundleFiles is a bundle's files by name.
type bundleFiles map[string][]byte

// A poverty makes a bundle poorer in one way.
type poverty struct {
	name string
	make func(f bundleFiles)

	// right is how many in a hundred of the recorded cases must still have their cause ranked first; 0: none need to be, but what is
	// missing must be said.
	right int

	// says must stand in the report of every case that is not decided.
	says string
}

var poverties = []poverty{
	{"full log only", keepOnly("haproxy.log"), 60, ""},
	{"full log and configuration", keepOnly("haproxy.log", "haproxy.cfg"), 60, ""},
	{"default log only", func(f bundleFiles) { keepOnly("haproxy.log")(f); f["haproxy.log"] = defaultLines(f["haproxy.log"]) }, 0, "limpet logline haproxy"},
	{"events only", keepOnly("events.jsonl"), 40, ""},
	{"no limpet.yaml", without("limpet.yaml"), 95, ""},
	{"limpet.yaml that names one file", func(f bundleFiles) { f["limpet.yaml"] = []byte("service: shop\nevents: [events.jsonl]\n") }, 95, ""},
	{"limpet.yaml that is wrong", wrongIntent, 90, ""},
	{"no change records", without("changes.jsonl"), 95, ""},
	{"misleading change records", misleadingChanges, 90, ""},
	{"one address for all clients", oneAddress, 90, ""},
	{"opaque session ids", opaqueIDs, 90, ""},
	{"events without session ids", withoutField("session"), 90, ""},
	{"events without reasons", withoutField("reason"), 85, ""},
	{"two balancers with clocks apart", twoBalancers, 90, ""},
	{"two sessions in a hundred are broken, or fewer", oneInAHundred, 85, ""},
	{"log lines cut off", cutLines, 90, ""},
}

func keepOnly(names ...string) func(bundleFiles) {
	return func(f bundleFiles) {
		for n := range f {
			if !slices.Contains(names, n) && n != "limpet.key" {
				delete(f, n)
			}
		}
	}
}

func without(name string) func(bundleFiles) { return func(f bundleFiles) { delete(f, name) } }

// wrongIntent declares another storage, another idle time, other instances and another cookie than there are.
func wrongIntent(f bundleFiles) {
	f["limpet.yaml"] = []byte(`service: shop
sessions:
  - name: shop
    carrier: {cookie: OTHER}
    storage: database
    lifetime: {idle: 12h, absolute: 24h}
tiers:
  - {name: edge, product: haproxy, config: old.cfg, pool: be_other, logs: [old.log]}
instances: [{name: web9, address: "10.9.9.9:80"}]
`)
}

// misleadingChanges records a deployment, a restart of the store and a new configuration in the middle of the run.
func misleadingChanges(f bundleFiles) {
	var first, last time.Time
	for _, m := range regexp.MustCompile(`"time":"([^"]+)"`).FindAllSubmatch(f["events.jsonl"], -1) {
		at, err := time.Parse(time.RFC3339Nano, string(m[1]))
		if err == nil && first.IsZero() {
			first = at
		}
		last = at
	}
	middle := first.Add(last.Sub(first) / 2).Format(time.RFC3339Nano)
	f["changes.jsonl"] = fmt.Appendf(nil, `{"time":%q,"kind":"deploy","target":"app1","what":"assets only"}
{"time":%[1]q,"kind":"store","what":"minor version of the cache"}
{"time":%[1]q,"kind":"config","what":"balancer: certificate renewed"}
`, middle)
}

var clientField = regexp.MustCompile(` ci=[0-9.]+:`)

func oneAddress(f bundleFiles) {
	f["haproxy.log"] = clientField.ReplaceAll(f["haproxy.log"], []byte(" ci=192.0.2.7:"))
}

var eventSession = regexp.MustCompile(`"(session|previous)":"s:([a-z2-7]{26})"`)

// opaqueIDs gives the application identifiers of its own.
func opaqueIDs(f bundleFiles) {
	f["events.jsonl"] = eventSession.ReplaceAllFunc(f["events.jsonl"], func(b []byte) []byte {
		m := eventSession.FindSubmatch(b)
		slices.Reverse(m[2])
		return fmt.Appendf(nil, `"%s":"internal-%s"`, m[1], m[2][:12])
	})
}

func withoutField(name string) func(bundleFiles) {
	field := regexp.MustCompile(`"` + name + `":"[^"]*",?`)
	return func(f bundleFiles) { f["events.jsonl"] = field.ReplaceAll(f["events.jsonl"], nil) }
}

// twoBalancers shares the clients out to two balancers, of which the second one's clock is 41 seconds ahead.
func twoBalancers(f bundleFiles) {
	var one, two []byte
	for line := range bytes.Lines(f["haproxy.log"]) {
		at, rest, ok := bytes.Cut(line, []byte(" "))
		m := clientField.Find(line)
		ns, err := strconv.ParseFloat(string(at), 64)
		switch {
		case !ok || m == nil || err != nil:
			one = append(one, line...)
		case m[len(m)-2]%2 == 0:
			one = append(one, line...)
		default:
			two = append(two, fmt.Sprintf("%.3f ", ns+41)...)
			two = append(two, rest...)
		}
	}
	f["haproxy.log"], f["haproxy-b.log"] = one, two
	f["limpet.yaml"] = bytes.Replace(f["limpet.yaml"], []byte("logs: [haproxy.log]"), []byte("logs: [haproxy.log, haproxy-b.log]"), 1)
}

// cutLines cuts the log's lines so that two in five lose their end, as syslog does at 1,024 bytes.
func cutLines(f bundleFiles) {
	var lengths []int
	for line := range bytes.Lines(f["haproxy.log"]) {
		lengths = append(lengths, len(line))
	}
	slices.Sort(lengths)
	most := lengths[len(lengths)*3/5]
	var out []byte
	for line := range bytes.Lines(f["haproxy.log"]) {
		if len(line) > most {
			line = append(slices.Clip(line[:most-1]), '\n')
		}
		out = append(out, line...)
	}
	f["haproxy.log"] = out
}

var ownLine = regexp.MustCompile(`^(\d+)\.(\d+) ti=\S+ th=\S+ ci=(\S+) fe=(\S+) be=(\S+) srv=(\S+) m=(\S+) st=(\S+) b=(\S+) tsc=(\S+) rc=(\S+) q=(\S+) tr=(\S+) tw=(\S+) tc=(\S+) trs=(\S+) ta=(\S+) .* p="([^"]*)"`)

// defaultLines writes the recorded lines as "option httplog" does: nothing in them names a session.
func defaultLines(log []byte) []byte {
	var out []byte
	for line := range bytes.Lines(log) {
		m := ownLine.FindStringSubmatch(string(line))
		if m == nil {
			out = append(out, line...)
			continue
		}
		sec, _ := strconv.ParseInt(m[1], 10, 64)
		at := time.Unix(sec, 0).UTC().Format("02/Jan/2006:15:04:05") + "." + m[2]
		state := m[10][:2] + "--"
		out = fmt.Appendf(out, "%s [%s] %s %s/%s %s/%s/%s/%s/%s %s %s - - %s 1/1/0/0/%s %s \"%s %s HTTP/1.1\"\n", m[3], at, m[4], m[5], m[6], m[13], m[14], m[15], m[16], m[17], m[8], m[9], state, m[11], m[12], m[7], m[18])
	}
	return out
}

// oneInAHundred leaves three broken sessions and copies the whole ones, under other pseudonyms, request ids and addresses, until they
// are a hundred times as many. Where hardly a session stays whole the fault strikes everybody, and the bundle stays as it is.
func oneInAHundred(f bundleFiles) {
	const left = 3
	fate := map[string]string{} // request id -> whole, kept, gone
	broken := map[string]string{}
	n := 0
	for line := range strings.Lines(string(f["want"])) {
		if rest, ok := strings.CutPrefix(strings.TrimSpace(line), "broken "); ok {
			for _, s := range strings.Fields(rest) {
				broken[s] = map[bool]string{true: "kept", false: "gone"}[n < left]
			}
			n++
		}
	}
	ids := regexp.MustCompile(`"request_id":"([^"]+)"`)
	whole := map[string]bool{}
	for line := range bytes.Lines(f["events.jsonl"]) {
		s, id := eventSession.FindSubmatch(line), ids.FindSubmatch(line)
		if s == nil || id == nil {
			continue
		}
		was := broken["s:"+string(s[2])]
		if was == "" {
			whole[string(s[2])] = true
		}
		if was = cmp.Or(was, "whole"); fate[string(id[1])] == "" || was != "whole" {
			fate[string(id[1])] = was
		}
	}
	if len(whole) < 5 {
		return
	}
	f["rare"] = []byte("yes")
	logID := regexp.MustCompile(` id="([^"]+)"`)
	copies := 250*left/len(whole) + 1 // visitors without a session are among the whole
	var events, log []byte
	for k := -1; k < copies; k++ {
		for line := range bytes.Lines(f["events.jsonl"]) {
			id := ids.FindSubmatch(line)
			switch {
			case id == nil && k < 0, id != nil && k < 0 && fate[string(id[1])] != "gone":
				events = append(events, line...)
			case id != nil && k >= 0 && fate[string(id[1])] == "whole":
				line = eventSession.ReplaceAllFunc(line, func(b []byte) []byte { return renamed(b, k) })
				events = append(events, bytes.Replace(line, id[1], fmt.Appendf(nil, "%s~%d", id[1], k), 1)...)
			}
		}
		for line := range bytes.Lines(f["haproxy.log"]) {
			id := logID.FindSubmatch(line)
			switch {
			case id == nil && k < 0, id != nil && k < 0 && fate[string(id[1])] != "gone":
				log = append(log, line...)
			case id != nil && k >= 0 && fate[string(id[1])] == "whole":
				line = logPseudonym.ReplaceAllFunc(line, func(b []byte) []byte { return renamedHex(b, k) })
				line = bytes.Replace(line, id[1], fmt.Appendf(nil, "%s~%d", id[1], k), 1)
				log = append(log, bytes.Replace(line, []byte(" ci=127."), fmt.Appendf(nil, " ci=%d.", 10+k%100), 1)...)
			}
		}
	}
	f["events.jsonl"], f["haproxy.log"] = sortedLines(events, eventTime), sortedLines(log, logTime)
}

var logPseudonym = regexp.MustCompile(`sess=[0-9a-f]{32}`) // set_sess too

// renamed changes a pseudonym's first signs, in base32 and in hexadecimal alike: 8 signs are 40 bits are 10 digits.
func renamed(b []byte, k int) []byte {
	const alphabet = "abcdefghijklmnopqrstuvwxyz234567"
	at := bytes.Index(b, []byte("s:")) + 2
	for i := range 2 {
		v := strings.IndexByte(alphabet, b[at+i]) ^ (k+1)>>(5*i)&31
		b[at+i] = alphabet[v&31]
	}
	return b
}

func renamedHex(b []byte, k int) []byte {
	at := len("sess=")
	v, _ := strconv.ParseUint(string(b[at:at+10]), 16, 64)
	v ^= uint64((k+1)&31)<<35 | uint64((k+1)>>5&31)<<30
	return fmt.Appendf(nil, "sess=%010x%s", v, b[at+10:])
}

func eventTime(line []byte) string {
	if len(line) < 36 {
		return ""
	}
	return string(line[9:36])
}

func logTime(line []byte) string {
	at, _, _ := bytes.Cut(line, []byte(" "))
	return string(at)
}

// sortedLines sorts lines by time; those without one stay behind the line before them.
func sortedLines(text []byte, key func([]byte) string) []byte {
	type keyed struct {
		key  string
		line []byte
	}
	var lines []keyed
	last := ""
	for line := range bytes.Lines(text) {
		if k := key(line); k > "1" || strings.HasPrefix(k, "2") {
			last = k
		}
		lines = append(lines, keyed{last, line})
	}
	slices.SortStableFunc(lines, func(a, b keyed) int { return cmp.Compare(a.key, b.key) })
	var out []byte
	for _, l := range lines {
		out = append(out, l.line...)
	}
	return out
}

// poorReport makes a case poorer and diagnoses what is left.
func poorReport(t *testing.T, c *lab.Case, p poverty) (*diagnose.Report, bundleFiles) {
	t.Helper()
	dir := t.TempDir()
	files := bundleFiles{"want": wantOf(c)}
	for _, f := range c.Files {
		files[f.Name] = slices.Clone(f.Data)
	}
	p.make(files)
	for name, data := range files {
		if name == "want" || name == "rare" {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r, err := ingest.Diagnose(t.Context(), ingest.Options{Paths: []string{dir}, Products: products.All()})
	if err != nil {
		t.Fatalf("%s: %v", c.Name, err)
	}
	for _, in := range r.Inputs {
		if in.Lines != in.Events+in.Skipped {
			t.Errorf("%s: %s: %d lines, %d events, %d skipped", c.Name, in.Path, in.Lines, in.Events, in.Skipped)
		}
	}
	return r, files
}

func wantOf(c *lab.Case) []byte {
	var b []byte
	for _, life := range c.Broken {
		b = fmt.Appendf(b, "broken %s\n", strings.Join(life, " "))
	}
	return b
}

// TestPoorEvidence makes each recorded case poorer in each way: what can be known is found, what cannot is said with what to add,
// and no cause is named wrongly with a confidence above 0.8.
func TestPoorEvidence(t *testing.T) {
	cases := slices.DeleteFunc(readCases(t), func(c *lab.Case) bool {
		return !strings.HasSuffix(c.Name, "/seed1") && !strings.HasSuffix(c.Name, "/seed2")
	})
	for _, p := range poverties {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			right, wrong, open, all := 0, 0, 0, 0
			for _, c := range cases {
				r, files := poorReport(t, c, p)
				if c.Cause == lab.NoFault {
					if r.Verdict == diagnose.VerdictLost {
						t.Errorf("%s: %d breaks in a healthy run: %s", c.Name, len(r.Breaks), ranking(r))
					}
					continue
				}
				all++
				if files["rare"] != nil && float64(r.Totals.BrokenSessions) > 0.025*float64(r.Totals.Sessions) {
					t.Errorf("%s: %d of %d sessions are broken: that is not rare", c.Name, r.Totals.BrokenSessions, r.Totals.Sessions)
				}
				first := diagnose.Hypothesis{}
				if len(r.Hypotheses) > 0 && r.Hypotheses[0].Breaks > 0 {
					first = r.Hypotheses[0]
				}
				switch {
				case first.Cause == c.Cause:
					right++
				case first.Cause == "":
					open++
					checkOpen(t, c, r, p.says)
				default:
					wrong++
					t.Logf("%s: %s", c.Name, ranking(r))
					if first.Confidence > 0.8 {
						t.Errorf("%s: %s is wrong with confidence %.2f", c.Name, first.Cause, first.Confidence)
					}
				}
			}
			t.Logf("%d of %d causes right, %d wrong, %d open", right, all, wrong, open)
			if right*100 < p.right*all {
				t.Errorf("%d of %d causes right, want %d %%", right, all, p.right)
			}
		})
	}
}

// checkOpen: a case that is not decided says which line or event would decide it.
func checkOpen(t *testing.T, c *lab.Case, r *diagnose.Report, says string) {
	t.Helper()
	text := r.Summary
	for _, s := range r.Assessment {
		for _, e := range s.Evidence {
			text += " " + e.Text + " " + e.Source
		}
	}
	for _, h := range r.Hypotheses {
		text += " limpet: " + h.Next
		for _, m := range h.Missing {
			text += " " + m.Text + " " + m.Source
		}
	}
	if !strings.Contains(text, cmp.Or(says, "limpet")) {
		t.Errorf("%s: %s, and nothing says what to add: %s", c.Name, r.Verdict, text)
	}
	t.Logf("%s: %s, %s", c.Name, r.Verdict, r.Summary)
}
