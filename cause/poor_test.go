package cause_test

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"limpet.dev/cause"
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

	// right is how many in a hundred of the recorded cases, of those whose cause still shows (cause.Tells), must have it ranked
	// first; 0: none need to be, but what is missing must be said.
	right int

	// says must stand in the report of every case that is not decided.
	says string
}

var poverties = []poverty{
	{"full log only", keepOnly("haproxy.log"), 50, ""},
	{"full log and configuration", keepOnly("haproxy.log", "haproxy.cfg"), 50, ""},
	{"default log only", func(f bundleFiles) { keepOnly("haproxy.log")(f); f["haproxy.log"] = defaultLines(f["haproxy.log"]) }, 0, "limpet logline haproxy"},
	{"events only", keepOnly("events.jsonl"), 40, ""},
	{"no limpet.yaml", without("limpet.yaml"), 90, ""},
	{"limpet.yaml that names one file", func(f bundleFiles) { f["limpet.yaml"] = []byte("service: shop\nevents: [events.jsonl]\n") }, 90, ""},
	{"limpet.yaml that is wrong", wrongIntent, 90, ""},
	{"no change records", without("changes.jsonl"), 90, ""},
	{"misleading change records", misleadingChanges, 90, ""},
	{"one address for all clients", oneAddress, 90, ""},
	{"opaque session ids", opaqueIDs, 90, ""},
	{"events without session ids", withoutField("session"), 90, ""},
	{"events without reasons", withoutField("reason"), 85, ""},
	{"two balancers with clocks apart", twoBalancers, 90, ""},
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
	if len(lengths) == 0 {
		return
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

// poorReport makes a case poorer and diagnoses what is left.
func poorReport(t *testing.T, c *lab.Case, p poverty) (*diagnose.Report, bool) {
	t.Helper()
	dir := t.TempDir()
	files := bundleFiles{"want": wantOf(c)}
	for _, f := range c.Files {
		files[f.Name] = slices.Clone(f.Data)
	}
	p.make(files)
	for name, data := range files {
		if name == "want" {
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
	return r, shows(c.Cause, files)
}

// shows reports whether a cause shows in what is left of a bundle.
func shows(id string, left bundleFiles) bool {
	c, _ := cause.Find(id)
	for _, s := range c.Tells {
		there := true
		switch s {
		case cause.Events:
			there = left["events.jsonl"] != nil
		case cause.BalancerLog:
			there = slices.ContainsFunc(slices.Collect(maps.Keys(left)), func(n string) bool { return strings.HasSuffix(n, ".log") })
		case cause.Declaration:
			there = left["events.jsonl"] != nil || left["limpet.yaml"] != nil
		case cause.Addresses:
			there = len(slices.Compact(clientField.FindAllString(string(left["haproxy.log"]), 2))) != 1
		}
		if !there {
			return false
		}
	}
	return true
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
			right, wrong, open, all, hidden := 0, 0, 0, 0, 0
			for _, c := range cases {
				r, shows := poorReport(t, c, p)
				if c.Cause == lab.NoFault {
					if r.Verdict == diagnose.VerdictLost {
						t.Errorf("%s: %d breaks in a healthy run: %s", c.Name, len(r.Breaks), ranking(r))
					}
					continue
				}
				if shows {
					all++
				} else {
					hidden++
				}
				first := diagnose.Hypothesis{}
				if len(r.Hypotheses) > 0 && r.Hypotheses[0].Breaks > 0 {
					first = r.Hypotheses[0]
				}
				switch {
				case first.Cause == c.Cause:
					if shows {
						right++
					}
				case first.Cause == "":
					open++
					checkOpen(t, c, r, p.says)
				default:
					if shows {
						wrong++
					}
					t.Logf("%s (shows: %t): %s", c.Name, shows, ranking(r))
					if first.Confidence > 0.8 {
						t.Errorf("%s: %s is wrong with confidence %.2f", c.Name, first.Cause, first.Confidence)
					}
				}
			}
			t.Logf("%d of %d causes right, %d wrong; %d do not show; %d open", right, all, wrong, hidden, open)
			if right*100 < p.right*all {
				t.Errorf("%d of %d causes right, want %d %%", right, all, p.right)
			}
		})
	}
}

// checkOpen: a case that is not decided says which line or event would decide it.
func checkOpen(t *testing.T, c *lab.Case, r *diagnose.Report, says string) {
	t.Helper()
	if r.Verdict == diagnose.VerdictHealthy {
		t.Logf("%s: looks healthy: %s", c.Name, r.Summary) // an age that contradicts nothing that is declared is expiry
		return
	}
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
