package caddy

import (
	"cmp"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"time"

	"limpet.dev/lb"
	"limpet.dev/session"
)

// A writer writes JSON lines as Caddy would, with the fields of our own log line.
type writer struct{ opt lb.LogOptions }

func newWriter(opt lb.LogOptions) (lb.LineWriter, error) { return &writer{opt}, nil }

// number64 is a time or a duration as zap writes it: seconds with a fraction.
type number64 float64

func (n number64) MarshalJSON() ([]byte, error) {
	return strconv.AppendFloat(nil, float64(n), 'f', -1, 64), nil
}

func seconds(at time.Time) number64 { return number64(float64(at.UnixMicro()) / 1e6) }

type accessLine struct {
	Level    string   `json:"level"`
	TS       number64 `json:"ts"`
	Logger   string   `json:"logger"`
	Msg      string   `json:"msg"`
	Request  request  `json:"request"`
	UserID   string   `json:"user_id"`
	Duration number64 `json:"duration"`
	Size     int64    `json:"size"`
	Status   int      `json:"status"`

	Answer     map[string][]string `json:"resp_headers"`
	Upstream   string              `json:"upstream"`
	UpstreamMs string              `json:"upstream_ms"`
	Retries    string              `json:"retries"`
	Affinity   string              `json:"aff"`
	ReqID      string              `json:"req_id"`
}

type request struct {
	RemoteIP   string              `json:"remote_ip"`
	RemotePort string              `json:"remote_port"`
	ClientIP   string              `json:"client_ip"`
	Proto      string              `json:"proto"`
	Method     string              `json:"method"`
	Host       string              `json:"host"`
	URI        string              `json:"uri"`
	Headers    map[string][]string `json:"headers"`
}

// AppendRequest writes one access-log line; its time is the request's end.
func (w *writer) AppendRequest(dst []byte, r *lb.Record) []byte {
	total := time.Duration(r.TotalMs) * time.Millisecond
	l := accessLine{
		Level: "info", TS: seconds(r.Start.Add(total)), Logger: "http.log.access.log0", Msg: "handled request", Duration: number64(total.Seconds()),
		Size: r.Bytes, Status: r.Status, UpstreamMs: strconv.Itoa(r.ResponseMs), Retries: strconv.Itoa(r.Retries), Affinity: r.Affinity, ReqID: r.RequestID,
		Request: request{
			RemoteIP: r.Client.Addr().String(), RemotePort: strconv.Itoa(int(r.Client.Port())), ClientIP: r.Client.Addr().String(),
			Proto: cmp.Or(r.Proto, "HTTP/1.1"), Method: r.Method, Host: r.Host, URI: r.Target, Headers: map[string][]string{},
		},
		Answer: map[string][]string{"Server": {"Caddy"}},
	}
	if r.Instance != "" {
		l.Upstream = r.Instance
	}
	if r.Status >= 500 {
		l.Level = "error"
	}
	put := func(h map[string][]string, name, value string) {
		if value != "" {
			h[name] = []string{value}
		}
	}
	put(l.Request.Headers, "User-Agent", r.UserAgent)
	put(l.Request.Headers, "Referer", r.Referer)
	put(l.Request.Headers, "Origin", r.Origin)
	if r.Session != "" || r.Affinity != "" {
		put(l.Request.Headers, "Cookie", "REDACTED")
	}
	if r.SetSession != "" || r.SetAffinity != "" || r.Cleared {
		put(l.Answer, "Set-Cookie", "REDACTED")
	}
	put(l.Answer, "Location", r.Location)
	put(l.Answer, "X-Limpet-Session", fingerprint(r.Key, r.Session))
	put(l.Answer, "X-Limpet-Set-Session", fingerprint(r.Key, r.SetSession))
	return appendJSON(dst, l)
}

func appendJSON(dst []byte, v any) []byte {
	text, err := json.Marshal(v)
	if err != nil { // texts and finite numbers always marshal
		panic(err)
	}
	return append(append(dst, text...), '\n')
}

func fingerprint(key session.Key, value string) string {
	if value == "" {
		return ""
	}
	p := key.Pseudonym([]byte(value))
	return hex.EncodeToString(p[:])
}

type noticeLine struct {
	Level  string   `json:"level"`
	TS     number64 `json:"ts"`
	Logger string   `json:"logger,omitempty"`
	Msg    string   `json:"msg"`
	Host   string   `json:"host,omitempty"`
}

const healthLogger = "http.handlers.reverse_proxy.health_checker.active"

// AppendHealth writes what the active health checker says.
func (w *writer) AppendHealth(dst []byte, at time.Time, _, instance string, up bool, _ string) []byte {
	msg := "host is down"
	if up {
		msg = "host is up"
	}
	return appendJSON(dst, noticeLine{"info", seconds(at), healthLogger, msg, instance})
}

// AppendStart writes what Caddy says when it has read its configuration.
func (w *writer) AppendStart(dst []byte, at time.Time, _ string) []byte {
	return appendJSON(dst, noticeLine{"info", seconds(at), "", "serving initial configuration", ""})
}
