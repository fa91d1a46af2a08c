package payload

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Difference is what sets failed bodies apart from delivered ones.
type Difference struct {
	Kind  DifferenceKind
	Path  string // customer.id, items[].price, ["a.b"]; "" is the body itself
	Here  Share  // of the failed bodies
	There Share  // of the delivered ones
	Type  Type   // of Kind OtherType
	Usual Type   // of Kind OtherType: what most delivered bodies have there, in UsualIn of them
	Value string // of Kind OtherValue

	UsualIn int
	Limit   Limit // of Kind OutOfRange
	// Score is the lower end of the interval in which the difference of the two shares is with a probability of 99.9 %.
	Score float64

	place []string
}

// DifferenceKind is what a Difference says.
type DifferenceKind int

// The kinds. Each share counts the bodies of which the sentence is true.
const (
	Missing    DifferenceKind = iota // "an object that can have it lacks it"
	Extra                            // "it is there"
	OtherType                        // "it has this type"
	OtherValue                       // "it has this value"
	OutOfRange                       // "it is beyond this limit"
)

// String returns the word for the kind.
func (k DifferenceKind) String() string {
	return [...]string{"missing", "extra", "type", "value", "limit"}[k]
}

// Share is a part of some bodies.
type Share struct{ Count, Of int }

// Limit is a limit of a number, or of the length of a text or list.
type Limit struct {
	Of       Type // TypeNumber, TypeText or TypeList
	Bound    float64
	Over     bool // over Bound or, if Included, at least Bound; else up to Bound or, if Included, below it
	Included bool // Bound itself belongs to the larger numbers
}

// Side says on which side of Bound something is: "over", "at least", "at most" or "below".
func (l Limit) Side() string {
	switch {
	case l.Over && l.Included:
		return "at least"
	case l.Over:
		return "over"
	case l.Included:
		return "below"
	}
	return "at most"
}

// MaxDifferences is how many Differences there are at most.
const MaxDifferences = 7

// Differences returns what sets failed bodies apart from delivered ones, the clearest first: one for a path, and at
// most MaxDifferences. The measure is Youden's J, the share of failed bodies of which a sentence is true less that of
// delivered ones, at the lower end of its 99.9 % interval. So a difference among few bodies counts less, and one that
// may be chance is left out.
func Differences(failed, delivered *Shape) []Difference {
	if failed.Bodies == 0 || delivered.Bodies == 0 {
		return nil
	}
	c := comparison{failed: failed, delivered: delivered}
	return c.clearest()
}

// Departures returns where one body lacks a path that nearly all delivered bodies have, or has another type there:
// those Differences alone that a handler is sure to see.
func Departures(body, delivered *Shape) []Difference {
	if body.Bodies == 0 || delivered.Bodies == 0 {
		return nil
	}
	c := comparison{failed: body, delivered: delivered, structure: true}
	return c.clearest()
}

// clearest compares, and returns the clearest differences.
func (c *comparison) clearest() []Difference {
	c.compare(nil, &c.failed.root, &c.delivered.root)
	slices.SortFunc(c.found, func(a, b Difference) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Path, b.Path))
	})
	var list []Difference
	for _, d := range c.found {
		if len(list) < MaxDifferences && !slices.ContainsFunc(list, d.repeats) {
			list = append(list, d)
		}
	}
	return list
}

// repeats reports whether a clearer difference says the same: it is of the same path, or of one above it where all that
// is new below it comes along.
func (d Difference) repeats(clearer Difference) bool {
	if d.Path == clearer.Path {
		return true
	}
	above := len(clearer.place) < len(d.place) && slices.Equal(clearer.place, d.place[:len(clearer.place)])
	return above && d.Kind == Extra
}

type comparison struct {
	failed, delivered *Shape
	structure         bool // only what is missing, and other types
	found             []Difference
}

var nothing = &node{}

// compare finds the differences at a path and below it.
func (c *comparison) compare(place []string, here, there *node) {
	c.types(place, here, there)
	if !c.structure {
		c.values(place, here, there)
		c.ranges(place, here, there)
	}
	for _, name := range namesOf(here, there) {
		h, t := cmp.Or(here.Names[name], nothing), cmp.Or(there.Names[name], nothing)
		below := append(slices.Clip(place), nameStep(name))
		if name != anyName {
			c.presence(below, h, t, here.Types[TypeObject], there.Types[TypeObject])
		}
		c.compare(below, h, t)
	}
	if here.Entry != nil || there.Entry != nil {
		c.compare(append(slices.Clip(place), "[]"), cmp.Or(here.Entry, nothing), cmp.Or(there.Entry, nothing))
	}
}

// namesOf returns the names of the members that one of two objects has.
func namesOf(a, b *node) []string {
	names := slices.AppendSeq(slices.Collect(maps.Keys(a.Names)), maps.Keys(b.Names))
	slices.Sort(names)
	return slices.Compact(names)
}

// add adds a difference if the shares are too far apart for chance. rare is how many delivered bodies are as unusual.
func (c *comparison) add(place []string, d Difference, here, there, rare int) {
	d.Here, d.There = Share{here, c.failed.Bodies}, Share{there, c.delivered.Bodies}
	if d.Score = separation(d.Here, Share{rare, c.delivered.Bodies}); here > 0 && d.Score > 0 {
		d.place, d.Path = place, strings.TrimPrefix(strings.Join(place, ""), ".")
		c.found = append(c.found, d)
	}
}

// presence compares in how many bodies a member is missing, and in how many it is there. objects are the bodies with an
// object that can have it. What a shape lacks because it was full says nothing.
func (c *comparison) presence(place []string, here, there *node, objects, objectsThere int) {
	if lacking, lackingThere := objects-here.Full, objectsThere-there.Full; !c.failed.Clipped && there.Present > 0 {
		c.add(place, Difference{Kind: Missing, UsualIn: there.Full}, lacking, lackingThere, lackingThere)
	}
	if !c.delivered.Clipped && !c.structure {
		c.add(place, Difference{Kind: Extra}, here.Present, there.Present, there.Present)
	}
}

// types compares the types of a path that both have.
func (c *comparison) types(place []string, here, there *node) {
	usual := TypeNull
	for t, bodies := range there.Types {
		if bodies > there.Types[usual] {
			usual = Type(t)
		}
	}
	if there.Present == 0 || usual == TypeMasked || here.Types[TypeMasked] > 0 {
		return
	}
	for t, bodies := range here.Types {
		if Type(t) != usual {
			d := Difference{Kind: OtherType, Type: Type(t), Usual: usual, UsualIn: there.Types[usual]}
			c.add(place, d, bodies, there.Types[t], there.Types[t])
		}
	}
}

// values compares how often each value of a path is there, if its values are few.
func (c *comparison) values(place []string, here, there *node) {
	if there.Present == 0 || !there.isFew() || here.Many {
		return
	}
	for value, bodies := range here.Values {
		if strings.HasPrefix(value, digestMark) {
			continue
		}
		usual := there.Values[there.keyOf(value)]
		rare := usual
		if c.failed.Bodies == 1 {
			rare = there.rarer(usual) // each of many values is rare, and one body has to have one of them
		}
		c.add(place, Difference{Kind: OtherValue, Value: value}, bodies, usual, rare)
	}
}

// ranges compares the sizes of numbers, texts and lists at each step.
func (c *comparison) ranges(place []string, here, there *node) {
	for _, list := range []struct {
		of          Type
		here, there steps
	}{
		{TypeNumber, here.Numbers, there.Numbers},
		{TypeText, here.Lengths, there.Lengths},
		{TypeList, here.Sizes, there.Sizes},
	} {
		if len(list.there) == 0 {
			continue
		}
		for _, step := range list.here.ofBoth(list.there) {
			limit := Limit{Of: list.of, Bound: bound(step)}
			if step < 0 {
				limit.Bound, limit.Included = -bound(-step-1), true
			}
			over, rest := list.here.over(step)
			overThere, restThere := list.there.over(step)
			c.addRange(place, limit, rest, restThere)
			limit.Over = true
			c.addRange(place, limit, over, overThere)
		}
	}
}

// addRange adds a difference in size. One body is small or large among others by nature: it is unusual only where none
// of these is.
func (c *comparison) addRange(place []string, limit Limit, here, there int) {
	if c.failed.Bodies > 1 || there == 0 {
		c.add(place, Difference{Kind: OutOfRange, Limit: limit}, here, there, there)
	}
}

// separation returns by how much the share of failed bodies is larger than that of delivered ones, at the lower end of
// the 99.9 % interval of Newcombe (1998, method 10), which goes by the intervals of Wilson for each of the two shares.
// One body among many differs by chance somewhere, so the probability is high.
func separation(here, there Share) float64 {
	p, q := here.value(), there.value()
	least, _ := here.interval()
	_, most := there.interval()
	return p - q - math.Hypot(p-least, most-q)
}

func (s Share) value() float64 { return float64(s.Count) / float64(s.Of) }

// interval returns the interval of Wilson for a share.
func (s Share) interval() (least, most float64) {
	const z = 3.29
	n, p := float64(s.Of), s.value()
	middle := (p + z*z/(2*n)) / (1 + z*z/n)
	width := z / (1 + z*z/n) * math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	return middle - width, middle + width
}

// nameStep writes the name of a member as a step of a path.
func nameStep(name string) string {
	for i, c := range name {
		plain := c == '_' || c == '-' && i > 0 || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !plain && name != anyName {
			return "[" + strconv.Quote(name) + "]"
		}
	}
	if name == "" {
		return `[""]`
	}
	return "." + name
}
