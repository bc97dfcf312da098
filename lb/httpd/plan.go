package httpd

import (
	"cmp"
	"path/filepath"

	"limpet.dev/lb"
)

// configFile is the name of the configuration in a plan's folder.
const configFile = "httpd.conf"

// plan says how to start httpd: checked first (-t), in the foreground (-DFOREGROUND), with the folder as its ServerRoot. A
// reload is "-k graceful", which signals the process whose number stands in PidFile.
func plan(in lb.PlanInput) (*lb.Plan, error) {
	binary := cmp.Or(in.Binary, "apache2")
	file := filepath.Join(in.Dir, configFile)
	base := []string{binary, "-d", in.Dir, "-f", file}
	p := &lb.Plan{
		Files: map[string]string{configFile: in.Config},
		Check: append(base[:len(base):len(base)], "-t"),
		Start: append(base[:len(base):len(base)], "-DFOREGROUND"),
	}
	if in.Reload {
		p.Start = append(base[:len(base):len(base)], "-k", "graceful")
	}
	return p, nil
}
