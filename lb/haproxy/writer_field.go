package haproxy

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"limpet.dev/lb"
	"limpet.dev/lb/logtext"
	"limpet.dev/session"
)

// field appends one field as HAProxy would print it.
func (w *writer) field(dst []byte, n *node, r *lb.Record) []byte {
	if at, ok := w.date(n.what, r); ok {
		return w.appendDate(dst, n, at)
	}
	if v, ok := w.number(n, r); ok {
		return w.appendNumber(dst, n, v, r)
	}
	switch n.what {
	case meansRequestHeaders:
		return w.braces(dst, n, w.v.caps.request, r)
	case meansResponseHeaders:
		return w.braces(dst, n, w.v.caps.response, r)
	case meansRequestList:
		return w.list(dst, n, w.v.caps.request, r)
	case meansResponseList:
		return w.list(dst, n, w.v.caps.response, r)
	case meansClient, meansListenIP, meansServerIP, meansSourceIP:
		return w.address(dst, n, w.addressOf(n.what, r).Addr())
	}
	return w.text(dst, n, w.value(n, r))
}

// date returns the point in time that a field shows.
func (w *writer) date(m meaning, r *lb.Record) (time.Time, bool) {
	accept := r.Start.Add(-time.Duration(r.IdleMs) * time.Millisecond)
	switch m {
	case meansAcceptDate, meansAcceptZoned, meansAcceptSeconds, meansAcceptMillis, meansAcceptEpochMs, meansAcceptEpochUs:
		return accept, true
	case meansRequestDate, meansRequestZoned, meansRequestMillis, meansRequestMicros:
		return r.Start, true
	}
	return time.Time{}, false
}

func (w *writer) appendDate(dst []byte, n *node, at time.Time) []byte {
	switch n.what {
	case meansAcceptSeconds:
		if n.hex {
			return fmt.Appendf(dst, "%04X", at.Unix())
		}
		return strconv.AppendInt(dst, at.Unix(), 10)
	case meansAcceptMillis:
		if n.hex {
			return fmt.Appendf(dst, "%02X", at.Nanosecond()/1e6)
		}
		return fmt.Appendf(dst, "%03d", at.Nanosecond()/1e6)
	case meansAcceptEpochMs, meansRequestMillis:
		return strconv.AppendInt(dst, at.UnixMilli(), 10)
	case meansAcceptEpochUs, meansRequestMicros:
		return strconv.AppendInt(dst, at.UnixMicro(), 10)
	}
	if n.json {
		dst = append(dst, '"')
	}
	switch {
	case n.shape == shapeDate:
		dst = at.In(w.zone).AppendFormat(dst, "02/Jan/2006:15:04:05.000")
	case n.name == "T" || n.name == "trg":
		dst = at.UTC().AppendFormat(dst, "02/Jan/2006:15:04:05 -0700")
	default:
		dst = at.In(w.zone).AppendFormat(dst, "02/Jan/2006:15:04:05 -0700")
	}
	if n.json {
		dst = append(dst, '"')
	}
	return dst
}

// number returns what a field counts. Phases that the request did not reach are -1.
func (w *writer) number(n *node, r *lb.Record) (int64, bool) {
	reached := func(v int) int64 {
		if r.Instance == "" {
			return -1
		}
		return int64(v)
	}
	switch n.what {
	case meansHandshakeMs, meansZero, meansUploaded:
		return 0, true
	case meansIdleMs:
		return int64(r.IdleMs), true
	case meansRequestMs:
		return 0, true
	case meansRequestTotalMs:
		return int64(r.IdleMs), true
	case meansQueueMs:
		return reached(r.QueueMs), true
	case meansConnectMs:
		return reached(r.ConnectMs), true
	case meansServerMs:
		if r.Flow.Unserved {
			return -1, true
		}
		return reached(r.ResponseMs), true
	case meansDataMs:
		return reached(max(r.TotalMs-r.QueueMs-r.ConnectMs-r.ResponseMs, 0)), true
	case meansActiveMs, meansUserMs:
		return int64(r.TotalMs), true
	case meansTotalMs:
		return int64(r.TotalMs + r.IdleMs), true
	case meansStatus:
		return int64(r.Status), true
	case meansBytes:
		return r.Bytes, true
	case meansRetries:
		return int64(max(r.Retries, int(r.Flow.Retries))), true
	case meansServerQueue, meansPoolQueue:
		if r.Flow.Queued && n.what == meansServerQueue {
			return 1, true
		}
		return 0, true
	case meansOne:
		return 1, true
	case meansCounter:
		return w.serial, true
	case meansPid:
		return int64(w.pid), true
	case meansRedispatched:
		return int64(flag(r.Flow.Redispatched)), true
	case meansTLS:
		return int64(flag(r.Scheme == "https")), true
	}
	return 0, false
}

func flag(on bool) int {
	if on {
		return 1
	}
	return 0
}

func (w *writer) appendNumber(dst []byte, n *node, v int64, r *lb.Record) []byte {
	if n.expr != nil {
		return w.text(dst, n, strconv.FormatInt(v, 10))
	}
	if n.hex {
		return fmt.Appendf(dst, "%04X", v)
	}
	if n.what == meansRetries && r.Flow.Redispatched && !n.json {
		dst = append(dst, '+')
	}
	return strconv.AppendInt(dst, v, 10)
}

// addressOf returns an address that the emulator knows.
func (w *writer) addressOf(m meaning, r *lb.Record) netip.AddrPort {
	switch m {
	case meansClient, meansClientPort:
		return r.Client
	case meansServerIP, meansServerPt:
		return r.InstanceAddr
	}
	return netip.AddrPort{}
}

func (w *writer) address(dst []byte, n *node, a netip.Addr) []byte {
	if !a.IsValid() {
		return w.text(dst, n, "")
	}
	if n.hex {
		return append(dst, strings.ToUpper(hex.EncodeToString(a.AsSlice()))...)
	}
	return w.text(dst, n, a.String())
}

// value returns a field's text.
func (w *writer) value(n *node, r *lb.Record) string {
	switch n.what {
	case meansClientPort, meansServerPt, meansListenPt, meansSourcePt:
		if a := w.addressOf(n.what, r); a.IsValid() {
			if n.hex {
				return fmt.Sprintf("%04X", a.Port())
			}
			return strconv.Itoa(int(a.Port()))
		}
		return ""
	case meansListener:
		return r.Listener
	case meansListenerTLS:
		if r.Scheme == "https" {
			return r.Listener + "~"
		}
		return r.Listener
	case meansPool:
		return r.Pool
	case meansInstance:
		if r.Instance == "" {
			return "<NOSRV>"
		}
		return r.Instance
	case meansState:
		return stateCode(&r.Flow, n.shape == shapeFlags2)
	case meansRequestLine:
		return hashText(r.Method+" "+r.Target+" "+r.Proto, false)
	case meansMethod:
		return hashText(r.Method, false)
	case meansTarget:
		if n.expr != nil {
			return r.Target // expressions do not write #XX
		}
		if n.name == "HP" {
			path, _, _ := strings.Cut(r.Target, "?")
			return hashText(path, false)
		}
		return hashText(r.Target, false)
	case meansPath:
		return w.path(n, r)
	case meansQuery:
		if _, q, ok := strings.Cut(r.Target, "?"); ok {
			return hashText("?"+q, false)
		}
		return ""
	case meansVersion:
		return r.Proto
	case meansHostname:
		return "localhost"
	case meansLogOrigin:
		return "txn_close"
	}
	return w.named(n.what, n.secret, r, 0)
}

// path returns the target without its query; without its parameters where an expression cuts them.
func (w *writer) path(n *node, r *lb.Record) string {
	path, _, _ := strings.Cut(r.Target, "?")
	if n.expr == nil { // %HPO
		return hashText(path, false)
	}
	return logtext.CutParameters(path)
}

// named returns what a header, a cookie or a variable holds.
func (w *writer) named(m meaning, form secretForm, r *lb.Record, max int) string {
	switch m {
	case meansSession:
		return secret(r.Session, form, r.Key)
	case meansSetSession:
		return secret(r.SetSession, form, r.Key)
	case meansAffinity:
		return secret(r.Affinity, form, r.Key)
	case meansSetAffinity:
		return secret(r.SetAffinity, form, r.Key)
	case meansRequestCookie:
		return w.cookie(r.Session, r.Affinity)
	case meansResponseCookie:
		return w.cookie(r.SetSession, "") // HAProxy captures before it adds its own cookie
	case meansCleared:
		if r.Cleared {
			return "1"
		}
		return ""
	case meansHost:
		return r.Host
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
	case meansForwardedFor:
		return ""
	}
	return ""
}

// secret returns a credential as a field of that form shows it.
func secret(raw string, form secretForm, key session.Key) string {
	if raw == "" || form == secretRaw {
		return raw
	}
	p := key.Pseudonym([]byte(raw))
	return strings.ToUpper(hex.EncodeToString(p[:]))
}

// cookie returns the captured cookie as HAProxy would: "NAME=value", cut.
func (w *writer) cookie(sessionValue, affinity string) string {
	c := w.v.caps
	if c.cookie == "" {
		return ""
	}
	value := sessionValue
	name := w.session
	if c.cookie == w.affin {
		value, name = affinity, w.affin
	}
	if value == "" || !c.prefix && name != "" && name != c.cookie {
		return ""
	}
	if name == "" {
		name = c.cookie
	}
	text := name + "=" + value
	if c.cookieMax > 0 && len(text) > c.cookieMax {
		text = text[:c.cookieMax]
	}
	return text
}
