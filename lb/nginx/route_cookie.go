package nginx

// A way leads clients with a cookie to an upstream of their own: key is the map's.
type way struct {
	pair
	to *router
}

// wayOf finds the way of a request's cookie, nil for none.
func (r *router) wayOf(q *request) *way {
	v := variable{}
	for _, w := range r.ways {
		v.pairs = append(v.pairs, pair{w.key, w.value})
	}
	value := q.text(r.wayBy)
	if value == "" {
		return nil
	}
	for i := range r.ways {
		one := variable{pairs: v.pairs[i : i+1], def: "\x00none"}
		if to, _ := one.lookup(value); to != "\x00none" {
			return &r.ways[i]
		}
	}
	return nil
}

// A header is an add_header of Set-Cookie.
type header struct {
	text   string
	always bool
}

// headerStatus are the answers that add_header adds to without "always" (http://nginx.org/r/add_header).
var headerStatus = map[int]bool{200: true, 201: true, 204: true, 206: true, 301: true, 302: true, 303: true, 304: true, 307: true, 308: true}

// setCookies are the cookies of nginx's own in an answer: of sticky, and of add_header where its text is
// not empty.
func (r *router) setCookies(q *request, status int) []string {
	var out []string
	if s := r.sticky; s != nil && s.kind == "cookie" && q.peer != nil && q.peer.CookieValue != "" {
		out = append(out, s.line(q.peer.CookieValue, q.Now))
	}
	in := *q
	in.r = r // the texts and variables are those of the place that passed the request on
	for _, h := range r.headers {
		if !h.always && !headerStatus[status] {
			continue
		}
		if text := in.text(h.text); text != "" {
			out = append(out, text)
		}
	}
	q.id = in.id
	return out
}
