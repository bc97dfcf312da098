package haproxy

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"limpet.dev/internal/need"
	"limpet.dev/lb"
	"limpet.dev/session"
)

// TestLogCorpus: every line of the logs that real people published is an event, or is skipped for a reason
// that is true. Well-formed access lines are all events.
func TestLogCorpus(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join(need.Corpus(t, "logs/haproxy"), "*"))
	if len(files) == 0 {
		t.Fatal("the corpus holds no HAProxy logs")
	}
	// What is no request in each file; all other lines must be requests or messages.
	skips := map[string]map[lb.Skip]int{
		"beats__filebeat_module_haproxy_log_test_default.log":      {skipConnect: 1},
		"beats__filebeat_module_haproxy_log_test_tcplog.log":       {lb.SkipTCP: 1},
		"haproxy__doc_configuration.txt__1_1.log":                  {skipConnect: 1, lb.SkipTCP: 2, lb.SkipTLSError: 1},
		"haproxy_log_analysis__tests_files_2_ok_1_invalid.log":     {lb.SkipTime: 1},
		"hub__.tests_haproxy-logs_haproxy-logs.log":                {lb.SkipTLSError: 3},
		"lnav__test_logfile_haproxy.0":                             {lb.SkipTLSError: 1},
		"beats__filebeat_module_haproxy_log_test_haproxy.log":      {},
		"haproxy_log_analysis__tests_files_small.log":              {},
		"hub__.tests_haproxy-nextcloud-whitelist_haproxy-logs.log": {},
		"matomo-log-analytics__tests_logs_haproxy.log":             {},
		"openshift-docs__nw-configure-ingress-access-logging.log":  {},
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		want, known := skips[filepath.Base(file)]
		if !known {
			t.Errorf("%s: no expectation", filepath.Base(file))
			continue
		}
		for _, sample := range [][]byte{data, nil} {
			p := mustParser(t, lb.LogOptions{Sample: sample, Year: 2026})
			got := map[lb.Skip]int{}
			var e session.Event
			for line := range bytes.Lines(data) {
				line = bytes.TrimRight(line, "\n")
				if skip := p.Parse(line, &e); skip != lb.Read {
					got[skip]++
				} else if e.Kind == session.Request && (e.Start == 0 || e.End < e.Start || e.Flow.Code == [4]byte{} || e.Status == 0 && e.Flow.Code[0] != 'C') {
					t.Errorf("%s: a request without time, status or state: %+v", filepath.Base(file), e.Flow)
				} else if e.Kind == 0 {
					t.Errorf("%s: event without a kind", filepath.Base(file))
				}
			}
			for skip, n := range got {
				if want[skip] != n {
					t.Errorf("%s: %d lines skipped as %q, want %d", filepath.Base(file), n, skip, want[skip])
				}
			}
			for skip, n := range want {
				if got[skip] != n {
					t.Errorf("%s: %d lines skipped as %q, want %d", filepath.Base(file), got[skip], skip, n)
				}
			}
			if s := sniffLog(data); s < 0.8 {
				t.Errorf("%s: recognised with %.2f only", filepath.Base(file), s)
			}
		}
	}
}
