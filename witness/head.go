package witness

import "net/http"

// A headWriter calls before once, just before the head of an answer is written.
type headWriter struct {
	http.ResponseWriter
	before func(status int)
	wrote  bool
}

func (h *headWriter) WriteHeader(status int) {
	if !h.wrote && status >= 200 {
		h.wrote = true
		h.before(status)
	}
	h.ResponseWriter.WriteHeader(status)
}

func (h *headWriter) Write(b []byte) (int, error) {
	if !h.wrote {
		h.WriteHeader(http.StatusOK)
	}
	return h.ResponseWriter.Write(b)
}

// Flush sends what there is, as http.Flusher.
func (h *headWriter) Flush() {
	if !h.wrote {
		h.WriteHeader(http.StatusOK)
	}
	http.NewResponseController(h.ResponseWriter).Flush()
}

// Unwrap lets http.ResponseController reach what the wrapped writer can do.
func (h *headWriter) Unwrap() http.ResponseWriter { return h.ResponseWriter }
