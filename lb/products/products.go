// Package products is the list of load balancers that Limpet knows, one line each.
package products

import (
	"limpet.dev/lb"
	"limpet.dev/lb/caddy"
	"limpet.dev/lb/haproxy"
	"limpet.dev/lb/httpd"
	"limpet.dev/lb/nginx"
)

// All returns the products, in the order in which they are tried on a file.
func All() []*lb.Product {
	return []*lb.Product{
		haproxy.Product,
		httpd.Product,
		nginx.Product,
		caddy.Product,
	}
}

// ByName returns the product of that name.
func ByName(name string) (*lb.Product, bool) {
	for _, p := range All() {
		if p.Name == name {
			return p, true
		}
	}
	return nil, false
}

// certain is how sure a product must be of a file to take it as its own.
const certain = 0.5

// OfConfig returns the product whose configuration begins with head.
func OfConfig(head []byte) (*lb.Product, bool) {
	return best(func(p *lb.Product) func([]byte) float64 { return p.SniffConfig }, head)
}

// OfLog returns the product whose log holds the lines in head.
func OfLog(head []byte) (*lb.Product, bool) {
	return best(func(p *lb.Product) func([]byte) float64 { return p.SniffLog }, head)
}

func best(sniff func(*lb.Product) func([]byte) float64, head []byte) (found *lb.Product, ok bool) {
	most := certain
	for _, p := range All() {
		if f := sniff(p); f != nil {
			if sure := f(head); sure >= most {
				found, ok, most = p, true, sure
			}
		}
	}
	return found, ok
}
