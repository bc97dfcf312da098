package ingest

import (
	"maps"
	"slices"
)

// sightings count which of the application's instances answered the requests that a balancer sent to what it
// calls by another name: log name -> event name -> requests.
type sightings map[string]map[string]int

func (s sightings) add(inLog string, inEvent []byte) {
	if inLog == "" || len(inEvent) == 0 {
		return
	}
	if s[inLog] == nil {
		s[inLog] = map[string]int{}
	}
	if n, known := s[inLog][string(inEvent)]; known || len(s[inLog]) < 1000 {
		s[inLog][string(inEvent)] = n + 1
	}
}

// leastSightings is how many requests must agree about a name.
const leastSightings = 3

// learnNames finds out that what the log knows by an address is what the application calls by a name: nearly all
// requests sent to the one were answered by the other, and by no other address. What limpet.yaml or a
// configuration says counts more.
func (s *scan) learnNames(seen sightings) {
	names := map[string]string{}
	taken := map[string]int{}
	for inLog, counts := range seen {
		best, most, all := "", 0, 0
		for _, n := range slices.Sorted(maps.Keys(counts)) {
			all += counts[n]
			if counts[n] > most {
				best, most = n, counts[n]
			}
		}
		if most >= leastSightings && most*10 >= all*9 {
			names[inLog] = best
			taken[best]++
		}
	}
	for inLog, name := range names {
		_, said := s.alias[inLog]
		if said && s.alias[inLog] != inLog || inLog == name || taken[name] > 1 {
			continue
		}
		s.alias[inLog] = name
	}
}

// renameInstances gives the instances of configurations the names under which they stand in the report.
func (s *scan) renameInstances() {
	for _, t := range s.evidence.Tiers {
		if t.Config == nil {
			continue
		}
		for _, p := range t.Config.Pools {
			for i := range p.Instances {
				if n, ok := s.alias[p.Instances[i].Name]; ok {
					p.Instances[i].Name = n
				}
			}
		}
	}
}
