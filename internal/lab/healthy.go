package lab

import "fmt"

// healthy builds a system that loses nothing, whatever moves.
func (p *planner) healthy(sc *scenario, how string) error {
	if how == "" {
		how = p.pick("memory", "memory-reload", "shared", "shared-deploy", "signed")
	}
	reloadStep := step{at: p.at(0.5, 0.2), do: reload, change: &plannedChange{kind: "config", target: "edge", what: "certificate renewed"}}
	switch how {
	case "memory":
	case "memory-reload": // the balancer's cookie survives a reload
		sc.steps = append(sc.steps, reloadStep)
	case "shared":
		sc.storage, sc.affinity = inRedis, noAffinity
	case "shared-deploy": // instances are replaced; the store keeps what they knew
		plantDeploy(p, sc)
		sc.storage = inRedis
	case "signed":
		sc.storage, sc.affinity = inCookie, noAffinity
		sc.steps = append(sc.steps, reloadStep)
	default:
		return fmt.Errorf("unknown healthy run %q", how)
	}
	return nil
}
