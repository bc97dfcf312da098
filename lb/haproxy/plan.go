package haproxy

import (
	"path/filepath"
	"strconv"

	"encoding/base64"
	"limpet.dev/lb"
)

// configFile is the name of the configuration in a plan's folder.
const configFile = "haproxy.cfg"

// KeyVariable is the environment variable in which a started HAProxy finds the pseudonym key, in
// base64, for the hmac converter of the log line.
const KeyVariable = "LIMPET_KEY_B64"

// plan says how to start HAProxy: checked first (-c), in the foreground (-db), and for a reload with
// the old process told to finish (-sf). The configuration decides where the log goes: with
// "log stdout format raw local0" it is what the process writes.
func plan(in lb.PlanInput) (*lb.Plan, error) {
	binary := orElse(in.Binary, "haproxy")
	file := filepath.Join(in.Dir, configFile)
	p := &lb.Plan{
		Files:  map[string]string{configFile: in.Config},
		Check:  []string{binary, "-c", "-f", file},
		Start:  []string{binary, "-db", "-f", file},
		Env:    []string{KeyVariable + "=" + base64.StdEncoding.EncodeToString(in.Key[:])},
		Stdout: logsToStdout(in.Config),
	}
	if in.Reload && in.OldPID > 0 {
		p.Start = append(p.Start, "-sf", strconv.Itoa(in.OldPID))
	}
	return p, nil
}

// logsToStdout reports whether a log line of the configuration names stdout.
func logsToStdout(config string) bool {
	lookup := func(string) (string, bool) { return "", false }
	for _, line := range splitLines(config) {
		words, err := split(line, lookup)
		if err == nil && len(words) > 1 && words[0] == "log" && (words[1] == "stdout" || words[1] == "fd@1") {
			return true
		}
	}
	return false
}
