package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
)

// nginxFormat is the log_format in which nginx logs the workload: combined with the times in milliseconds, the server and
// the session cookie, as much as HAProxy's default line with a captured cookie says.
const nginxFormat = `$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" $msec $request_time $upstream_addr $upstream_status $upstream_response_time $cookie_SHOPSESSION`

// nginxConfig is the configuration that declares it.
const nginxConfig = `events {}
http {
  log_format timed '` + nginxFormat + `';
  upstream be_app {
    hash $cookie_SHOPSESSION consistent;
%s  }
  server {
    listen 443 ssl;
    server_name shop.example;
    access_log access.log timed;
    location / { proxy_pass http://be_app; }
  }
}
`

// generateNginx writes the workload as nginx logs it.
func generateNginx(w io.Writer, wl workload) error {
	out := bufio.NewWriterSize(w, 1<<20)
	line := make([]byte, 0, 512)
	err := traffic(wl, func(h *hit) error {
		line = h.nginx(line[:0])
		_, err := out.Write(line)
		return err
	})
	if err != nil {
		return err
	}
	return out.Flush()
}

// nginx appends the line that nginx logs for a hit.
func (h *hit) nginx(line []byte) []byte {
	line = h.At.AppendFormat(append(h.address(line), " - - ["...), "02/Jan/2006:15:04:05 -0700")
	line = h.target(append(line, `] "GET `...))
	line = strconv.AppendInt(append(line, ` HTTP/1.1" 200 `...), int64(h.Bytes), 10)
	line = appendSeconds(append(line, ` "-" `...), h.At.UnixMilli())
	line = appendSeconds(append(line, ' '), int64(h.Took))
	line = strconv.AppendInt(append(line, " 10.20.0."...), int64(h.Server), 10)
	line = appendSeconds(append(line, ":8080 200 "...), int64(h.Ms))
	return append(h.cookie(append(line, ' ')), '\n')
}

func appendSeconds(line []byte, ms int64) []byte {
	line = append(strconv.AppendInt(line, ms/1000, 10), '.')
	return append(line, byte('0'+ms/100%10), byte('0'+ms/10%10), byte('0'+ms%10))
}

// writeNginx writes the workload's log and the configuration that belongs to it into a folder.
func writeNginx(dir string, wl workload) (config, log string, err error) {
	config, log = filepath.Join(dir, "nginx.conf"), filepath.Join(dir, "access.log")
	servers := ""
	for i := range wl.Servers {
		servers += fmt.Sprintf("    server 10.20.0.%d:8080;\n", i+1)
	}
	if err := os.WriteFile(config, fmt.Appendf(nil, nginxConfig, servers), 0o644); err != nil {
		return "", "", err
	}
	f, err := os.Create(log)
	if err != nil {
		return "", "", err
	}
	defer f.Close()
	return config, log, generateNginx(f, wl)
}

// nginxBesideHAProxy compares the same traffic in both balancers' logs.
func nginxBesideHAProxy(w io.Writer, dir, limpet string, wl workload, rounds int) error {
	haproxyLog := filepath.Join(dir, "haproxy.log")
	if err := generateFile(haproxyLog, wl); err != nil {
		return err
	}
	defer os.Remove(haproxyLog)
	config, log, err := writeNginx(dir, wl)
	if err != nil {
		return err
	}
	defer os.Remove(log)
	haproxy := diagnose("HAProxy's log", limpet, haproxyLog, "")
	nginx := diagnose("nginx's log", limpet, log, "")
	nginx.args = append(nginx.args, "-c", config)
	if err := race([]*contestant{haproxy, nginx}, rounds); err != nil {
		return err
	}
	fmt.Fprintf(w, "The same traffic as nginx logs it, %d lines:\n\n| log | wall s, median | spread | processor s | most resident MiB | × HAProxy |\n| --- | ---: | ---: | ---: | ---: | ---: |\n", wl.Lines)
	haproxy.row(w, haproxy)
	nginx.row(w, haproxy)
	fmt.Fprintln(w)
	return nil
}
