package witness

import (
	"encoding/hex"
	"net/http"
)

// The headers by which an application tells its balancer's log the fingerprints of the session presented and of the session
// set: the first 16 bytes of HMAC-SHA-256(key, cookie value), as 32 hexadecimal digits. The balancer logs them and
// takes them out of the answer ("limpet logline nginx", "limpet logline httpd").
const (
	PresentedHeader = "X-Limpet-Session"
	SetHeader       = "X-Limpet-Set-Session"
)

// A fingerprinter adds SetHeader to an answer just before its head is written.
type fingerprinter struct {
	http.ResponseWriter
	rec   *Recorder
	wrote bool
}

// fingerprint tells the session presented, and returns the writer that tells the session set.
func (r *Recorder) fingerprint(w http.ResponseWriter, req *http.Request) http.ResponseWriter {
	if c, err := req.Cookie(r.FingerprintCookie); err == nil && c.Value != "" {
		w.Header().Set(PresentedHeader, r.hex(c.Value))
	}
	return &fingerprinter{ResponseWriter: w, rec: r}
}

func (r *Recorder) hex(value string) string {
	p := r.Key.Pseudonym([]byte(value))
	return hex.EncodeToString(p[:])
}

func (f *fingerprinter) WriteHeader(status int) {
	if !f.wrote && status >= 200 {
		f.wrote = true
		for _, c := range (&http.Response{Header: f.Header()}).Cookies() {
			if c.Name == f.rec.FingerprintCookie && c.Value != "" {
				f.Header().Set(SetHeader, f.rec.hex(c.Value))
			}
		}
	}
	f.ResponseWriter.WriteHeader(status)
}

func (f *fingerprinter) Write(b []byte) (int, error) {
	if !f.wrote {
		f.WriteHeader(http.StatusOK)
	}
	return f.ResponseWriter.Write(b)
}

// Flush sends what there is, as http.Flusher.
func (f *fingerprinter) Flush() {
	if !f.wrote {
		f.WriteHeader(http.StatusOK)
	}
	http.NewResponseController(f.ResponseWriter).Flush()
}

// Unwrap lets http.ResponseController reach what the wrapped writer can do.
func (f *fingerprinter) Unwrap() http.ResponseWriter { return f.ResponseWriter }
