package nginx

import (
	"encoding/base64"
	"maps"
	"path/filepath"

	"limpet.dev/lb"
	"limpet.dev/topology"
)

// configFile is the name of the configuration in a plan's folder.
const configFile = "nginx.conf"

// plan says how to start nginx: checked first (-t), in the foreground with a master process, which
// SIGHUP makes read its configuration again. The folder is its prefix: relative names in the configuration lie
// there, and the process id. The configuration decides where logs go: with "access_log /dev/stdout" requests
// are what the process writes, and with "error_log stderr" its own messages are on standard error.
func plan(in lb.PlanInput) (*lb.Plan, error) {
	binary := orElse(in.Binary, "nginx")
	file := filepath.Join(in.Dir, configFile)
	args := []string{"-p", in.Dir, "-c", file, "-e", "stderr", "-g", "pid " + filepath.Join(in.Dir, "nginx.pid") + ";"}
	p := &lb.Plan{
		Files:  map[string]string{configFile: in.Config},
		Check:  append([]string{binary, "-t", "-q"}, args...),
		Start:  append([]string{binary}, args[:6:6]...),
		Env:    []string{KeyVariable + "=" + base64.StdEncoding.EncodeToString(in.Key[:])},
		Stdout: logsToStdout(in.Config),
	}
	p.Start = append(p.Start, "-g", args[7]+" daemon off; master_process on;")
	maps.Copy(p.Files, in.Files)
	if in.Reload && in.OldPID > 0 {
		p.Signal = "HUP"
	}
	return p, nil
}

// logsToStdout reports whether an access log of the configuration is the standard output.
func logsToStdout(config string) bool {
	budget := maxTotal
	l := lexer{text: config, line: 1}
	found := false
	var visit func([]*directive)
	visit = func(list []*directive) {
		for _, d := range list {
			found = found || d.name == "access_log" && d.arg(0) == "/dev/stdout"
			visit(d.block)
		}
	}
	visit(l.parse(configFile, 0, &budget, func(topology.Pos, string) {}))
	return found
}
