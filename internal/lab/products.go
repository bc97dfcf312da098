package lab

import "limpet.dev/lb"

// TEMPORARY until lb/products exists.
var findProduct = func(name string) (*lb.Product, bool) {
	p := &lb.Product{Name: "haproxy", LogLine: func(lb.LogLineOptions) (string, error) {
		return `unique-id-format %{+X}o\ %ci:%cp_%fi:%fp_%Ts_%rt:%pid
  unique-id-header X-Request-ID
  http-request set-var(txn.ck_sess) req.cook(SHOPSESSION),hmac(sha256,"${LIMPET_KEY_B64}"),bytes(0,16),hex
  http-after-response set-var(txn.set_sess) res.cook(SHOPSESSION),hmac(sha256,"${LIMPET_KEY_B64}"),bytes(0,16),hex
  log-format "%Ts.%ms ti=%Ti th=%Th ci=%ci:%cp m=%HM p=%{+Q}HPO st=%ST be=%b srv=%s tsc=%tsc rc=%rc ta=%Ta sess=%{+Q}[var(txn.ck_sess)] set_sess=%{+Q}[var(txn.set_sess)] id=%ID"`, nil
	}}
	return p, name == "haproxy"
}
