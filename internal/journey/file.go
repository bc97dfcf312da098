package journey

import (
	"bytes"
	"cmp"
	_ "embed"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"limpet.dev/cookie"
	"limpet.dev/intent"
	"limpet.dev/topology"
)

//go:generate go run ./gen ../../docs/limpet.journeys.schema.json

// Ready holds the journeys that ship with Limpet: login, cart, checkout, preferences. Their variables fit Limpet's own shop.
//
//go:embed ready.yaml
var Ready []byte

// A File is a file of journeys as its users write it. Unknown keys are errors.
type File struct {
	// Target is the site's address; what steps name without a host is meant there.
	Target string `yaml:"target" json:"target"`

	// Allow lists further hosts that may be contacted, host or host:port: identity providers, payment pages, other sites of
	// the story. The target's host is always among them.
	Allow []string `yaml:"allow,omitempty" json:"allow,omitempty"`

	// Limits bound what a run may do.
	Limits Limits `yaml:"limits,omitempty" json:"limits,omitempty"`

	// Variables stand for ${name} in steps. A password is never written here: {env: NAME} takes it from the environment.
	Variables map[string]Variable `yaml:"variables,omitempty" json:"variables,omitempty"`

	// Clients restricts the clients: identifiers of "limpet cookies", or classes (browser, webview, native, tool, crawler).
	Clients []string `yaml:"clients,omitempty" json:"clients,omitempty"`

	Journeys []Journey `yaml:"journeys" json:"journeys"`

	name string
}

// Limits bound a run. Zero values are the defaults.
type Limits struct {
	Rate     float64       `yaml:"rate,omitempty" json:"rate,omitempty"`         // requests a second, at most 1000; default 10
	Requests int64         `yaml:"requests,omitempty" json:"requests,omitempty"` // in all, at most 1,000,000; default 5,000
	Duration time.Duration `yaml:"duration,omitempty" json:"duration,omitempty"` // at most 1h; default 10m

	// Errors is the share of answers with 5xx, or none, in the latest 40 at which the run stops; default 0.5.
	Errors float64 `yaml:"errors,omitempty" json:"errors,omitempty"`
}

// A Variable is a text, or the name of an environment variable that holds it.
type Variable struct {
	Text string
	Env  string
}

// UnmarshalYAML reads "text" or {env: NAME}.
func (v *Variable) UnmarshalYAML(data []byte) error {
	var env struct {
		Env string `yaml:"env"`
	}
	if err := yaml.UnmarshalWithOptions(data, &env, yaml.Strict()); err == nil && env.Env != "" {
		v.Env = env.Env
		return nil
	}
	return yaml.Unmarshal(data, &v.Text)
}

// A Journey is what one user does.
type Journey struct {
	Name  string `yaml:"name" json:"name"`
	About string `yaml:"about,omitempty" json:"about,omitempty"`

	// Clients restricts this journey's clients further.
	Clients []string `yaml:"clients,omitempty" json:"clients,omitempty"`

	Steps []Step `yaml:"steps" json:"steps"`

	// Cleanup ends what the steps began. It is played after them, also when one of them failed.
	Cleanup []Step `yaml:"cleanup,omitempty" json:"cleanup,omitempty"`

	// Gone is played after the clean-up with the cookies of before it: its expectations hold if the state is really gone.
	Gone []Step `yaml:"gone,omitempty" json:"gone,omitempty"`
}

// A Step is one action, with what must be true of the last answer. Exactly one action is named.
type Step struct {
	Open    string `yaml:"open,omitempty" json:"open,omitempty"`       // the user types an address
	Link    string `yaml:"link,omitempty" json:"link,omitempty"`       // the page goes to another one
	Submit  string `yaml:"submit,omitempty" json:"submit,omitempty"`   // the page posts a form
	Frame   string `yaml:"frame,omitempty" json:"frame,omitempty"`     // the page embeds a frame
	Image   string `yaml:"image,omitempty" json:"image,omitempty"`     // the page loads an image
	Fetch   string `yaml:"fetch,omitempty" json:"fetch,omitempty"`     // script in the page fetches
	Restart string `yaml:"restart,omitempty" json:"restart,omitempty"` // "same": the program ends and begins again; "new": as somebody who was never here
	Wait    string `yaml:"wait,omitempty" json:"wait,omitempty"`       // time passes, for the client's clock only: "3m"

	Form        map[string]string `yaml:"form,omitempty" json:"form,omitempty"`               // of submit and fetch
	Method      string            `yaml:"method,omitempty" json:"method,omitempty"`           // default POST for submit, GET for fetch
	Credentials string            `yaml:"credentials,omitempty" json:"credentials,omitempty"` // of fetch: omit, same-origin (default), include
	Header      map[string]string `yaml:"header,omitempty" json:"header,omitempty"`
	Inside      string            `yaml:"inside,omitempty" json:"inside,omitempty"` // the frame in which it happens

	Expect Expect `yaml:"expect,omitempty" json:"expect,omitempty"`
}

// An Expect is what must be true of the answer at which a step ends, redirects followed. What is empty is not asked.
type Expect struct {
	Status   int      `yaml:"status,omitempty" json:"status,omitempty"`
	Contains []string `yaml:"contains,omitempty" json:"contains,omitempty"` // each of these texts
	Lacks    []string `yaml:"lacks,omitempty" json:"lacks,omitempty"`       // none of these
	URL      string   `yaml:"url,omitempty" json:"url,omitempty"`           // the address begins with this
	Readable *bool    `yaml:"readable,omitempty" json:"readable,omitempty"` // of fetch: script may see the answer
}

func (e *Expect) empty() bool {
	return e.Status == 0 && len(e.Contains) == 0 && len(e.Lacks) == 0 && e.URL == "" && e.Readable == nil
}

// The highest limits.
const (
	maxRate     = 1000
	maxRequests = 1_000_000
	maxDuration = time.Hour
)

// Parse reads a file of journeys. Its errors name file and line, and quote nothing.
func Parse(name string, text []byte) (*File, error) {
	if err := intent.Guard(name, text); err != nil {
		return nil, err
	}
	f := &File{name: name}
	d := yaml.NewDecoder(bytes.NewReader(text), yaml.Strict())
	if err := d.Decode(f); err != nil {
		return nil, placed(name, err)
	}
	return f, f.Check()
}

// Check says what is wrong with a file beyond its form, and fills in the limits' defaults.
func (f *File) Check() error { return errors.Join(f.check()...) }

// placed is goccy's error with its line and without the piece of the file that it would show.
func placed(name string, err error) error {
	var bad yaml.Error
	if errors.As(err, &bad) && bad.GetToken() != nil {
		return &topology.SyntaxError{Pos: topology.Pos{File: name, Line: bad.GetToken().Position.Line}, Msg: firstLine(bad.GetMessage())}
	}
	return fmt.Errorf("%s: not a file of journeys", name)
}

func firstLine(text string) string {
	text, _, _ = strings.Cut(text, "\n")
	return text
}

// check finds what the form alone does not.
func (f *File) check() []error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(f.name+": "+format, args...)) }
	if u, err := url.Parse(f.Target); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil {
		bad("target: an address with http or https and a host is needed, without a user")
	}
	l := &f.Limits
	l.Rate, l.Requests, l.Duration, l.Errors = cmp.Or(l.Rate, 10), cmp.Or(l.Requests, 5000), cmp.Or(l.Duration, 10*time.Minute), cmp.Or(l.Errors, 0.5)
	if l.Rate < 0 || l.Rate > maxRate || l.Requests < 0 || l.Requests > maxRequests || l.Duration < 0 || l.Duration > maxDuration || l.Errors < 0 || l.Errors > 1 {
		bad("limits: at most %d requests a second, %d in all, for %s; errors is a share from 0 to 1", maxRate, maxRequests, maxDuration)
	}
	for name, v := range f.Variables {
		if v.Text != "" && secretName(name) {
			bad("variables: %s is a secret: write {env: NAME} and put it into the environment", name)
		}
	}
	for _, c := range f.Clients {
		if !knownClient(c) {
			bad("clients: %q is no client and no class of clients (limpet cookies names them)", c)
		}
	}
	if len(f.Journeys) == 0 {
		bad("journeys: none")
	}
	seen := map[string]bool{}
	for i := range f.Journeys {
		j := &f.Journeys[i]
		if j.Name == "" || seen[j.Name] {
			bad("journeys: number %d has no name of its own", i+1)
		}
		seen[j.Name] = true
		for _, c := range j.Clients {
			if !knownClient(c) {
				bad("journey %s: %q is no client and no class of clients", j.Name, c)
			}
		}
		for part, steps := range map[string][]Step{"steps": j.Steps, "cleanup": j.Cleanup, "gone": j.Gone} {
			for n := range steps {
				if msg := steps[n].fault(); msg != "" {
					bad("journey %s: %s: number %d: %s", j.Name, part, n+1, msg)
				}
			}
		}
		if len(j.Steps) == 0 {
			bad("journey %s: no steps", j.Name)
		}
	}
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errs
}

// secretName reports names under which people keep secrets.
func secretName(name string) bool {
	name = strings.ToLower(name)
	for _, w := range []string{"pass", "secret", "token", "key", "credential"} {
		if strings.Contains(name, w) {
			return true
		}
	}
	return false
}

func knownClient(name string) bool {
	if _, ok := cookie.ClientNamed(name); ok {
		return true
	}
	return slices.ContainsFunc(cookie.Clients(), func(c *cookie.Client) bool { return string(c.Class) == name })
}

// actions are a step's possible actions with their words.
func (s *Step) actions() (word, arg string, n int) {
	for _, a := range [][2]string{{"open", s.Open}, {"link", s.Link}, {"submit", s.Submit}, {"frame", s.Frame}, {"image", s.Image}, {"fetch", s.Fetch}, {"restart", s.Restart}, {"wait", s.Wait}} {
		if a[1] != "" {
			word, arg, n = a[0], a[1], n+1
		}
	}
	return word, arg, n
}

// fault says what is wrong with a step, "" nothing.
func (s *Step) fault() string {
	word, arg, n := s.actions()
	if n != 1 {
		return "one action is needed: open, link, submit, frame, image, fetch, restart or wait"
	}
	switch word {
	case "restart":
		if arg != "same" && arg != "new" {
			return `restart is "same" or "new"`
		}
	case "wait":
		if d, err := time.ParseDuration(arg); err != nil || d < 0 {
			return "wait is a time such as 3m"
		}
	}
	if s.Credentials != "" {
		if _, ok := modes[s.Credentials]; !ok || word != "fetch" {
			return "credentials is omit, same-origin or include, for fetch"
		}
	}
	for name := range s.Form {
		if secretName(name) && !strings.Contains(s.Form[name], "${") {
			return "form: " + name + " is a secret: use a variable that comes from the environment"
		}
	}
	return ""
}

var modes = map[string]cookie.Credentials{"omit": cookie.Omit, "same-origin": cookie.SameOrigin, "include": cookie.Include}
