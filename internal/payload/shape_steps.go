package payload

import (
	"maps"
	"math"
	"slices"
)

// steps counts bodies by the size of a number, in steps of 1, 2, 5, 10, 20 …: no single number can be read from them.
// Step n of a positive number ends with bound(n), -n is the same below zero, and 0 is zero alone.
type steps map[int]int

const (
	leastExponent = -3 // of the first step: up to 0.001
	maxStep       = 60
)

// stepOf returns the step of a number.
func stepOf(number float64) int {
	size := math.Abs(number)
	if size == 0 {
		return 0
	}
	// The logarithm may be off by a rounding, so the step is looked for from one below.
	step := min(max(1, 3*(int(math.Floor(math.Log10(size)))-leastExponent)), maxStep)
	for step < maxStep && size > bound(step) {
		step++
	}
	if number < 0 {
		return -step
	}
	return step
}

// bound returns the number that ends a step: 0, 0.001, 0.002, 0.005, 0.01 …
func bound(step int) float64 {
	if step <= 0 {
		return 0
	}
	exponent, digit := leastExponent+(step-1)/3, []float64{1, 2, 5}[(step-1)%3]
	if exponent < 0 {
		return digit / math.Pow10(-exponent) // exact where the product is not
	}
	return digit * math.Pow10(exponent)
}

// largest returns the steps of one body with the larger of its step and another one.
func (s steps) largest(step int) steps {
	for known := range s {
		step = max(step, known)
	}
	return steps{step: 1}
}

// plus returns the bodies of both.
func (s steps) plus(other steps) steps {
	if s == nil {
		return maps.Clone(other)
	}
	for step, bodies := range other {
		s[step] += bodies
	}
	return s
}

func (s steps) halve() {
	for step, bodies := range s {
		s[step] = half(bodies)
	}
}

// over returns how many bodies are in steps over one, and how many in all others.
func (s steps) over(step int) (over, rest int) {
	for known, bodies := range s {
		if known > step {
			over += bodies
		} else {
			rest += bodies
		}
	}
	return over, rest
}

// ofBoth returns the steps that one of two has, in order.
func (s steps) ofBoth(other steps) []int {
	list := slices.Collect(maps.Keys(s))
	for step := range maps.Keys(other) {
		if _, known := s[step]; !known {
			list = append(list, step)
		}
	}
	slices.Sort(list)
	return list
}
