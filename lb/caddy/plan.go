package caddy

import (
	"cmp"
	"path/filepath"

	"limpet.dev/lb"
)

// configFile is the name of the configuration in a plan's folder.
const configFile = "Caddyfile"

// plan says how to start Caddy: checked first (validate), then in the foreground. With "admin off" a reload is a new start;
// otherwise "caddy reload" hands the configuration to the running process.
func plan(in lb.PlanInput) (*lb.Plan, error) {
	binary := cmp.Or(in.Binary, "caddy")
	file := filepath.Join(in.Dir, configFile)
	args := []string{"--config", file, "--adapter", "caddyfile"}
	p := &lb.Plan{
		Files: map[string]string{configFile: in.Config},
		Check: append([]string{binary, "validate"}, args...),
		Start: append([]string{binary, "run"}, args...),
		Env:   []string{"HOME=" + in.Dir, "XDG_DATA_HOME=" + in.Dir, "XDG_CONFIG_HOME=" + in.Dir},
	}
	if in.Reload {
		p.Start = append([]string{binary, "reload", "--force"}, args...)
	}
	return p, nil
}
