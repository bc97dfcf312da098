// Package topology says what a load balancer's configuration means, in words that fit
// every product: listeners, routes, pools, instances, affinity, health checks, retries,
// draining. Every fact keeps the file and line that it came from. Listeners, pools and
// instances are named as the product's log names them.
package topology

import (
	"fmt"
	"net/netip"
	"time"
)

// A Pos is where a fact was read.
type Pos struct {
	File string `json:"file"`
	Line int    `json:"line"`
}

// String returns "file:line", or "" for no position.
func (p Pos) String() string {
	if p.File == "" {
		return ""
	}
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d", p.File, p.Line)
}

// A SyntaxError is a place in a configuration that was not understood. Msg quotes no values.
type SyntaxError struct {
	Pos Pos
	Msg string
}

func (e *SyntaxError) Error() string { return e.Pos.String() + ": " + e.Msg }

// A Config is one tier's configuration as read.
type Config struct {
	Product   string     `json:"product"`
	Version   string     `json:"version,omitempty"` // the product's version if known; "" assumes the newest behaviour
	Files     []string   `json:"files"`
	Listeners []Listener `json:"listeners"`
	Pools     []Pool     `json:"pools"`
	Tables    []Table    `json:"tables,omitempty"`
	Unknown   []Unknown  `json:"unknown,omitempty"` // what was not understood, never dropped silently
}

// A Table is a learned table: it remembers which instance a key was sent to.
type Table struct {
	Name      string        `json:"name"`
	Pos       Pos           `json:"pos"`
	Type      string        `json:"type"`
	KeyLength int           `json:"key_length,omitempty"` // bytes kept of a key, 0: all
	Size      int           `json:"size"`                 // entries
	Expire    time.Duration `json:"-"`                    // since the last use; 0: never
	NoPurge   bool          `json:"no_purge,omitempty"`   // a full table learns nothing new
	Shared    bool          `json:"shared,omitempty"`     // sent to other balancers
	Local     bool          `json:"local,omitempty"`      // handed to the next process at a reload
	ServerKey string        `json:"server_key,omitempty"` // what names the instance in it: "name" or "addr"
}

// Unknown is a directive that was not understood.
type Unknown struct {
	Pos      Pos    `json:"pos"`
	Text     string `json:"text"` // its words, secrets removed
	Affinity bool   `json:"affinity,omitempty"`
}

// A Listener accepts requests and sends them along routes.
type Listener struct {
	Name    string   `json:"name"`
	Pos     Pos      `json:"pos"`
	HTTP    bool     `json:"http"`
	TLS     bool     `json:"tls,omitempty"`
	Binds   []string `json:"binds,omitempty"`
	Routes  []Route  `json:"routes,omitempty"`
	Logs    []Log    `json:"logs,omitempty"`
	Capture []string `json:"capture,omitempty"` // what the log captures, in order, "cookie NAME len N" style

	// Details that only the product's own code understands, by directive. They may hold secrets.
	Settings map[string][]Setting `json:"-"`
}

// A Log is a log declaration: the format string as written.
type Log struct {
	Format  string `json:"format"` // the product's own format string, built-in names resolved
	BuiltIn string `json:"built_in,omitempty"`
	Name    string `json:"name,omitempty"` // as the configuration calls the format
	File    string `json:"file,omitempty"` // where the log goes, as written; "" if the product does not say
	When    string `json:"when,omitempty"` // which requests are logged, as written; "" all
	Max     int    `json:"max,omitempty"`  // longest line in bytes, 0: the product's default
	Pos     Pos    `json:"pos"`
}

// A Pool is a set of instances between which the balancer chooses.
type Pool struct {
	Name      string     `json:"name"`
	Pos       Pos        `json:"pos"`
	HTTP      bool       `json:"http"`
	Instances []Instance `json:"instances"`
	Balance   Balance    `json:"balance"`
	Affinity  []Affinity `json:"affinity,omitempty"` // in the order in which they decide
	Retry     Retry      `json:"retry"`

	// Details that only the product's own routing code understands, by directive; each
	// directive's occurrences in the order in which they stand. They may hold secrets.
	Settings map[string][]Setting `json:"-"`
}

// A Setting is a directive's arguments as written.
type Setting struct {
	Args []string
	Pos  Pos
}

// An Instance is one member of a pool.
type Instance struct {
	Name        string        `json:"name"`
	Address     string        `json:"address"` // host:port as written
	Pos         Pos           `json:"pos"`
	ID          int           `json:"id,omitempty"`
	Weight      int           `json:"weight"`
	Backup      bool          `json:"backup,omitempty"`
	Disabled    bool          `json:"disabled,omitempty"`
	CookieValue string        `json:"cookie_value,omitempty"` // the affinity value that names it: no secret
	MaxConn     int           `json:"max_conn,omitempty"`
	MaxQueue    int           `json:"max_queue,omitempty"`
	SlowStart   time.Duration `json:"-"`
	Check       *HealthCheck  `json:"check,omitempty"` // nil: never found to be down

	// Details that only the product's own routing code understands, by keyword. They may hold secrets.
	Settings map[string]Setting `json:"-"`
}

// AddrPort returns the instance's address if it is a literal one.
func (i Instance) AddrPort() (netip.AddrPort, bool) {
	ap, err := netip.ParseAddrPort(i.Address)
	return ap, err == nil
}

// A Method is a family of affinity (S15).
type Method string

// The families of affinity.
const (
	MethodNone      Method = "none"
	MethodInsert    Method = "balancer cookie, inserted"
	MethodRewrite   Method = "application cookie, rewritten"
	MethodPrefix    Method = "application cookie, prefixed"
	MethodPassive   Method = "cookie, read only"
	MethodAppCookie Method = "hash of a cookie"
	MethodSource    Method = "client address"
	MethodHeader    Method = "hash of a header"
	MethodURL       Method = "hash of the address line"
	MethodTable     Method = "learned table"
	MethodRule      Method = "fixed rule"
	MethodOther     Method = "hash of another value"
)

// Balance is how a new client, or one without affinity, gets an instance.
type Balance struct {
	Algorithm string `json:"algorithm"` // as the product calls it
	Key       string `json:"key,omitempty"`
	Hash      string `json:"hash,omitempty"` // map-based, consistent …
	Pos       Pos    `json:"pos"`
}

// Affinity is one rule that brings a client back to its instance.
type Affinity struct {
	Method  Method `json:"method"`
	Carrier string `json:"carrier"` // "cookie SRV", "source address", "header X"
	Cookie  string `json:"cookie,omitempty"`
	Pos     Pos    `json:"pos"`

	// Lifetimes; 0: as long as the client or the process keeps it.
	Idle     time.Duration `json:"-"`
	Absolute time.Duration `json:"-"`

	// Attributes of an issued cookie.
	Path     string   `json:"path,omitempty"`
	Domain   []string `json:"domain,omitempty"`
	Secure   bool     `json:"secure,omitempty"`
	HTTPOnly bool     `json:"http_only,omitempty"`
	SameSite string   `json:"same_site,omitempty"`
	Attrs    []string `json:"attrs,omitempty"`

	When       string `json:"when,omitempty"`        // condition as written
	TableSize  int    `json:"table_size,omitempty"`  // learned tables
	TableType  string `json:"table_type,omitempty"`  //
	KeyLength  int    `json:"key_length,omitempty"`  // bytes kept of the key, 0: all
	Shared     bool   `json:"shared,omitempty"`      // learned tables: shared with peers
	Local      bool   `json:"local,omitempty"`       // learned tables: handed to the next process at a reload
	ReadOnly   bool   `json:"read_only,omitempty"`   // matched but never issued or stored
	AlsoStores bool   `json:"also_stores,omitempty"` //

	// What happens to a bound client.
	WhenDown      Fate `json:"when_down"`
	WhenDrained   Fate `json:"when_drained"`
	WhenGone      Fate `json:"when_gone"`
	WhenReloaded  Fate `json:"when_reloaded"`
	WhenScaled    Fate `json:"when_scaled"`
	SeveralEquals Fate `json:"several_balancers"`
}

// A Fate is what a balancer does with a bound client when something happens.
type Fate string

// The fates.
const (
	Stays       Fate = "stays"
	Moves       Fate = "moves"
	MovesBack   Fate = "moves and returns"
	MovesSome   Fate = "some move"
	Fails       Fate = "gets errors"
	FateUnknown Fate = ""
)

// Retry is what the balancer does when an instance does not answer.
type Retry struct {
	Attempts    int      `json:"attempts"`   // beyond the first
	Redispatch  bool     `json:"redispatch"` // to another instance
	On          []string `json:"on,omitempty"`
	PersistDown bool     `json:"persist_down,omitempty"` // bound clients are sent to an instance known to be down
	Pos         Pos      `json:"pos"`
}

// A HealthCheck is how an instance is found to be down.
type HealthCheck struct {
	Kind         string        `json:"kind"` // "tcp", "http", "passive" …
	Method       string        `json:"method,omitempty"`
	Path         string        `json:"path,omitempty"`
	Interval     time.Duration `json:"-"`
	FastInterval time.Duration `json:"-"` // 0: as Interval
	DownInterval time.Duration `json:"-"` // 0: as Interval
	Timeout      time.Duration `json:"-"` // of one whole check
	Fall         int           `json:"fall"`
	Rise         int           `json:"rise"`
	PerProcess   bool          `json:"per_process,omitempty"` // each of several worker processes finds out by itself
	Expect       string        `json:"expect,omitempty"`
	Observe      string        `json:"observe,omitempty"`
	ErrorLimit   int           `json:"error_limit,omitempty"`
	OnError      string        `json:"on_error,omitempty"`
	Pos          Pos           `json:"pos"`

	// Computed: from the first failure (success) until the instance is out (back), least and
	// most. RemoveRefused is the most when connections are refused at once, RemoveMax when each
	// check waits for its timeout.
	RemoveRefused        time.Duration `json:"-"`
	RemoveMin, RemoveMax time.Duration `json:"-"`
	ReturnMin, ReturnMax time.Duration `json:"-"`
}

// Pool returns the pool of that name.
func (c *Config) Pool(name string) (*Pool, bool) {
	for i := range c.Pools {
		if c.Pools[i].Name == name {
			return &c.Pools[i], true
		}
	}
	return nil, false
}
