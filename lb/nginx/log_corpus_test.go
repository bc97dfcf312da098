package nginx

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"limpet.dev/internal/need"
	"limpet.dev/lb"
	"limpet.dev/session"
)

func mustParser(tb testing.TB, opt lb.LogOptions) *parser {
	tb.Helper()
	p, err := newParser(opt)
	if err != nil {
		tb.Fatal(err)
	}
	return p.(*parser)
}

// TestLogCorpus: every line of the logs that real people published is an event, or is skipped for a reason
// that is true. Well-formed access lines are all events.
func TestLogCorpus(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join(need.Corpus(t, "logs/nginx"), "*"))
	if len(files) == 0 {
		t.Fatal("the corpus holds no nginx logs")
	}
	// What is no request in each file; all other lines must be requests.
	skips := map[string]map[lb.Skip]int{
		"beats__filebeat_module_nginx_error_test_error.log":                 {skipFile: 2},
		"hub__.tests_modsecurity-nginx_modsecurity-nginx.log":               {lb.SkipEmpty: 1, skipRefused: 2},
		"hub__.tests_nginx-http-generic-bf_nginx-http-generic-bf.log":       {skipRefused: 16},
		"hub__.tests_nginx-mail-bf_nginx-mail-bf.log":                       {skipMail: 11},
		"hub__.tests_nginx-mail-logs_nginx-mail-logs.log":                   {skipMail: 14, skipFile: 1},
		"hub__.tests_nginx-proxy-manager-logs_nginx-proxy-manager-logs.log": {skipRefused: 2},
		"hub__.tests_nginx_http-logs_nginx_http-logs.log":                   {skipFile: 1},
		"hub__.tests_nginx_req_limit_exceeded_nginx_req_limit_exceeded.log": {skipRefused: 9},
	}
	total, requests := 0, 0
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Base(file)
		for _, sample := range [][]byte{data, nil} {
			if sample == nil && name == "matomo-log-analytics__tests_logs_nginx_json.log" {
				continue // a format of its own, to be inferred from the sample
			}
			p := mustParser(t, lb.LogOptions{Sample: sample})
			got := map[lb.Skip]int{}
			var e session.Event
			for line := range bytes.Lines(data) {
				line = bytes.TrimRight(line, "\n")
				total++
				switch skip := p.Parse(line, &e); {
				case skip != lb.Read:
					got[skip]++
				case e.Kind != session.Request:
					t.Errorf("%s: an event of kind %d", name, e.Kind)
				case e.Start == 0 || e.End < e.Start || e.Status == 0 || len(e.Client) == 0 || e.Status != 400 && len(e.Target) == 0:
					t.Errorf("%s: a request without time, status, client or target: status %d, %.80s", name, e.Status, line)
				default:
					requests++
				}
			}
			if want := skips[name]; !maps.Equal(got, want) {
				t.Errorf("%s: skipped %v, want %v", name, got, want)
			}
		}
		if s := sniffLog(data); s < 0.5 {
			t.Errorf("%s: recognised with %.2f only", name, s)
		}
	}
	t.Logf("%d lines, %d requests", total, requests)
}
