package main

import (
	"bytes"
	"context"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"limpet.dev/internal/lab"
	"limpet.dev/internal/report"
)

// prompt runs the program as a user would and returns what it showed.
func prompt(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, talk bytes.Buffer
	e := &env{stdin: strings.NewReader(""), stdout: &out, stderr: &talk, getenv: func(string) string { return "" }}
	code = run(context.Background(), e, args)
	return code, out.String(), talk.String()
}

// A secret that a careless setup logs, configures and declares everywhere shows in no output,
// whatever the command and the format.
func TestNoOutputShowsACredential(t *testing.T) {
	const canary = "CANARY7secretX"
	files := map[string][2]string{"haproxy": {"haproxy.cfg", "haproxy.log"}, "nginx": {"nginx.conf", "access.log"}}
	for _, bundle := range []lab.DemoOptions{
		{LB: "haproxy", Fault: lab.NoFault, Healthy: "shared", Seed: 5, LogDetail: lab.LogDefault},
		{LB: "haproxy", Fault: "affinity-absent", Seed: 6, LogDetail: lab.LogDefault, NoEvents: true},
		{LB: "haproxy", Fault: "affinity-absent", Seed: 7, LogDetail: lab.LogFull, NoIntent: true},
		{LB: "nginx", Fault: "affinity-absent", Seed: 6, LogDetail: lab.LogDefault, NoEvents: true},
		{LB: "nginx", Fault: "affinity-cookie-not-returned", Seed: 7, LogDetail: lab.LogFull, NoIntent: true},
	} {
		product := bundle.LB
		config, log := files[product][0], files[product][1]
		bundle.LB, bundle.Dir, bundle.Clients, bundle.Duration, bundle.Canary = "emulated:"+product, t.TempDir(), 24, 2*time.Second, canary
		dir, err := lab.Demo(context.Background(), bundle)
		if err != nil {
			t.Fatal(err)
		}
		tear(t, dir, product)
		commands := [][]string{
			{"lab", "score", dir}, {"lab", "score", "-o", "json", dir},
			{"init", "--print", dir}, {"logline", product, "-c", filepath.Join(dir, config)},
			{"diagnose", "-v", filepath.Join(dir, log)}, {"diagnose", "-c", filepath.Join(dir, "torn.conf"), filepath.Join(dir, log)},
			{"diagnose", filepath.Join(dir, "limpet.yaml")}, {"diagnose", "-c", filepath.Join(dir, "torn.yaml"), dir},
			{"session", canary, dir}, {"diagnose", "--since", canary, dir}, {"diagnose", "-o", canary, dir}, {"explain", canary}, {canary},
			{"demo", "--fault", canary}, {"demo", "--lb", canary}, {"logline", canary}, {"--color", canary, "version"},
		}
		for _, format := range report.Formats() {
			commands = append(commands, []string{"diagnose", "-v", "-o", format, dir})
		}
		for _, args := range commands {
			_, stdout, stderr := prompt(t, args...)
			for _, form := range disguises(canary) {
				if strings.Contains(stdout+stderr, form) {
					t.Errorf("limpet %s shows the secret as %s", strings.ReplaceAll(strings.Join(args, " "), canary, "(secret)"), strings.ReplaceAll(form, canary, "itself"))
				}
			}
			if stdout+stderr == "" {
				t.Errorf("limpet %s said nothing at all", args[0])
			}
		}
	}
}

// tear adds broken files that hold the secret to a bundle of a product.
func tear(t *testing.T, dir, product string) {
	t.Helper()
	defer func() {
		if product != "haproxy" { // its address would be this bundle's only instance of that product, and addresses are shown
			os.Remove(filepath.Join(dir, "torn.cfg"))
		}
	}()
	for name, text := range map[string]string{
		"torn.yaml":        "service: [CANARY7secretX\n",
		"torn.jsonl":       `{"time":"2026-01-02T10:00:00Z","event":"websession.read","session":"CANARY7secretX` + "\n",
		"torn.cfg":         "defaults\n  mode http\n  frobnicate CANARY7secretX\nbackend b\n  server a CANARY7secretX cookie\n  cookie\n",
		"torn.conf":        "http {\n frobnicate CANARY7secretX;\n upstream b { server 10.0.0.1 weight=CANARY7secretX CANARY7secretX=1; server 10.0.0.2; sticky CANARY7secretX; }\n server { if ($http_token = CANARY7secretX) { return 403; }\n location / { proxy_pass http://b; access_log x CANARY7secretX; }\n",
		"torn.log":         "Jan  2 10:00:00 lb haproxy[1]: CANARY7secretX [02/Jan/2026:10:00\n",
		"other/events.bad": "CANARY7secretX\n",
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// disguises are the forms in which a secret could slip through.
func disguises(secret string) []string {
	b := []byte(secret)
	return []string{
		secret, strings.ToLower(secret), secret[1 : len(secret)-1],
		base64.StdEncoding.EncodeToString(b)[:16], base32.StdEncoding.EncodeToString(b)[:16], hex.EncodeToString(b),
	}
}

// A panic says where, and nothing of what was read.
func TestAPanicNeverShowsItsValue(t *testing.T) {
	const secret = "CANARY7secretX"
	old := commands
	defer func() { commands = old }()
	commands = []func(*env, *global) *cobra.Command{func(*env, *global) *cobra.Command {
		return &cobra.Command{Use: "burst", RunE: func(*cobra.Command, []string) error { panic(secret) }}
	}, func(*env, *global) *cobra.Command {
		return &cobra.Command{Use: "index", RunE: func(_ *cobra.Command, args []string) error { _ = args[7]; return nil }}
	}}
	code, stdout, stderr := prompt(t, "burst")
	if code != exitNotProven || strings.Contains(stdout+stderr, secret) {
		t.Errorf("exit code %d, stdout %q, and the secret is shown: %v", code, stdout, strings.Contains(stderr, secret))
	}
	if !strings.Contains(stderr, "limpet: internal error in ") || strings.Count(stderr, "\n") != 1 {
		t.Errorf("stderr is %q", strings.ReplaceAll(stderr, secret, "(secret)"))
	}
	if _, _, stderr := prompt(t, "index"); !strings.Contains(stderr, "index out of range") || !strings.Contains(stderr, "run_test.go") && !strings.Contains(stderr, "line ") {
		t.Errorf("stderr is %q, want what the runtime says and the line", stderr)
	}
}

// A full disk or a closed pipe is an error and no verdict.
func TestAnOutputThatCannotBeWrittenIsAnError(t *testing.T) {
	log := filepath.Join(t.TempDir(), "empty.log")
	if err := os.WriteFile(log, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := prompt(t, "diagnose", "-o", "json="+filepath.Join(t.TempDir(), "missing", "r.json"), log)
	if code != exitNotProven || stdout != "" || !strings.Contains(stderr, "limpet: write json: ") {
		t.Errorf("exit code %d, stdout %q, stderr %q", code, stdout, stderr)
	}
}
