package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// joined compares HAProxy's log alone with the log and as many application events. The log is in the line that `limpet logline
// haproxy` recommends, because that one has the request ids by which events are joined.
func joined(w io.Writer, dir, limpet string, wl workload, rounds int) error {
	bundle := filepath.Join(dir, "bundle")
	if err := os.Mkdir(bundle, 0o700); err != nil {
		return err
	}
	defer os.RemoveAll(bundle)
	if err := generateJoined(bundle, wl); err != nil {
		return err
	}
	alone := diagnose("the log alone", limpet, filepath.Join(bundle, "haproxy.log"), "")
	both := diagnose("log and events, joined", limpet, bundle, "")
	if err := race([]*contestant{alone, both}, min(rounds, 5)); err != nil {
		return err
	}
	fmt.Fprintf(w, "\nHAProxy's log in the line that limpet recommends, and an application event for each request, %d lines of each:\n\n", wl.Lines)
	fmt.Fprintln(w, "| input | wall s, median | spread | processor s | most resident MiB | × the log alone |\n| --- | ---: | ---: | ---: | ---: | ---: |")
	alone.row(w, alone)
	both.row(w, alone)
	return nil
}

// generateJoined writes haproxy.log and events.jsonl of the same requests into a folder.
func generateJoined(dir string, wl workload) error {
	var outs [2]*bufio.Writer
	for i, name := range []string{"haproxy.log", "events.jsonl"} {
		f, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		defer f.Close()
		outs[i] = bufio.NewWriterSize(f, 1<<20)
	}
	line, number := make([]byte, 0, 1024), uint64(0)
	err := traffic(wl, func(h *hit) error {
		number++
		line = h.recommended(line[:0], number)
		if _, err := outs[0].Write(line); err != nil {
			return err
		}
		line = h.event(line[:0], number)
		_, err := outs[1].Write(line)
		return err
	})
	if err != nil {
		return err
	}
	if err := outs[0].Flush(); err != nil {
		return err
	}
	return outs[1].Flush()
}

const agent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 Safari/537.36"

// recommended appends the line that `limpet logline haproxy` recommends; the session stands there as a fingerprint.
func (h *hit) recommended(dst []byte, number uint64) []byte {
	came := h.came()
	dst = fmt.Appendf(dst, "%d.%03d ti=0 th=0 ci=", came.Unix(), came.Nanosecond()/1e6)
	dst = fmt.Appendf(h.address(dst), ":%d fe=fe_https~ be=be_app srv=app%d m=GET st=200 b=%d tsc=--VN rc=0 q=0/0 tr=0 tw=0 tc=1 trs=%d ta=%d sess=", h.Port, h.Server, h.Bytes, h.Ms, h.Took)
	dst = append(h.cookie(dst), " set_sess=- clr=- aff=- set_aff=- id=\""...)
	dst = append(appendID(dst, number), "\" s=https h=\"shop.example.com\" p=\""...)
	dst = append(dst, h.path()...)
	return append(dst, "\" ref=\"\" org=\"\" loc=\"\" tp=\"\" ua=\""+agent+"\"\n"...)
}

// event appends what the application reports of the same request: it knew the session.
func (h *hit) event(dst []byte, number uint64) []byte {
	dst = h.came().Add(time.Duration(h.Ms/2)*time.Millisecond).AppendFormat(append(dst, `{"time":"`...), "2006-01-02T15:04:05.000000Z07:00")
	dst = append(h.cookie(append(dst, `","event":"websession.read","session":"`...)), `","result":"hit","instance":"app`...)
	dst = append(strconv.AppendInt(dst, int64(h.Server), 10), `","request_id":"`...)
	dst = append(append(appendID(dst, number), `","route":"`...), h.path()...)
	return append(dst, "\"}\n"...)
}

func (h *hit) came() time.Time { return h.At.Add(-time.Duration(h.Took) * time.Millisecond) }

// appendID appends a request id.
func appendID(dst []byte, number uint64) []byte {
	return appendHex(append(dst, "0af7651916cd43dd"...), number)
}

func (h *hit) path() string {
	path, _, _ := strings.Cut(string(h.target(nil)), "?")
	return path
}
