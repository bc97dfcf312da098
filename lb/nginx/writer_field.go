package nginx

import (
	"encoding/hex"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"limpet.dev/lb"
	"limpet.dev/lb/logtext"
	"limpet.dev/session"
)

// value returns a variable's text; ok is false for one that is absent.
func (w *writer) value(n *field, r *lb.Record) (text string, ok bool) {
	if v, known := w.computed(n, r); known {
		return v, true
	}
	v := w.named(n, r)
	return v, v != ""
}

// computed returns what nginx always knows.
func (w *writer) computed(n *field, r *lb.Record) (string, bool) {
	end := r.Start.Add(time.Duration(r.TotalMs) * time.Millisecond)
	switch n.name {
	case "time_local":
		return end.In(w.zone).Format("02/Jan/2006:15:04:05 -0700"), true
	case "time_iso8601":
		return end.In(w.zone).Format("2006-01-02T15:04:05-07:00"), true
	case "msec":
		return seconds(end.UnixMilli()), true
	case "request_time":
		return seconds(int64(r.TotalMs)), true
	case "status":
		return threeDigits(r.Status), true
	case "body_bytes_sent", "bytes_sent":
		return strconv.FormatInt(r.Bytes, 10), true
	case "remote_port":
		return strconv.Itoa(int(r.Client.Port())), true
	case "pid":
		return strconv.Itoa(writerPID), true
	case "connection":
		return strconv.FormatInt(w.serial, 10), true
	case "connection_requests":
		return "1", true
	case "request_length":
		return strconv.Itoa(len(r.Method) + len(r.Target) + len(r.UserAgent) + len(r.Host) + 64), true
	case "pipe":
		return ".", true
	case "https":
		if r.Scheme == "https" {
			return "on", true
		}
		return "", true
	case "args", "query_string":
		_, q, _ := strings.Cut(r.Target, "?")
		return q, q != ""
	case "uri", "document_uri":
		path, _, _ := strings.Cut(r.Target, "?")
		return path, true
	case "server_protocol":
		return r.Proto, true
	case "request_completion":
		if r.Flow.Aborted {
			return "", true
		}
		return "OK", true
	}
	return "", false
}

func seconds(ms int64) string {
	return strconv.FormatInt(ms/1000, 10) + "." + threeDigits(int(ms%1000))
}

func threeDigits(n int) string {
	s := strconv.Itoa(n)
	if len(s) < 3 {
		s = "000"[len(s):] + s
	}
	return s
}

// named returns what the request or the answer holds, "" for nothing.
func (w *writer) named(n *field, r *lb.Record) string {
	switch n.what {
	case meansClient:
		return addrText(r.Client.Addr())
	case meansRequestLine:
		return r.Method + " " + r.Target + " " + r.Proto
	case meansMethod:
		return r.Method
	case meansTarget:
		if n.name == "limpet_path" {
			path, _, _ := strings.Cut(r.Target, "?")
			return logtext.CutParameters(path)
		}
		return r.Target
	case meansHost:
		return r.Host
	case meansListener:
		return r.Listener
	case meansPool:
		return r.Pool
	case meansScheme:
		return r.Scheme
	case meansUserAgent:
		return r.UserAgent
	case meansReferer:
		return r.Referer
	case meansOrigin:
		return r.Origin
	case meansLocation:
		return r.Location
	case meansRequestID:
		return r.RequestID
	case meansSession:
		return secret(n, r.Session, r.Key)
	case meansSetSession:
		return secret(n, r.SetSession, r.Key)
	case meansAffinity:
		return secret(n, r.Affinity, r.Key)
	case meansSetAffinity:
		return secret(n, r.SetAffinity, r.Key)
	case meansCleared:
		if r.Cleared {
			return "1"
		}
	case meansCookieHeader:
		return cookieHeader(w.session, r.Session, w.affin, r.Affinity)
	case meansSetCookieHeader:
		return w.setCookies(n, r)
	case meansUpAddr, meansUpStatus, meansUpConnect, meansUpHeader, meansUpTime, meansUpInstance:
		return w.upstream(n.what, r)
	}
	return ""
}

func addrText(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

// secret returns a cookie's value as the variable shows it: raw in nginx's own, hashed in Limpet's.
func secret(n *field, raw string, key session.Key) string {
	if raw == "" || n.secret != logtext.Fingerprint && !strings.HasPrefix(n.name, "limpet_") {
		return raw
	}
	p := key.Pseudonym([]byte(raw))
	return hex.EncodeToString(p[:])
}

func cookieHeader(pairs ...string) string {
	var b strings.Builder
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i] == "" || pairs[i+1] == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteString("; ")
		}
		b.WriteString(pairs[i] + "=" + pairs[i+1])
	}
	return b.String()
}

// setCookies returns the answer's Set-Cookie headers; the balancer's own is not among those of the server.
func (w *writer) setCookies(n *field, r *lb.Record) string {
	var list []string
	if w.session != "" && r.SetSession != "" {
		list = append(list, w.session+"="+r.SetSession+"; Path=/")
	}
	if w.session != "" && r.Cleared {
		list = append(list, w.session+"=; Path=/; Max-Age=0")
	}
	if w.affin != "" && r.SetAffinity != "" && n.name == "sent_http_set_cookie" {
		list = append(list, w.affin+"="+r.SetAffinity+"; Path=/")
	}
	return strings.Join(list, ", ")
}

// upstream returns the list of an upstream variable: one item for each attempt (Tried, and the last), or the
// group's name where no server could be chosen.
func (w *writer) upstream(m meaning, r *lb.Record) string {
	address := r.Instance
	if r.InstanceAddr.IsValid() {
		address = r.InstanceAddr.String()
	} else if known := w.addresses[r.Pool][r.Instance]; known != "" {
		address = known
	}
	none := address == ""
	if none {
		if address = r.Pool; address == "" {
			return ""
		}
	}
	var items []string
	for _, tried := range r.Tried {
		items = append(items, map[meaning]string{meansUpAddr: tried, meansUpStatus: "502", meansUpTime: "0.000", meansUpConnect: "-", meansUpHeader: "-"}[m])
	}
	last := address
	switch silent := none || r.Flow.Unserved; m {
	case meansUpStatus:
		last = threeDigits(r.Status)
	case meansUpTime:
		last = seconds(int64(r.TotalMs))
		if none {
			last = "0.000"
		}
	case meansUpConnect:
		last = "-"
		if !silent {
			last = seconds(int64(r.ConnectMs))
		}
	case meansUpHeader:
		last = "-"
		if !silent {
			last = seconds(int64(r.ConnectMs + r.ResponseMs))
		}
	case meansUpInstance:
		return address
	}
	return strings.Join(append(items, last), ", ")
}
