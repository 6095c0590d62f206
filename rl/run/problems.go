package run

import "fmt"

// Problems collects what is wrong with a configuration, for its method Check. Each method adds a sentence that names the key, unless all is well.
type Problems []error

// Bad adds a problem.
func (p *Problems) Bad(format string, args ...any) { *p = append(*p, fmt.Errorf(format, args...)) }

// AtLeast is for whole numbers that must not be smaller.
func (p *Problems) AtLeast(key string, value, least int) {
	if value < least {
		p.Bad("%s is %d: give at least %d", key, value, least)
	}
}

// Layers is for the widths of layers.
func (p *Problems) Layers(key string, widths []int) {
	for _, w := range widths {
		if w < 1 {
			p.Bad("%s has a layer of %d units: give at least 1", key, w)
		}
	}
}

// Positive is for numbers above 0.
func (p *Problems) Positive(key string, value float64) {
	if !(value > 0) {
		p.Bad("%s is %g: give a positive number", key, value)
	}
}

// Between is for numbers from low to high, both of which are fine.
func (p *Problems) Between(key string, value, low, high float64) {
	if !(value >= low && value <= high) {
		p.Bad("%s is %g: give a number from %g to %g", key, value, low, high)
	}
}
