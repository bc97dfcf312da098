package report

import (
	"fmt"
	"html/template"
	"strings"

	"limpet.dev/diagnose"
)

// Geometry of the session map, in units of the picture.
const (
	mapWidth     = 1060
	mapClientX   = 8
	mapClientW   = 124
	mapListenerX = 172
	mapPoolX     = 366
	mapInstanceX = 680
	mapStoreX    = 930
	mapPoolW     = 262
	mapMemberW   = 222
	mapPoolH     = 120
	mapTop       = 44
	mapSlot      = 46 // height of one instance with its gap
	mapBox       = 38
	mostMembers  = 24 // instances drawn per pool
)

// A mapPicture draws one tier: clients, listeners, pools with their affinity, instances, and
// where the state lives.
type mapPicture struct {
	*svg
	t     *diagnose.Tier
	entry diagnose.MapEntry
	a     *anchors
	pools []poolPlace
}

// poolPlace is where a pool stands.
type poolPlace struct {
	top, height float64
	members     []diagnose.TierInstance
	more        int
}

func (p poolPlace) middle() float64 { return p.top + p.height/2 }

// drawMap draws one tier of the session map.
func drawMap(t *diagnose.Tier, entry diagnose.MapEntry, a *anchors, id string) template.HTML {
	p := &mapPicture{t: t, entry: entry, a: a}
	y := float64(mapTop)
	for _, pool := range t.Pools {
		n := min(len(pool.Instances), mostMembers)
		more := len(pool.Instances) - n
		slots := max(n, 3)
		if more > 0 {
			slots++
		}
		p.pools = append(p.pools, poolPlace{top: y, height: float64(slots * mapSlot), members: pool.Instances[:n], more: more})
		y += float64(slots*mapSlot) + 14
	}
	height := int(max(y, float64(mapTop+mapSlot*max(2, len(t.Listeners)))) + 8)
	desc := fmt.Sprintf("Clients reach %s through %s and %s. Carrier: %s. State: %s. Affinity: %s (%s).", t.Name, counted(int64(len(t.Listeners)), "listener"),
		counted(int64(len(t.Pools)), "pool"), entry.Carrier, entry.Storage, entry.Affinity, entry.Status)
	width := mapInstanceX + mapMemberW + 8
	if shared(entry.Storage) {
		width = mapWidth
	}
	p.svg = newSVG(width, height, id, "group", "Session map of tier "+t.Name, desc)
	p.heads()
	p.clients(float64(height))
	p.listeners()
	for i := range t.Pools {
		p.pool(i)
	}
	if shared(entry.Storage) {
		p.store(float64(height))
	}
	return p.done()
}

func (p *mapPicture) heads() {
	for _, h := range []struct {
		x    float64
		text string
	}{{mapClientX, "clients"}, {mapListenerX, "listeners of " + p.t.Name}, {mapPoolX, "pools and affinity"}, {mapInstanceX, p.instancesHead()}} {
		p.text("panel", "start", h.x, 24, cut(h.text, 44))
	}
	if shared(p.entry.Storage) {
		p.text("panel", "start", mapStoreX, 24, "state")
	}
}

// instancesHead says where each instance keeps state of its own.
func (p *mapPicture) instancesHead() string {
	if p.local() {
		return "instances; state in " + p.entry.Storage
	}
	return "instances"
}

// local says that each instance keeps its own sessions.
func (p *mapPicture) local() bool { return p.entry.Storage == "memory" || p.entry.Storage == "file" }

func (p *mapPicture) clients(height float64) {
	y := (mapTop + height - 8) / 2
	p.rect("box", mapClientX, y-38, mapClientW, 76, 8)
	x := float64(mapClientX + mapClientW/2)
	p.text("boxname", "middle", x, y-16, "clients")
	kind, name, _ := strings.Cut(p.entry.Carrier, " ")
	p.text("boxnote", "middle", x, y+2, cut(kind, 18))
	p.text("boxnote", "middle", x, y+17, cut(name, 18))
	if p.entry.Storage == "cookie" {
		p.text("boxnote", "middle", x, y+31, "holds the state")
	}
	for i := range p.t.Listeners {
		p.curve("route", mapClientX+mapClientW, y, mapListenerX, p.listenerY(i))
	}
	if len(p.t.Listeners) == 0 {
		for _, pool := range p.pools {
			p.curve("route", mapClientX+mapClientW, y, mapPoolX, pool.middle())
		}
	}
}

// listenerY is the middle of the i-th listener, level with the first pool that it leads to where that is free.
func (p *mapPicture) listenerY(i int) float64 {
	n := len(p.t.Listeners)
	if len(p.pools) == 0 {
		return float64(mapTop+mapSlot*i) + mapSlot/2
	}
	last := p.pools[len(p.pools)-1]
	span := last.top + last.height - mapTop
	return mapTop + span*(float64(i)+0.5)/float64(n)
}

func (p *mapPicture) listeners() {
	for i, l := range p.t.Listeners {
		y := p.listenerY(i)
		p.source(l.Pos, "listener "+l.Name+" "+l.Pos, func() {
			p.rect("box", mapListenerX, y-mapBox/2, 150, mapBox, 8)
			p.text("boxname", "start", mapListenerX+10, y-2, cut(l.Name, 18))
			p.text("boxnote", "start", mapListenerX+10, y+12, cut(l.Pos, 24))
		})
		for _, name := range l.Pools {
			for k, pool := range p.t.Pools {
				if pool.Name == name {
					p.curve("route", mapListenerX+150, y, mapPoolX, p.pools[k].middle())
				}
			}
		}
	}
}

// source wraps what is drawn into a link to the cited line, where that has a row.
func (p *mapPicture) source(pos, label string, draw func()) {
	id := p.a.find(pos, "")
	if id == "" {
		draw()
		return
	}
	p.link(id, label)
	draw()
	p.endLink()
}

func (p *mapPicture) curve(class string, x1, y1, x2, y2 float64) {
	m := (x1 + x2) / 2
	p.path(class, fmt.Sprintf("M%s %sC%s %s %s %s %s %s", num(x1), num(y1), num(m), num(y1), num(m), num(y2), num(x2), num(y2)))
}

func (p *mapPicture) pool(i int) {
	pool, at := &p.t.Pools[i], p.pools[i]
	y := at.middle()
	class := "box"
	if binds(pool.Affinity) {
		class = "box bound"
		if p.entry.Status == "contradicted" {
			class = "box contradicted"
		}
	}
	p.source(pool.Pos, "pool "+pool.Name+" "+pool.Pos, func() {
		p.rect(class, mapPoolX, y-mapPoolH/2, mapPoolW, mapPoolH, 8)
		p.text("boxname", "start", mapPoolX+12, y-mapPoolH/2+20, cut(pool.Name, 30))
		below := p.lines("affinity: "+pool.Affinity, y-mapPoolH/2+38)
		below = p.lines("balance: "+pool.Balance, below)
		p.lines("check: "+pool.Check, below)
	})
	for k, in := range at.members {
		p.member(in, mapPoolX+mapPoolW, y, at.top+float64(k*mapSlot))
	}
	if at.more > 0 {
		p.text("boxnote", "start", mapInstanceX, at.top+float64(len(at.members)*mapSlot)+20, fmt.Sprintf("and %s more", counted(int64(at.more), "instance")))
	}
}

// binds reports whether a pool's affinity, as a report words it, brings clients back.
func binds(affinity string) bool {
	return affinity != "" && affinity != "none" && affinity != unknown && affinity != "clients move between instances"
}

// lines writes a note of a pool in at most two lines and returns where the next begins.
func (p *mapPicture) lines(text string, y float64) float64 {
	const most = 38
	first, rest := text, ""
	if len(first) > most {
		if at := strings.LastIndex(first[:most], " "); at > 0 {
			first, rest = first[:at], first[at+1:]
		}
	}
	p.tip(text)
	p.text("boxnote", "start", mapPoolX+12, y, cut(first, most))
	if rest != "" {
		y += 16
		p.text("boxnote", "start", mapPoolX+12, y, cut(rest, most))
	}
	p.end()
	return y + 16
}

// member draws one instance with what was seen of it: requests, times out, sessions that broke.
func (p *mapPicture) member(in diagnose.TierInstance, fromX, fromY, top float64) {
	y := top + mapSlot/2
	p.curve("route", fromX, fromY, mapInstanceX, y)
	class := "box"
	if in.Downs > 0 {
		class = "box hurt"
	}
	p.rect(class, mapInstanceX, y-mapBox/2, mapMemberW, mapBox, 8)
	p.text("boxname", "start", mapInstanceX+10, y-3, cut(in.Name, 16))
	words := counted(in.Requests, "request")
	if in.Downs > 0 {
		words += fmt.Sprintf(", out %d×", in.Downs)
	}
	if in.Breaks > 0 {
		words += ", " + counted(in.Breaks, "break")
	}
	p.text("boxnote", "start", mapInstanceX+10, y+12, cut(words, 36))
	switch {
	case p.local():
		p.cylinder(mapInstanceX+mapMemberW-24, y-16, 16, 16)
	case shared(p.entry.Storage):
		p.line("route", mapInstanceX+mapMemberW, y, mapStoreX, y)
	}
}

func (p *mapPicture) cylinder(x, y, w, h float64) {
	r := w / 2
	p.path("cylinder", fmt.Sprintf("M%s %sa%s 4 0 0 1 %s 0v%sa%s 4 0 0 1 -%s 0zM%s %sa%s 4 0 0 0 %s 0",
		num(x), num(y+4), num(r), num(w), num(h-8), num(r), num(w), num(x), num(y+4), num(r), num(w)))
}

func (p *mapPicture) store(height float64) {
	p.rect("box bound", mapStoreX, mapTop, 122, height-mapTop-16, 8)
	y := (mapTop + height - 16) / 2
	p.cylinder(mapStoreX+46, y-34, 30, 28)
	p.text("boxname", "middle", mapStoreX+61, y+14, cut(p.entry.Storage, 14))
	p.text("boxnote", "middle", mapStoreX+61, y+30, "shared store")
}
