// Package intent reads limpet.yaml: what the owners of a service say should be true about
// its sessions. All of it is optional; what is absent is inferred by others and marked so.
//
// One table (keys.go) names every key with its type and meaning. The reader, the
// suggestions for misspelt keys, and the published JSON Schema all come from it. Every key
// keeps its file and line. Errors never quote a value: a store's URL may hold a password.
package intent

import (
	"time"

	"limpet.dev/topology"
)

// FileName is the name under which the file is looked for.
const FileName = "limpet.yaml"

// An Intent is one limpet.yaml, with what it includes.
type Intent struct {
	File      string // as given to Parse
	Service   string
	Sessions  []Session
	Tiers     []Tier // in the order in which a request passes them
	Instances []Instance
	Events    []string // files of lifecycle events, as written; relative to the file's folder
	Changes   []string // files of changes
	Include   []string // other files of this form, not yet read; Load reads them

	positions map[string]topology.Pos
}

// A Session is one kind of session that the service keeps.
type Session struct {
	Name     string
	Carrier  Carrier
	Storage  string // one of Storages, "" undeclared
	Store    Store
	Lifetime Lifetime
	Routes   Routes
	Critical []string // what must not be lost: cart, checkout …
	Pos      topology.Pos
}

// A Carrier is where requests carry the credential; exactly one field is set.
type Carrier struct {
	Cookie        string
	Header        string
	Query         string
	PathParameter string
	Pos           topology.Pos
}

// String returns the carrier as reports write it: "cookie SHOPSESSION".
func (c Carrier) String() string {
	switch {
	case c.Cookie != "":
		return "cookie " + c.Cookie
	case c.Header != "":
		return "header " + c.Header
	case c.Query != "":
		return "query parameter " + c.Query
	case c.PathParameter != "":
		return "path parameter " + c.PathParameter
	}
	return ""
}

// The places where session state may live.
const (
	Memory    = "memory"
	Files     = "file"
	Cookie    = "cookie" // in the client's cookie itself, signed or encrypted
	Redis     = "redis"
	Memcached = "memcached"
	Database  = "database"
)

// Storages lists what Session.Storage may be.
var Storages = []string{Memory, Files, Cookie, Redis, Memcached, Database}

// Shared reports whether all instances see the state, so that a moved session survives.
func (s Session) Shared() bool {
	switch s.Storage {
	case Cookie, Redis, Memcached, Database:
		return true
	}
	return false
}

// A Store is how the shared store is reached.
type Store struct {
	URL    StoreURL
	Prefix string // of the keys under which sessions lie
	Pos    topology.Pos
}

// A Lifetime says when a session ends legitimately; 0 is undeclared.
type Lifetime struct {
	Idle     time.Duration // since the last request
	Absolute time.Duration // since creation
	Pos      topology.Pos
}

// Routes are the routes whose meaning matters for judging sessions.
type Routes struct {
	Login, Logout, Cart, Checkout []RoutePattern
}

// A Tier is one load balancer, or several equal ones, in the path.
type Tier struct {
	Name    string
	Product string   // haproxy, nginx, …
	Config  []string // configuration files, in the order in which the product reads them
	Pool    string   // the pool that serves this service
	Logs    []string
	Format  string // the log's format in the product's own words, "" as the configuration says
	Nodes   []Node // equal balancers, each with files of its own; Config and Logs are then the tier's common ones
	Pos     topology.Pos
}

// A Node is one of several equal balancers of a tier.
type Node struct {
	Name   string
	Config []string
	Logs   []string
	Pos    topology.Pos
}

// An Instance is one running copy of the application.
type Instance struct {
	Name    string
	Address string // host:port
	Pos     topology.Pos
}

// At returns where a key was read, given as a path such as "sessions[0].carrier.cookie". A
// key that is not there has the zero position.
func (in *Intent) At(path string) topology.Pos { return in.positions[path] }
