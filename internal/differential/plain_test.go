package differential

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/publicsuffix"

	"limpet.dev/cookie"
	"limpet.dev/internal/client"
	"limpet.dev/internal/need"
)

// plainly turns scenarios into what a client without pages can do: requests one after the
// other; once: with one answer that sets cookies.
func plainly(scenarios []Scenario, once bool) []Scenario {
	for i := range scenarios {
		s := &scenarios[i]
		if once {
			s.Set = s.Set[:1]
		}
		for k := range s.Set {
			step := &s.Set[k]
			*step = Step{Verb: client.Open, Target: step.Target, Status: step.Status, Lines: step.Lines}
		}
		s.Probe = Step{Verb: client.Open, Target: s.Probe.Target}
	}
	return scenarios
}

// visit makes a client's requests to some URLs, one after the other, and begins with an empty jar.
type visit func(t *testing.T, site *Site, urls []string)

// comparePlain plays scenarios with a real client and with a row of the table.
func comparePlain(t *testing.T, row string, cases int, ask visit) {
	t.Helper()
	site, err := NewSite()
	if err != nil {
		t.Fatal(err)
	}
	defer site.Close()
	kind, ok := cookie.ClientNamed(row)
	if !ok {
		t.Fatalf("no row %q", row)
	}
	total, differs := 0, 0
	for _, s := range plainly(Generate(*seed+100, cases), row == "curl-jar") {
		engine := &client.Virtual{Kind: kind, Transport: site.Transport()}
		got, err := play(context.Background(), &s, engine, site, "engine")
		if err != nil {
			t.Fatal(err)
		}
		var urls []string
		for i, step := range append(slices.Clone(s.Set), s.Probe) {
			token := fmt.Sprintf("real-%d-%d", s.ID, i)
			site.Lay(token, Answer{SetCookie: step.Lines})
			urls = append(urls, site.URL(step.Target, token))
		}
		ask(t, site, urls)
		seen := site.Take(fmt.Sprintf("real-%d-%d", s.ID, len(urls)-1))
		if len(seen) == 0 && strings.ContainsAny(got.Sent, "\x01\x7f") {
			continue // the server refuses what the client would send
		}
		if len(seen) != 1 {
			t.Fatalf("scenario %d: the client asked %d times", s.ID, len(seen))
		}
		total += s.Cases()
		real := &Trace{Sent: seen[0].Cookie, Reached: true}
		for _, d := range differences(&s, &Trace{Sent: got.Sent, Reached: true}, real, false) {
			differs++
			t.Logf("%d: %q\n  set   %s\n  probe %s\n  %q", s.ID, d.Line, d.Set, d.Probe, d.What)
		}
	}
	agreement := 1 - float64(differs)/float64(total)
	t.Logf("%s: %d cases, %d disagreements, %.2f %%", row, total, differs, 100*agreement)
	if agreement < 0.99 {
		t.Errorf("the engine agrees with %s on %.2f %%, want 99 %%", row, 100*agreement)
	}
}

// Proves S41.
func TestEngineAgreesWithGo(t *testing.T) {
	comparePlain(t, "go-jar", 1500, func(t *testing.T, site *Site, urls []string) {
		jar, err := cookiejar.New(&cookiejar.Options{PublicSuffixList: publicsuffix.List})
		if err != nil {
			t.Fatal(err)
		}
		transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			_, port, _ := net.SplitHostPort(address)
			return (&net.Dialer{}).DialContext(ctx, network, "127.0.0.1:"+port)
		}}
		defer transport.CloseIdleConnections()
		c := &http.Client{Jar: jar, Transport: transport}
		for _, u := range urls {
			answer, err := c.Get(u)
			if err != nil {
				continue // Go refuses answers with control octets
			}
			answer.Body.Close()
		}
	})
}

// curl turns the order of cookies round whenever it writes its file and reads it again, so it
// does so once. Proves S41.
func TestEngineAgreesWithCurl(t *testing.T) {
	program := need.Tool(t, "curl")
	comparePlain(t, "curl-jar", 500, func(t *testing.T, _ *Site, urls []string) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		jar := filepath.Join(t.TempDir(), "jar")
		for _, u := range urls {
			args := []string{"-q", "-k", "-s", "-g", "--noproxy", "*", "--path-as-is", "--connect-to", "::127.0.0.1:", "-b", jar, "-c", jar, u}
			if err := exec.CommandContext(ctx, program, args...).Run(); err != nil {
				t.Fatalf("curl: %v", err)
			}
		}
	})
}

// Proves S41.
func TestEngineAgreesWithPython(t *testing.T) {
	program := need.Tool(t, "python3")
	script := filepath.Join(t.TempDir(), "visit.py")
	if err := os.WriteFile(script, []byte(visitPy), 0o600); err != nil {
		t.Fatal(err)
	}
	comparePlain(t, "python-urllib", 500, func(t *testing.T, _ *Site, urls []string) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if out, err := exec.CommandContext(ctx, program, append([]string{"-I", script}, urls...)...).CombinedOutput(); err != nil {
			t.Fatalf("python3: %v: %.200s", err, strings.TrimSpace(string(out)))
		}
	})
}

const visitPy = `
import http.cookiejar, socket, ssl, sys, urllib.error, urllib.request

resolve = socket.getaddrinfo
socket.getaddrinfo = lambda host, port, *a, **k: resolve("127.0.0.1", port, *a, **k)
context = ssl._create_unverified_context()
opener = urllib.request.build_opener(
    urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context),
    urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
for url in sys.argv[1:]:
    try:
        opener.open(url).read()
    except urllib.error.HTTPError:
        pass
`
