package witness_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"limpet.dev/session"
	"limpet.dev/witness"
)

func TestFingerprintsOfThePresentedAndTheSetSession(t *testing.T) {
	rec := &witness.Recorder{Key: session.Key{4}, FingerprintCookie: "SID"}
	want := func(value string) session.Pseudonym { return rec.Key.Pseudonym([]byte(value)) }
	for _, tt := range []struct {
		name    string
		handler http.HandlerFunc
		set     string
	}{
		{"set before the first byte", func(w http.ResponseWriter, _ *http.Request) {
			http.SetCookie(w, &http.Cookie{Name: "SID", Value: "new"})
			w.Write([]byte("ok"))
		}, "new"},
		{"set with a redirect", func(w http.ResponseWriter, r *http.Request) {
			http.SetCookie(w, &http.Cookie{Name: "other", Value: "x"})
			http.SetCookie(w, &http.Cookie{Name: "SID", Value: "new"})
			http.Redirect(w, r, "/", http.StatusSeeOther)
		}, "new"},
		{"nothing set, flushed", func(w http.ResponseWriter, _ *http.Request) { w.(http.Flusher).Flush() }, ""},
		{"deleted", func(w http.ResponseWriter, _ *http.Request) {
			http.SetCookie(w, &http.Cookie{Name: "SID", MaxAge: -1})
			w.WriteHeader(http.StatusNoContent)
		}, ""},
	} {
		req := httptest.NewRequest("GET", "/", nil)
		req.Header.Set("Cookie", "a=b; SID=old")
		w := httptest.NewRecorder()
		rec.Wrap(tt.handler).ServeHTTP(w, req)
		if got, _ := session.ParsePseudonym([]byte(w.Result().Header.Get(witness.PresentedHeader))); got != want("old") {
			t.Errorf("%s: the session presented has another fingerprint", tt.name)
		}
		header := w.Result().Header.Get(witness.SetHeader)
		if got, _ := session.ParsePseudonym([]byte(header)); tt.set == "" && header != "" || tt.set != "" && got != want(tt.set) {
			t.Errorf("%s: the session set has fingerprint %q", tt.name, header)
		}
	}
}
