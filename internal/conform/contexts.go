package conform

import (
	"fmt"
	"strings"

	"limpet.dev/cookie"
)

// request builds the request of a probe, or of "METHOD URL".
func (p *play) request(name string) (*cookie.Request, error) {
	if method, url, ok := strings.Cut(name, " "); ok {
		u, err := cookie.ParseURL(url)
		return &cookie.Request{URL: u, Method: method}, err
	}
	pr, ok := p.probes[name]
	if !ok {
		return nil, fmt.Errorf("unknown request %q", name)
	}
	var from, to cookie.URL
	var err error
	if strings.HasPrefix(pr.StartPage, "http") {
		if from, err = cookie.ParseURL(pr.StartPage); err != nil {
			return nil, err
		}
	}
	if pr.Target != "" {
		if to, err = cookie.ParseURL(pr.Target); err != nil {
			return nil, err
		}
	}
	switch action, mode, _ := strings.Cut(pr.Action, ":"); action {
	case "typed", "loc", "redir":
		return cookie.Link(from, to), nil
	case "post":
		return cookie.Post(from, to), nil
	case "fetch":
		return cookie.Call(from, to, modes[mode]), nil
	case "iframe":
		return cookie.Embed(from, to), nil
	case "img":
		return cookie.Load(from, to), nil
	case "doc":
		return cookie.Document(from), nil
	case "aba":
		partner, _ := cookie.ParseURL(partnerPage)
		return &cookie.Request{URL: to, Kind: cookie.Frame, From: partner, Top: from, Foreign: true}, nil
	}
	return nil, fmt.Errorf("unknown action %q", pr.Action)
}

const (
	partnerPage = "https://partner.test/idp"
	siblingPage = "https://login.example.test/start"
)

var modes = map[string]cookie.Credentials{"same-origin": cookie.SameOrigin, "include": cookie.Include, "omit": cookie.Omit}

// stepRequest builds the request of a step's context.
func stepRequest(s step) (*cookie.Request, error) {
	u, err := cookie.ParseURL(s.URL)
	if err != nil {
		return nil, err
	}
	partner, _ := cookie.ParseURL(partnerPage)
	sibling, _ := cookie.ParseURL(siblingPage)
	r, ok := map[string]*cookie.Request{
		"top": cookie.Typed(u), "xnav": cookie.Link(partner, u), "xpost": cookie.Post(partner, u),
		"xiframe": cookie.Embed(partner, u), "js": cookie.Document(u),
	}[s.Context]
	if ok {
		return r, nil
	}
	who, mode, _ := strings.Cut(s.Context, ":")
	from, ok := map[string]cookie.URL{"xfetch": partner, "sfetch": sibling, "ofetch": u}[who]
	if !ok {
		return nil, fmt.Errorf("unknown context %q", s.Context)
	}
	r = cookie.Call(from, u, modes[mode])
	r.CORS = map[string]cookie.CORS{"nocred": cookie.CORSNoCredentials, "none": cookie.CORSNone}[s.CORS]
	return r, nil
}
