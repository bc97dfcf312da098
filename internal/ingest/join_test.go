package ingest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"limpet.dev/diagnose"
	"limpet.dev/lb"
	"limpet.dev/lb/haproxy"
	"limpet.dev/session"
)

const storyFormat = `%Ts.%ms ti=%Ti th=%Th ci=%ci:%cp srv=%s m=%HM st=%ST b=%B tsc=%tsc rc=%rc tr=%TR tw=%Tw tc=%Tc trs=%Tr ta=%Ta id="%ID" p="%HPO"`

// A pair is what the balancer and the application saw of the same requests; drop leaves every nth line of a side out.
func pair(t *testing.T, dir string, requests, dropLog, dropEvents int, skew time.Duration, zone *time.Location) (r *diagnose.Report, logs, events int) {
	t.Helper()
	rng := rand.New(rand.NewPCG(8, 8))
	var log, ev bytes.Buffer
	base := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	var key session.Key
	for i := range requests {
		at := base.Add(time.Duration(i) * 20 * time.Millisecond)
		took := 4 + rng.IntN(20)
		s := rng.IntN(40)
		id := fmt.Sprintf("REQ-%06d", i)
		if dropLog == 0 || i%dropLog != 0 {
			logs++
			fmt.Fprintf(&log, "%d.%03d ti=0 th=0 ci=10.0.0.%d:4%03d srv=app%d m=GET st=200 b=900 tsc=--VN rc=0 tr=0 tw=0 tc=1 trs=%d ta=%d id=\"%s\" p=\"/cart\"\n",
				at.Unix(), at.Nanosecond()/1e6, s, s, s%3, took-1, took, id)
		}
		if dropEvents == 0 || i%dropEvents != 1 {
			events++
			when := at.Add(time.Duration(1+rng.IntN(took-1)) * time.Millisecond).Add(skew).In(zone)
			fmt.Fprintf(&ev, "{\"time\":%q,\"event\":\"websession.read\",\"session\":%q,\"result\":\"hit\",\"instance\":\"app%d\",\"request_id\":%q,\"route\":\"/cart\"}\n",
				when.Format(time.RFC3339Nano), key.Pseudonym([]byte{byte(s)}).String(), s%3, id)
		}
	}
	cfg := "global\n  log stdout format raw local0\ndefaults\n  mode http\n  timeout client 5s\n  timeout server 5s\n  timeout connect 1s\nfrontend fe\n  bind :80\n  log global\n  log-format \"" +
		escapeQuotes(storyFormat) + "\"\n  default_backend be\nbackend be\n  cookie SRV insert indirect nocache\n  server app0 10.0.0.1:80 cookie a\n  server app1 10.0.0.2:80 cookie b\n  server app2 10.0.0.3:80 cookie c\n"
	write(t, dir, "haproxy.cfg", []byte(cfg))
	write(t, dir, "haproxy.log", log.Bytes())
	write(t, dir, "events.jsonl", ev.Bytes())
	report, err := Diagnose(t.Context(), Options{Paths: []string{dir}, Products: []*lb.Product{haproxy.Product}})
	if err != nil {
		t.Fatal(err)
	}
	return report, logs, events
}

func escapeQuotes(s string) string {
	return string(bytes.ReplaceAll([]byte(s), []byte(`"`), []byte(`\"`)))
}

// Proves S23. Proves S31. Sessions that only the application can tell apart are followed through the balancer's log by
// request id; what one side alone saw is counted, not hidden.
func TestLogAndEventsAreJoinedAndTheRestIsCounted(t *testing.T) {
	const n = 4000
	for _, tt := range []struct {
		name                  string
		dropLog, dropEvents   int
		logAlone, eventsAlone int64
	}{{"complete", 0, 0, 0, 0}, {"5 % of the log missing", 20, 0, 0, n / 20}, {"5 % of the events missing", 0, 20, n / 20, 0}} {
		t.Run(tt.name, func(t *testing.T) {
			r, _, events := pair(t, t.TempDir(), n, tt.dropLog, tt.dropEvents, 0, time.UTC)
			if r.Totals.Unmatched.Log != tt.logAlone || r.Totals.Unmatched.Events != tt.eventsAlone {
				t.Errorf("alone: %+v, want log %d, events %d", r.Totals.Unmatched, tt.logAlone, tt.eventsAlone)
			}
			if r.Totals.Sessions != 40 || r.Totals.Honoured != int64(events) || r.Totals.Breaks != 0 {
				t.Errorf("totals = %+v, want 40 sessions and %d honoured follow-ups", r.Totals, events)
			}
		})
	}
}

// Proves S22. An application whose clock runs 3 s ahead and that writes another zone gives the same report, with the
// offset found within its stated uncertainty.
func TestClockAheadAndAnotherZoneChangeNothing(t *testing.T) {
	plain, _, _ := pair(t, t.TempDir(), 2000, 0, 0, 0, time.UTC)
	ahead, _, _ := pair(t, t.TempDir(), 2000, 0, 0, 3*time.Second, time.FixedZone("", 5*3600+1800))
	if ahead.Totals != plain.Totals || ahead.Verdict != plain.Verdict {
		t.Errorf("totals = %+v\nwant %+v", ahead.Totals, plain.Totals)
	}
	for _, in := range ahead.Inputs {
		if in.Kind != "events" {
			continue
		}
		if d := in.ClockOffsetMs - 3000; d > in.ClockUncertaintyMs || -d > in.ClockUncertaintyMs || in.ClockUncertaintyMs > 10 || in.ClockPairs < 1000 {
			t.Errorf("offset %.1f ms ± %.1f from %d pairs, want 3000 within it", in.ClockOffsetMs, in.ClockUncertaintyMs, in.ClockPairs)
		}
	}
}

// Two balancers share the requests, and the second one's clock is 41 s ahead: the offset is found, said, and taken out, so that the
// report is that of one clock. Sessions wander between the balancers, so that uncorrected times would reorder them.
func TestTwoBalancersWithClocksApart(t *testing.T) {
	one := t.TempDir()
	plain, _, _ := pair(t, one, 12_000, 0, 0, 0, time.UTC)
	log, err := os.ReadFile(filepath.Join(one, "haproxy.log"))
	if err != nil {
		t.Fatal(err)
	}
	var a, b bytes.Buffer
	n := 0
	for line := range bytes.Lines(log) {
		if n++; n%2 == 0 {
			a.Write(line)
			continue
		}
		var sec int64
		fmt.Sscanf(string(line), "%d.", &sec)
		fmt.Fprintf(&b, "%d%s", sec+41, line[bytes.IndexByte(line, '.'):])
	}
	write(t, one, "haproxy.log", a.Bytes())
	write(t, one, "second.log", b.Bytes())
	r, err := Diagnose(t.Context(), Options{Paths: []string{one}, Products: []*lb.Product{haproxy.Product}})
	if err != nil {
		t.Fatal(err)
	}
	if r.Totals != plain.Totals {
		t.Errorf("totals = %+v\nwant %+v", r.Totals, plain.Totals)
	}
	for _, in := range r.Inputs {
		if in.Path != "second.log" {
			continue
		}
		if d := in.ClockOffsetMs - 41_000; d > in.ClockUncertaintyMs || -d > in.ClockUncertaintyMs || in.ClockUncertaintyMs > 20 {
			t.Errorf("offset %.1f ms ± %.1f, want 41000 within it", in.ClockOffsetMs, in.ClockUncertaintyMs)
		}
		if notes := strings.Join(r.Notes, " "); !strings.Contains(notes, "second.log is 41s from") {
			t.Errorf("notes %q do not say it", notes)
		}
		return
	}
	t.Errorf("inputs = %+v, want second.log", r.Inputs)
}
