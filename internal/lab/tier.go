package lab

import (
	"fmt"
	"time"
)

// The names in the balancers' configurations.
const (
	listenerName   = "fe_shop"
	poolName       = "be_app"
	plainPoolName  = "be_plain" // the pool without affinity, where a tier has one
	affinityCookie = "SRV"
)

// affinity is how a balancer brings clients back.
type affinity int

const (
	noAffinity     affinity = iota
	cookieAffinity          // a cookie of the balancer's own
	stickSource             // learned table keyed on the client's address
	stickSession            // learned table keyed on the session cookie
	hashSource              // computed from the client's address
)

// affinityWords are these in plain words.
var affinityWords = map[affinity]string{
	noAffinity:     "brings nobody back to an instance",
	cookieAffinity: "brings clients back by a cookie of its own",
	stickSource:    "brings clients back by a table of their addresses",
	stickSession:   "brings clients back by a table of session cookies",
	hashSource:     "brings clients back by a hash of their addresses",
}

// A tier is what a scenario asks of the balancers that stand at one place in the path.
type tier struct {
	nodes    int // equal balancers, each with its own log; 0: one
	affinity affinity
	balance  string // the algorithm for clients without affinity: roundrobin, leastconn or random
	check    check

	cookie      cookieRules
	tableExpire time.Duration // life of an unused entry of a learned table, 0: half an hour
	consistent  bool          // hashSource: few clients move when the pool grows
	plainPath   string        // requests below it go through a second pool that has no affinity, "" none

	behind bool // requests come from another tier of ours, and bring their id along
	silent bool // nobody keeps its log or its configuration
}

// cookieRules are the attributes of the balancer's own cookie.
type cookieRules struct {
	path   string        // "": the whole site
	maxAge time.Duration // how long clients keep it, in whole seconds; 0: with the browser
	shift  []int         // by how many places each of several equal balancers numbers the instances in another way
}

// check is the balancer's health check.
type check struct {
	inter, timeout time.Duration
	fall, rise     int
}

// A member is what a balancer chooses between: an instance, or a balancer of the next tier.
type member struct{ name, addr string }

// valueOf is the affinity cookie's value for member i as node (from 0) numbers the pool.
func (t *tier) valueOf(i, node, members int) string {
	if node < len(t.cookie.shift) {
		i = (i + t.cookie.shift[node]) % members
	}
	return fmt.Sprintf("s%d", i+1)
}

// pools names the tier's pools; the first serves what no rule sends elsewhere.
func (t *tier) pools() []string {
	if t.plainPath == "" {
		return []string{poolName}
	}
	return []string{poolName, plainPoolName}
}
