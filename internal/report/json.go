package report

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"unicode/utf8"

	"limpet.dev/diagnose"
)

// writeJSON writes limpet.report/v1: fields in the order of diagnose.Report, one element of a
// top-level list a line, so that line tools and diffs work on it. Lists are never null,
// characters of HTML are not escaped, and what could act on a terminal is.
func writeJSON(w *bufio.Writer, r *diagnose.Report, _ Options) error {
	v := reflect.ValueOf(r).Elem()
	e := newEncoder(w)
	w.WriteString("{")
	sep := "\n"
	for i := range v.NumField() {
		name, omitEmpty := jsonName(v.Type().Field(i))
		f := v.Field(i)
		if omitEmpty && f.IsZero() {
			continue
		}
		fmt.Fprintf(w, "%s  %q: ", sep, name)
		sep = ",\n"
		if err := e.field(f); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	_, err := w.WriteString("\n}\n")
	return err
}

// jsonName is the name that a field has in JSON, and whether it is left out when empty.
func jsonName(f reflect.StructField) (name string, omitEmpty bool) {
	name, rest, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name, strings.Contains(rest, "omitempty")
}

// An encoder writes values as JSON without white space.
type encoder struct {
	w   *bufio.Writer
	buf bytes.Buffer
	enc *json.Encoder
}

func newEncoder(w *bufio.Writer) *encoder {
	e := &encoder{w: w}
	e.enc = json.NewEncoder(&e.buf)
	e.enc.SetEscapeHTML(false)
	return e
}

// field writes a list of structs one element a line, anything else in one line.
func (e *encoder) field(f reflect.Value) error {
	if f.Kind() != reflect.Slice || f.Type().Elem().Kind() != reflect.Struct || f.Len() == 0 {
		return e.value(f)
	}
	e.w.WriteString("[")
	if err := e.list(f); err != nil {
		return err
	}
	_, err := e.w.WriteString("\n  ]")
	return err
}

// chunk is how many elements of a long list one goroutine encodes at a time.
const chunk = 256

// list writes the elements of a list. A long one is encoded in rounds, one chunk on each core,
// and written in its order; the buffers are used again, so that no round needs new memory.
func (e *encoder) list(f reflect.Value) error {
	if f.Len() <= chunk {
		return e.elements(f, 0, f.Len())
	}
	type worker struct {
		text bytes.Buffer
		enc  *encoder
		err  error
	}
	workers := make([]worker, runtime.GOMAXPROCS(0))
	for i := range workers {
		workers[i].enc = newEncoder(bufio.NewWriter(&workers[i].text))
	}
	for from := 0; from < f.Len(); from += chunk * len(workers) {
		var wg sync.WaitGroup
		for i := range workers {
			k := &workers[i]
			begin := min(f.Len(), from+i*chunk)
			wg.Go(func() {
				k.text.Reset()
				k.err = cmp.Or(k.enc.elements(f, begin, min(f.Len(), begin+chunk)), k.enc.w.Flush())
			})
		}
		wg.Wait()
		for i := range workers {
			if workers[i].err != nil {
				return workers[i].err
			}
			if _, err := e.w.Write(workers[i].text.Bytes()); err != nil {
				return err
			}
		}
	}
	return nil
}

// elements writes the elements from one to before another, each on a line of its own.
func (e *encoder) elements(f reflect.Value, from, to int) error {
	filling := holdsLists(f.Type().Elem())
	for i := from; i < to; i++ {
		if i > 0 {
			e.w.WriteString(",")
		}
		e.w.WriteString("\n    ")
		el := f.Index(i)
		if filling {
			el = filled(el)
		}
		if err := e.encode(el.Addr().Interface()); err != nil {
			return err
		}
	}
	return nil
}

func (e *encoder) value(f reflect.Value) error {
	if holdsLists(f.Type()) {
		f = filled(f)
	}
	return e.encode(f.Interface())
}

func (e *encoder) encode(v any) error {
	e.buf.Reset()
	if err := e.enc.Encode(v); err != nil {
		return err
	}
	return e.guarded(bytes.TrimSuffix(e.buf.Bytes(), []byte("\n")))
}

// guarded writes JSON with every character escaped that encoding/json lets through and a
// terminal or a reader's eye might obey: DEL, C1 controls, marks of direction, zero width.
// Outside strings JSON is ASCII, so such characters stand in strings only.
func (e *encoder) guarded(b []byte) error {
	done := 0
	for i := 0; i < len(b); {
		if c := b[i]; c < 0x7f {
			i++
			continue
		}
		r, size := utf8.DecodeRune(b[i:])
		if hostile(r) {
			e.w.Write(b[done:i])
			if r > 0xffff {
				r -= 0x10000
				fmt.Fprintf(e.w, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
			} else {
				fmt.Fprintf(e.w, `\u%04x`, r)
			}
			done = i + size
		}
		i += size
	}
	_, err := e.w.Write(b[done:])
	return err
}

// holdsLists reports whether a nil slice or map could hide in a value of the type.
func holdsLists(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Slice, reflect.Map:
		return true
	case reflect.Struct:
		for i := range t.NumField() {
			if f := t.Field(i); f.IsExported() && holdsLists(f.Type) {
				return true
			}
		}
	}
	return false
}

// filled returns a copy of v in which nil slices and maps are empty ones; v stays as it is.
func filled(v reflect.Value) reflect.Value {
	out := reflect.New(v.Type()).Elem()
	out.Set(v)
	switch v.Kind() {
	case reflect.Slice:
		out.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
		reflect.Copy(out, v)
		if holdsLists(v.Type().Elem()) {
			for i := range out.Len() {
				out.Index(i).Set(filled(out.Index(i)))
			}
		}
	case reflect.Map:
		if v.IsNil() {
			out.Set(reflect.MakeMap(v.Type()))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() && holdsLists(f.Type) {
				out.Field(i).Set(filled(v.Field(i)))
			}
		}
	}
	return out
}
