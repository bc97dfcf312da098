package ingest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"limpet.dev/diagnose"
	"limpet.dev/lb"
	"limpet.dev/lb/haproxy"
)

const capturedHAR = `{"log":{"creator":{"name":"WebInspector"},"entries":[
{"startedDateTime":"2026-01-02T10:00:00.100Z","request":{"method":"POST","url":"https://shop.test/login","headers":[{"name":"Host","value":"shop.test"}]},
 "response":{"status":302,"headers":[{"name":"Set-Cookie","value":"SHOP=geheim4711; Path=/; Secure; SameSite=Strict"},{"name":"Location","value":"/cart"}REQ1]}},
{"startedDateTime":"2026-01-02T10:00:01.100Z","request":{"method":"GET","url":"https://shop.test/cart","headers":[{"name":"Cookie","value":"SHOP=geheim4711"}]},
 "response":{"status":200,"headers":[{"name":"Server","value":"x"}REQ2]}},
{"startedDateTime":"2026-01-02T10:01:00.100Z","request":{"method":"GET","url":"https://shop.test/orders","headers":[{"name":"Host","value":"shop.test"},{"name":"Referer","value":"https://mail.example/"},{"name":"Sec-Fetch-Site","value":"cross-site"},{"name":"Sec-Fetch-Mode","value":"navigate"}]},
 "response":{"status":302,"headers":[{"name":"Location","value":"/login"}REQ3]}}]}}`

const capturedLog = `Jan  2 10:00:00 lb haproxy[12]: 10.1.2.3:4711 [02/Jan/2026:10:00:00.110] fe be_app/app1 0/0/1/20/21 302 512 - SHOP=geheim4711 --NI 1/1/0/0/0 0/0 ID1"POST /login HTTP/1.1"
Jan  2 10:00:01 lb haproxy[12]: 10.1.2.3:4711 [02/Jan/2026:10:00:01.110] fe be_app/app1 0/0/1/20/21 200 512 SHOP=geheim4711 - --VN 1/1/0/0/0 0/0 ID2"GET /cart HTTP/1.1"
Jan  2 10:01:00 lb haproxy[12]: 10.1.2.3:4711 [02/Jan/2026:10:01:00.110] fe be_app/app1 0/0/1/20/21 302 512 - - --NI 1/1/0/0/0 0/0 ID3"GET /orders HTTP/1.1"
`

func diagnoseCaptured(t *testing.T, files map[string]string) *diagnose.Report {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r, err := Diagnose(t.Context(), Options{Paths: []string{dir}, Products: []*lb.Product{haproxy.Product}})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func har(id bool) string {
	text := capturedHAR
	for _, n := range []string{"1", "2", "3"} {
		field := ""
		if id {
			field = `,{"name":"X-Request-ID","value":"AB12-00` + n + `"}`
		}
		text = strings.Replace(text, "REQ"+n, field, 1)
	}
	return text
}

// TestCaptureAlone: one client's HAR says which request lost the session and why.
func TestCaptureAlone(t *testing.T) {
	r := diagnoseCaptured(t, map[string]string{"session.har": har(false)})
	if r.Verdict != diagnose.VerdictLost || len(r.Hypotheses) == 0 || r.Hypotheses[0].Cause != "samesite-strict-redirect" {
		t.Fatalf("%s: %s", r.Verdict, r.Summary)
	}
	if r.Totals.Requests != 3 || r.Totals.Followups != 2 || r.Totals.Honoured != 1 || r.Totals.Withheld != 1 {
		t.Errorf("totals %+v", r.Totals)
	}
}

// TestCaptureJoinedWithLog: a request that both saw is counted once, with the log's instance and the capture's rule; without
// request ids by credential, route, answer and moment.
func TestCaptureJoinedWithLog(t *testing.T) {
	log := strings.NewReplacer("ID1", "", "ID2", "", "ID3", "").Replace(capturedLog)
	r := diagnoseCaptured(t, map[string]string{"session.har": har(false), "haproxy.log": log})
	if r.Totals.Requests != 3 || r.Totals.Followups != 2 || r.Totals.Withheld != 1 {
		t.Errorf("totals %+v", r.Totals)
	}
	if len(r.Breaks) != 1 || r.Breaks[0].Cause != "samesite-strict-redirect" || r.Breaks[0].From != "app1" || r.Breaks[0].Kind != "withheld" {
		t.Errorf("breaks %+v", r.Breaks)
	}
	if r := diagnoseCaptured(t, map[string]string{"haproxy.log": log}); r.Totals.Withheld != 0 {
		t.Errorf("the log alone knows of %d withheld", r.Totals.Withheld)
	}
}

// TestCaptureJoinedWithEventsByRequestID: the application's events and the browser's HAR name the same requests.
func TestCaptureJoinedWithEventsByRequestID(t *testing.T) {
	events := `{"time":"2026-01-02T10:00:00.120Z","event":"websession.create","request_id":"AB12-001","session":"a1","result":"hit","instance":"app1","route":"/login"}
{"time":"2026-01-02T10:00:01.120Z","event":"websession.read","request_id":"AB12-002","session":"a1","result":"hit","instance":"app1","route":"/cart"}
`
	r := diagnoseCaptured(t, map[string]string{"session.har": har(true), "events.jsonl": events})
	if r.Totals.Requests != 3 || r.Totals.Honoured != 1 || r.Totals.Withheld != 1 {
		t.Errorf("totals %+v", r.Totals)
	}
	if len(r.Breaks) != 1 || r.Breaks[0].Cause != "samesite-strict-redirect" || r.Breaks[0].From != "app1" {
		t.Errorf("breaks %+v", r.Breaks)
	}
}
