package nginx

import "bytes"

// heads are the blocks with which an nginx configuration or a fragment of one begins; marks are
// directives that hardly stand anywhere else.
var (
	heads = wordSet("http events server upstream location map stream")
	marks = wordSet(`proxy_pass proxy_set_header fastcgi_pass uwsgi_pass grpc_pass server_name listen worker_processes worker_connections
		access_log error_log log_format include root index try_files add_header ip_hash hash least_conn sticky keepalive server return
		ssl_certificate ssl_certificate_key ssl_protocols ssl_ciphers gzip sendfile keepalive_timeout client_max_body_size pid user default_type
		proxy_http_version proxy_read_timeout proxy_connect_timeout rewrite set if zone expires`)
)

// sniffConfig reports how certain it is that head begins an nginx configuration: statements that end with
// ";" or open a block, with nginx's words.
func sniffConfig(head []byte) float64 {
	if len(bytes.TrimSpace(head)) == 0 || bytes.IndexByte(head, 0) >= 0 {
		return 0
	}
	if n := bytes.LastIndexByte(head, '\n'); n > 0 {
		head = head[:n] // the last line may be cut
	}
	l := lexer{text: string(head), line: 1}
	var blocks, own, other int
	first := true
	data := 0 // depth of a block with entries of the user's own
	for range 4096 {
		t := l.next()
		if t.kind == end || t.kind == broken {
			break
		}
		if t.kind == shut {
			data = max(0, data-1)
		}
		if t.kind != word {
			first = true
			continue
		}
		if !first {
			continue
		}
		first = false
		switch stop := l.statement(); {
		case data > 0:
			if stop == open {
				data++
			}
		case stop == open && dataBlocks[t.text]:
			blocks, data = blocks+1, 1
		case stop == open && heads[t.text]:
			blocks++
		case stop == semicolon && marks[t.text]:
			own++
		case (stop == semicolon || stop == open) && known(t.text):
			own++
		default:
			other++
		}
	}
	switch good := blocks + own; {
	case good == 0 || other >= good:
		return 0
	case blocks == 0 && own < 3:
		return 0.3
	default:
		return min(0.99, 0.5+0.5*float64(good)/float64(good+other))
	}
}

// statement looks ahead for the mark that ends a statement, without passing it.
func (l *lexer) statement() kind {
	ahead := *l
	for range 256 {
		if t := ahead.next(); t.kind != word {
			return t.kind
		}
	}
	return broken
}
