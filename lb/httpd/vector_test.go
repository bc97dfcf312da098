package httpd

import (
	"net/http"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"limpet.dev/lb"
	"limpet.dev/lb/lbtest"
	"limpet.dev/session"
	"limpet.dev/topology"
)

// recorded is testdata/vectors: what httpd 2.4.71 did with six requests each.
type recorded struct {
	Cases []struct {
		Case, Config string
		Vectors      []struct {
			Path         string
			Headers      [][2]string
			Servers      []any `json:"servers_over_6_requests"`
			Status       []int
			RouteChanged []string `json:"route_changed"`
		}
	}
}

func read(t *testing.T, text string) *topology.Config {
	t.Helper()
	cfg, err := readConfig(fstest.MapFS{"httpd.conf": {Data: []byte(text)}}, []string{"httpd.conf"}, nil)
	if err != nil {
		t.Fatalf("configuration: %v", err)
	}
	return cfg
}

// deadPort is where nothing listens in the recordings.
const deadPort = ":18099"

// TestRecordedStickySessionsAreReproduced plays all requests of a recording one after the other through one router: the
// counters of byrequests go on from one to the next. One thread records, so the order is that of the file.
func TestRecordedStickySessionsAreReproduced(t *testing.T) {
	rec := lbtest.Recordings[recorded](t, "apache-stickysession-*.json")["apache-stickysession-2.4.71.json"]
	vectors, failed := 0, 0
	for _, c := range rec.Cases {
		cfg := read(t, c.Config)
		router, err := newRouter(cfg, "b")
		if err != nil {
			t.Fatal(err)
		}
		pool, _ := cfg.Pool("b")
		now, bad := time.Unix(1_700_000_000, 0), 0
		for _, v := range c.Vectors {
			vectors++
			got := make([]any, len(v.Servers))
			changed := make([]bool, len(v.Servers))
			for i := range v.Servers {
				got[i], changed[i] = play(router, pool, v.Path, v.Headers, now)
			}
			if !reflect.DeepEqual(got, v.Servers) || !sameChanges(changed, v.RouteChanged) {
				if bad++; bad <= 3 {
					t.Errorf("%s: %s %v:\n got %v %v\nwant %v %v", c.Case, v.Path, v.Headers, got, changed, v.Servers, v.RouteChanged)
				}
			}
		}
		failed += bad
	}
	t.Logf("%d cases, %d vectors, %d passed, %d failed", len(rec.Cases), vectors, vectors-failed, failed)
}

// sameChanges compares with BALANCER_ROUTE_CHANGED, which is "1" or "(null)".
func sameChanges(got []bool, want []string) bool {
	for i := range want {
		if got[i] != (want[i] == "1") {
			return false
		}
	}
	return true
}

// play sends one request and returns the server by its number ("s1" listens on port 18001), or the status of an error,
// and whether a route was wanted and not followed.
func play(r lb.Router, pool *topology.Pool, target string, headers [][2]string, now time.Time) (server any, changed bool) {
	h := http.Header{}
	for _, kv := range headers {
		h.Add(kv[0], kv[1])
	}
	c := lbtest.Call("GET", target, "127.0.0.1", h)
	c.Now = now
	d := r.Route(c)
	for attempt := 1; d.Instance != ""; attempt++ {
		addr := addressOf(pool, d.Instance)
		if !strings.HasSuffix(addr, deadPort) {
			return "s" + addr[len(addr)-1:], d.Flow.Affinity != session.AffinityValid && d.Flow.Affinity != session.AffinityOff
		}
		var ok bool
		if d, ok = r.Failed(c, d, attempt); !ok {
			break
		}
	}
	return float64(503), false
}

func addressOf(pool *topology.Pool, name string) string {
	for _, in := range pool.Instances {
		if in.Name == name {
			return in.Address
		}
	}
	return ""
}
