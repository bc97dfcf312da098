package report

import (
	"encoding/json"
	"maps"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"

	"limpet.dev/diagnose"
)

// hostileText is what somebody may put into a URL, a User-Agent or a configuration, so that
// it reaches a report: markup, escape sequences that clear a screen and set a title, line
// ends that forge a line, text that runs backwards, Markdown, names of people.
const hostileText = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>&amp;\x1b[2J\x1b]0;owned\a\u009b31m\r\nHEALTHY all is well\u202egnp.exe\u2028" +
	"| `code` *bold* [click](javascript:alert(3)) @everyone #1 https://evil.example/ www.evil.example ${{ secrets }} </style></svg></details> \x00\xff"

// poisoned returns the full report with the hostile text in every string of it, keys of maps,
// too. The verdict stays, and so does what holds the report together.
func poisoned(t testing.TB) *diagnose.Report {
	r := full(t)
	poison(reflect.ValueOf(r).Elem())
	r.Verdict = diagnose.VerdictLost
	return r
}

func poison(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(hostileText)
	case reflect.Slice:
		for i := range v.Len() {
			poison(v.Index(i))
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			el := reflect.New(v.Type().Elem()).Elem()
			el.Set(v.MapIndex(k))
			poison(el)
			v.SetMapIndex(k, reflect.Value{})
			v.SetMapIndex(reflect.ValueOf(hostileText+k.String()), el)
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			return
		}
		for i := range v.NumField() {
			poison(v.Field(i))
		}
	}
}

func TestHostileStringsCannotSteerATerminal(t *testing.T) {
	r := poisoned(t)
	outputs := map[string]string{}
	for _, f := range Formats() {
		outputs[f] = write(t, f, r, Options{})
	}
	outputs["coloured text"] = stripStyles(write(t, "text", r, Options{Color: true}))
	var story strings.Builder
	if err := Story(&story, r.Stories[0], Options{}); err != nil {
		t.Fatal(err)
	}
	outputs["story"] = story.String()
	for name, out := range outputs {
		if i := strings.IndexFunc(out, func(c rune) bool { return c != '\n' && hostile(c) }); i >= 0 {
			t.Errorf("%s: %U at %d, in %q", name, []rune(out[i:])[0], i, out[max(0, i-30):min(len(out), i+10)])
		}
		for line := range strings.SplitSeq(out, "\n") {
			if strings.HasPrefix(line, "HEALTHY") { // wrapped text is indented
				t.Errorf("%s: a string forged a line: %s", name, cut(line, 80))
			}
		}
	}
}

func TestHostileStringsAreNoMarkup(t *testing.T) {
	page := write(t, "html", poisoned(t), Options{})
	clean := write(t, "html", full(t), Options{})
	for _, tag := range []string{"script", "img", "iframe", "object", "style", "svg", "details", "body", "link", "meta", "base", "form"} {
		count := func(s string) int { return len(regexp.MustCompile(`(?i)<`+tag+`[\s>]`).FindAllString(s, -1)) }
		if got, want := count(page), count(clean); got > want {
			t.Errorf("<%s>: %d times, %d without the hostile text", tag, got, want)
		}
	}
	if m := regexp.MustCompile(`(?i)href="[^#d][^"]*"`).FindString(page); m != "" {
		t.Errorf("a link that leaves the page: %s", m)
	}
}

func TestHostileStringsAreNoMarkdown(t *testing.T) {
	out := write(t, "markdown", poisoned(t), Options{})
	out = regexp.MustCompile("(?s)```+text\n.*?\n```+\n").ReplaceAllString(out, "") // the lane picture
	out = regexp.MustCompile("`+[^`\n]+`(`| `)*").ReplaceAllString(out, "")         // code spans
	for _, bad := range []string{"<script", "<img", "@everyone", "#1", "https://", "www.evil", "[click]("} {
		if i := strings.Index(out, bad); i >= 0 && out[max(0, i-1)] != '\\' {
			t.Errorf("%q stands free: %q", bad, out[max(0, i-40):min(len(out), i+40)])
		}
	}
}

func TestHostileStringsComeBackFromJSON(t *testing.T) {
	r := poisoned(t)
	var back diagnose.Report
	if err := json.Unmarshal([]byte(write(t, "json", r, Options{})), &back); err != nil {
		t.Fatal(err)
	}
	want := strings.ToValidUTF8(hostileText, string(unicode.ReplacementChar))
	if got := back.Breaks[3].Why; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	for reason := range maps.Keys(back.Inputs[2].SkipReasons) {
		if !strings.HasPrefix(reason, want) {
			t.Errorf("a key came back as %q", reason)
		}
	}
}

func TestClean(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"plain", "GET /cart 401", "GET /cart 401"},
		{"other alphabets", "Grüße, Ελλάδα, 東京", "Grüße, Ελλάδα, 東京"},
		{"line ends and tabs", "a\r\nb\tc", "a  b c"},
		{"an escape sequence", "\x1b[2J", "\ufffd[2J"},
		{"a control sequence of one character", "\u009b31m", "\ufffd31m"},
		{"delete", "a\x7fb", "a\ufffdb"},
		{"text that runs backwards", "a\u202eb", "a\ufffdb"},
		{"zero width", "a\u200bb\ufeff", "a\ufffdb\ufffd"},
		{"separators", "a\u2028b\u2029c", "a\ufffdb\ufffdc"},
		{"invalid UTF-8", "a\xffb", "a\ufffdb"},
	}
	for _, tt := range tests {
		if got := clean(tt.in); got != tt.want {
			t.Errorf("%s: clean(%q) = %q, want %q", tt.name, tt.in, got, tt.want)
		}
	}
}

func TestPageHoldsTogether(t *testing.T) {
	id := regexp.MustCompile(`\sid="([^"]*)"`)
	ref := regexp.MustCompile(`\s(?:href="#|aria-labelledby=")([^"]*)"`)
	heading := regexp.MustCompile(`<h([1-6])[\s>]`)
	reports := map[string]*diagnose.Report{"poisoned": poisoned(t)}
	for _, c := range cases {
		reports[c.name] = c.report(t)
	}
	for name, r := range reports {
		page := write(t, "html", r, Options{})
		ids := map[string]bool{}
		for _, m := range id.FindAllStringSubmatch(page, -1) {
			if ids[m[1]] {
				t.Errorf("%s: id %q stands twice", name, m[1])
			}
			ids[m[1]] = true
		}
		for _, m := range ref.FindAllStringSubmatch(page, -1) {
			for target := range strings.FieldsSeq(m[1]) {
				if !ids[target] {
					t.Errorf("%s: nothing has the id %q", name, target)
				}
			}
		}
		level := 0
		for _, m := range heading.FindAllStringSubmatch(page, -1) {
			n := int(m[1][0] - '0')
			if n > level+1 {
				t.Errorf("%s: a heading of level %d follows one of level %d", name, n, level)
			}
			level = n
		}
	}
}

// Every claim of a hypothesis in the recorded report leads to a row.
func TestEvidenceIsLinked(t *testing.T) {
	r := full(t)
	page := write(t, "html", r, Options{})
	for _, h := range r.Hypotheses {
		for _, c := range append(append([]diagnose.Clue{}, h.Supports...), h.Contradicts...) {
			if c.Source != "" && !regexp.MustCompile(`<a class="[a-z]+" href="#[^"]+">`+regexp.QuoteMeta(esc(c.Source))+`</a>`).MatchString(page) {
				t.Errorf("%s: %q (%s) leads nowhere", h.Cause, c.Text, c.Source)
			}
		}
	}
	for source, want := range map[string]string{
		"haproxy.cfg:41":           "finding-1",
		"haproxy.log:2944":         "health-1",
		"changes.jsonl:1":          "change-1",
		"40 of 40 broken sessions": "breaks-health-check-too-aggressive",
		"events.jsonl.gz":          "input-4",
		"7137 of 7247":             "counts",
		"limpet.dev/witness":       "",
		"100 % of the sessions broken at that moment": "breaks-health-check-too-aggressive",
		"changes at 11:53:09":                         "changes",
		"haproxy.log:9999999":                         "input-3",
		"the manual, page 3 of 4, 5 of 6":             "",
	} {
		groups := groupBreaks(r)
		if got := newAnchors(r, groups).find(source, "health-check-too-aggressive"); got != want {
			t.Errorf("%s leads to %q, want %q", source, got, want)
		}
	}
}

func FuzzText(f *testing.F) {
	f.Add(hostileText, "app1", "redis")
	f.Add("", "", "")
	f.Fuzz(func(t *testing.T, s, instance, store string) {
		story := diagnose.Story{Session: s, Cause: s, Why: s, Tiers: []string{s}, Instances: []string{instance}, Store: store, Requests: []diagnose.StoryStep{
			{RequestLine: diagnose.RequestLine{Method: s, Path: s, Instance: instance}, Routing: "held", Outcome: "honoured", Note: s},
			{RequestLine: diagnose.RequestLine{Path: s, Instance: s}, Routing: s, Outcome: s, Affinity: s, Break: true},
		}}
		r := &diagnose.Report{Verdict: diagnose.VerdictLost, Summary: s, Stories: []diagnose.Story{story}, Breaks: []diagnose.Break{{Session: s, Cause: s, Kind: s}}}
		for _, format := range Formats() {
			var b strings.Builder
			if err := Write(&b, format, r, Options{}); err != nil {
				t.Fatal(err)
			}
			if i := strings.IndexFunc(b.String(), func(c rune) bool { return c != '\n' && hostile(c) }); i >= 0 {
				t.Errorf("%s: a hostile character at %d", format, i)
			}
		}
	})
}
