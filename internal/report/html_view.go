package report

import (
	"fmt"
	"reflect"
	"time"

	"limpet.dev/diagnose"
)

// At writes a time as the whole page does.
func (v *view) At(t time.Time) string { return v.clock.at(t) }

// Second writes a time to the second.
func (v *view) Second(t time.Time) string { return v.clock.second(t) }

// Between says from when to when, or at which second.
func (v *view) Between(first, last time.Time) string {
	from, to := v.Second(first), v.Second(last)
	if from == to {
		return "at " + from
	}
	return "between " + from + " and " + to
}

// A ref is a text that leads to its evidence; ID is empty where nothing on the page shows it.
type ref struct{ Text, ID string }

// Class sets lines of files apart from counts.
func (r ref) Class() string {
	if _, _, ok := splitLine(r.Text); ok {
		return "src"
	}
	return "note"
}

// Ref returns the evidence that a clue of a cause cites.
func (v *view) Ref(c diagnose.Clue, cause string) ref {
	return ref{c.Source, v.anchors.find(c.Source, cause)}
}

// Source returns where a line of an input is shown.
func (v *view) Source(source string) ref { return ref{source, v.anchors.find(source, "")} }

// BreaksOf returns where the breaks of a cause are listed, "" if none is.
func (v *view) BreaksOf(cause string) string {
	if v.anchors.causes[cause] {
		return breaksID(cause)
	}
	return ""
}

// Session returns where a session is shown.
func (v *view) Session(s string) ref { return ref{s, v.anchors.session[s]} }

// CauseID is the anchor of the i-th hypothesis.
func (v *view) CauseID(i int) string { return fmt.Sprintf("cause-%d", i+1) }

// CauseOf returns where a cause is explained, "" if it is not.
func (v *view) CauseOf(cause string) string {
	for i := range v.Hypotheses {
		if v.Hypotheses[i].Cause == cause {
			return v.CauseID(i)
		}
	}
	return ""
}

// HealthID, ChangeID, FindingID and InputID are the anchors of rows.
func (v *view) HealthID(i int) string  { return v.anchors.health(i) }
func (v *view) ChangeID(i int) string  { return v.anchors.change(i) }
func (v *view) FindingID(i int) string { return findingID(i) }
func (v *view) InputID(i int) string   { return inputID(i) }

// Gaps is the number of steps that the chart's line leaves out.
func (v *view) Gaps() int64 {
	if len(v.Series.Followups) == 0 {
		return 0
	}
	return gaps(&v.Series)
}

// Shares lists the three tables of held and moved follow-ups.
func (v *view) Shares() []shareTable {
	var out []shareTable
	for _, t := range []shareTable{{"instance", v.Affinity.ByInstance}, {"route", v.Affinity.ByRoute}, {"client family", v.Affinity.ByClient}} {
		if len(t.Rows) > 0 {
			out = append(out, t)
		}
	}
	return out
}

type shareTable struct {
	By   string
	Rows []diagnose.Share
}

func stepTime(s *diagnose.Series, i int) time.Time {
	return s.Start.Add(time.Duration(float64(i) * s.StepS * float64(time.Second)))
}

// cleaned returns a deep copy of v with every string cleaned: pages and comments, too, must
// not show text in another order than it is written.
func cleaned[T any](v *T) *T {
	out := new(T)
	reflect.ValueOf(out).Elem().Set(cleanValue(reflect.ValueOf(v).Elem()))
	return out
}

func cleanValue(v reflect.Value) reflect.Value {
	switch v.Kind() {
	case reflect.String:
		if isPlain(v.String()) {
			return v
		}
		out := reflect.New(v.Type()).Elem()
		out.SetString(clean(v.String()))
		return out
	case reflect.Slice:
		if v.IsNil() || !holdsStrings(v.Type().Elem()) {
			return v
		}
		out := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		for i := range v.Len() {
			out.Index(i).Set(cleanValue(v.Index(i)))
		}
		return out
	case reflect.Map:
		if v.IsNil() {
			return v
		}
		out := reflect.MakeMapWithSize(v.Type(), v.Len())
		for k, e := range v.Seq2() {
			out.SetMapIndex(cleanValue(k), cleanValue(e))
		}
		return out
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			return v
		}
		out := reflect.New(v.Type()).Elem()
		out.Set(v)
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				out.Field(i).Set(cleanValue(v.Field(i)))
			}
		}
		return out
	}
	return v
}

// holdsStrings reports whether a value of the type can hold a string.
func holdsStrings(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Bool, reflect.Int, reflect.Int64, reflect.Float64:
		return false
	}
	return true
}
