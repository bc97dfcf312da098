package arch

import (
	"path"
	"strings"
)

// beside is the level of packages that only tests and generators use; nothing else imports them.
const beside = -1

// A layer says where a package lives and what it may use beside lower layers and the
// standard library.
type layer struct {
	level     int
	pure      bool     // no files, no network, no goroutines
	modules   []string // modules of others that it may import
	anyModule bool
}

const yamlModule = "github.com/goccy/go-yaml"

// layers is the table of style.md, "The layout". A new package gets its line here first.
var layers = map[string]layer{
	"cmd/limpet":     {level: 6, anyModule: true},
	"internal/bench": {level: 6}, // a program of its own: go run ./internal/bench

	"internal/lab":          {level: 5, anyModule: true},
	"internal/web":          {level: 5, anyModule: true},
	"internal/differential": {level: 5},
	"internal/scrub":        {level: 5},
	"internal/journey":      {level: 5, anyModule: true},

	"lb/products":      {level: 4, anyModule: true},
	"internal/ingest":  {level: 4, anyModule: true},
	"internal/stream":  {level: 4, anyModule: true},
	"internal/conform": {level: 4},
	"internal/client":  {level: 4, anyModule: true},
	"internal/report":  {level: 4, anyModule: true},

	"lb/lbtest":           {level: 3},
	"diagnose":            {level: 3, pure: true},
	"internal/clientside": {level: 3, pure: true},
	"simulate":            {level: 3, pure: true},

	"cause":      {level: 2, pure: true},
	"lb":         {level: 2, pure: true},
	"lb/logtext": {level: 2, pure: true},
	"lb/signs":   {level: 2, pure: true, modules: []string{"golang.org/x/sys/cpu"}},
	"witness":    {level: 2, pure: true},
	"capture":    {level: 2, pure: true},

	"cookie": {level: 1, pure: true, modules: []string{"golang.org/x/net/publicsuffix", "golang.org/x/net/idna", "github.com/mileusna/useragent"}},
	"intent": {level: 1, pure: true, modules: []string{yamlModule}},

	"session":  {level: 0, pure: true},
	"topology": {level: 0, pure: true},

	"internal/arch":      {level: beside},
	"internal/need":      {level: beside},
	"internal/incidents": {level: beside, modules: []string{"golang.org/x/tools/txtar"}}, // reported failures, diagnosed: writes docs/incidents.md
	"internal/reqs":      {level: beside},
	"internal/testlog":   {level: beside}, // a program of its own: reads go test -json
}

// product is the layer of every lb/<product> without a line of its own.
var product = layer{level: 3, pure: true, modules: []string{yamlModule, "github.com/cespare/xxhash/v2"}}

// helped lists the packages outside tests that may import what is for tests: the promises
// that every balancer's test calls.
var helped = []string{"lb/lbtest"}

// impure lists the standard packages that reach out of the process. net/http counts as pure:
// its types describe requests, and witness wraps handlers with them.
var impure = []string{"os", "os/exec", "os/signal", "os/user", "net", "net/rpc", "net/smtp", "syscall", "log", "io/ioutil", "plugin"}

// layerOf returns the layer of a package, given relative to the module. Commands that
// generate files lie in a folder gen of their package and are tools beside it.
func layerOf(name string) (layer, bool) {
	if l, ok := layers[name]; ok {
		return l, true
	}
	if path.Base(name) == "gen" {
		return layer{level: beside, anyModule: true}, true
	}
	if rest, ok := strings.CutPrefix(name, "lb/"); ok && !strings.Contains(rest, "/") {
		return product, true
	}
	return layer{}, false
}
