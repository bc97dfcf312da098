package ingest

import (
	"testing"

	"limpet.dev/diagnose"
	"limpet.dev/topology"
)

func see(s sightings, inLog, inEvent string, n int) {
	for range n {
		s.add(inLog, []byte(inEvent))
	}
}

func TestInstancesGetTheNamesThatTheApplicationUses(t *testing.T) {
	seen := sightings{}
	see(seen, "10.0.0.1:80", "app1", 40)
	see(seen, "10.0.0.1:80", "app2", 2) // retried requests
	see(seen, "10.0.0.2:80", "app2", 30)
	see(seen, "10.0.0.3:80", "app3", 2)  // too few
	see(seen, "10.0.0.4:80", "app4", 10) // a balancer in between
	see(seen, "10.0.0.4:80", "app5", 10)
	see(seen, "10.0.0.6:80", "app6", 10) // two addresses of one instance
	see(seen, "10.0.0.7:80", "app6", 10)
	see(seen, "10.0.0.8:80", "app8", 10) // limpet.yaml says otherwise
	s := &scan{alias: map[string]string{"10.0.0.1:80": "10.0.0.1:80", "10.0.0.8:80": "eight"}}
	s.learnNames(seen)
	for inLog, want := range map[string]string{"10.0.0.1:80": "app1", "10.0.0.2:80": "app2", "10.0.0.3:80": "10.0.0.3:80",
		"10.0.0.4:80": "10.0.0.4:80", "10.0.0.6:80": "10.0.0.6:80", "10.0.0.7:80": "10.0.0.7:80", "10.0.0.8:80": "eight"} {
		if got := s.instanceName([]byte(inLog)); got != want {
			t.Errorf("%s is called %s, want %s", inLog, got, want)
		}
	}
	s.evidence.Tiers = []diagnose.TierConfig{{}, {Config: &topology.Config{Pools: []topology.Pool{{Instances: []topology.Instance{{Name: "10.0.0.2:80"}, {Name: "other"}}}}}}}
	s.renameInstances()
	if in := s.evidence.Tiers[1].Config.Pools[0].Instances; in[0].Name != "app2" || in[1].Name != "other" {
		t.Errorf("instances of the configuration: %+v", in)
	}
}
