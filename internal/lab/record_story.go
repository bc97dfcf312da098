package lab

import (
	"fmt"
	"strings"

	"limpet.dev/cause"
)

// story tells a case in plain words: what the shop is, what was planted, what users felt.
func story(st *stage, truth *Truth, twisted twisting, opt *RecordOptions) string {
	sc := st.sc
	var b strings.Builder
	fmt.Fprintf(&b, "A shop on %d instances behind %s; %d clients shop for %s.\n", sc.instances, st.balancerWords(), opt.Demo.Clients, opt.Demo.Duration)
	fmt.Fprintf(&b, "Sessions live %s. The balancer %s.\n\n", storageWords[sc.storage], affinityPlain(sc))
	broken := 0
	for _, l := range truth.Sessions {
		if l.Lost {
			broken++
		}
	}
	if c, ok := cause.Find(truth.Cause); ok {
		fmt.Fprintf(&b, "Planted: %s.\n%s\n", c.Title, strings.TrimSpace(c.LooksAs))
		fmt.Fprintf(&b, "%d of %d session lives broke.\n", broken, len(truth.Sessions))
	} else {
		fmt.Fprintf(&b, "Nothing is planted, and none of %d session lives broke.\n", len(truth.Sessions))
	}
	if changes := st.changeWords(); changes != "" {
		fmt.Fprintf(&b, "Written down by people: %s.\n", changes)
	}
	if twisted.text != "" {
		fmt.Fprintf(&b, "%s\n", twisted.text)
	}
	fmt.Fprintf(&b, "\nRecorded by: %s", opt.command())
	return b.String()
}

func (st *stage) balancerWords() string {
	title := st.lb.dialect.title
	if st.lb.binary == "" {
		title = "an emulated " + title
	}
	if n := st.sc.balancers(); n > 1 {
		return fmt.Sprintf("%d balancers (%s)", n, title)
	}
	return title
}

var storageWords = map[storage]string{
	inMemory: "in the memory of the instance that made them",
	inCookie: "in a signed cookie",
	inRedis:  "in a store that all instances share",
}

func affinityPlain(sc *scenario) string {
	if sc.affinity == noAffinity {
		return affinityWords[noAffinity] + " (" + sc.balance + ")"
	}
	return affinityWords[sc.affinity]
}

// changeWords lists what people wrote into the records of changes.
func (st *stage) changeWords() string {
	var words []string
	for _, c := range st.changes {
		words = append(words, strings.TrimSpace(c.Kind+" "+c.Target+": "+c.What))
	}
	return strings.Join(words, "; ")
}

// command is how to record the case again; its seed fixes the plan.
func (o *RecordOptions) command() string {
	text := fmt.Sprintf("limpet lab record %s --lb %s --seed %d --clients %d --duration %s", o.Demo.Fault, o.Demo.LB, o.Demo.Seed, o.Demo.Clients, o.Demo.Duration)
	if o.Demo.Healthy != "" {
		text += " --healthy " + o.Demo.Healthy
	}
	if o.Twist != "" {
		text += " --twist " + o.Twist
	}
	return text
}
