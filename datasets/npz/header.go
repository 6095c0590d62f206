package npz

import (
	"fmt"
	"strconv"
	"strings"
)

// parseHeader reads the Python dictionary that numpy writes before the elements:
// {'descr': '<f4', 'fortran_order': False, 'shape': (27021, 4), }. Its three keys are all that numpy defines.
func parseHeader(head string) (Array, error) {
	p := &parser{rest: strings.TrimSpace(head)}
	var a Array
	seen := map[string]bool{}
	p.expect("{")
	for p.err == nil && !p.take("}") {
		key := p.text()
		p.expect(":")
		switch key {
		case "descr":
			a.DType = p.dtype()
		case "fortran_order":
			if !p.take("False") && p.err == nil {
				p.expect("True")
				seen["columns first"] = true
			}
		case "shape":
			a.Shape = p.shape()
		default:
			p.fail("an unknown key %q", key)
		}
		if seen[key] {
			p.fail("the key %q twice", key)
		}
		seen[key] = true
		if !p.take(",") {
			p.expect("}")
			break
		}
	}
	if p.err == nil && strings.TrimSpace(p.rest) != "" {
		p.fail("%q after its end", p.rest)
	}
	if p.err != nil {
		return a, fmt.Errorf(".npy header: %w", p.err)
	}
	for _, key := range []string{"descr", "fortran_order", "shape"} {
		if !seen[key] {
			return a, fmt.Errorf(".npy header: no %q in %q", key, strings.TrimSpace(head))
		}
	}
	if seen["columns first"] && len(a.Shape) > 1 {
		return a, fmt.Errorf("its elements lie column by column: write it with numpy.ascontiguousarray")
	}
	return a, bounded(a)
}

// bounded refuses shapes whose elements would not fit the limit.
func bounded(a Array) error {
	size := int64(width(a.DType))
	for _, d := range a.Shape {
		if d > 0 && size > maxBytes/int64(d) {
			return fmt.Errorf("shape %v of %s is more than the %d bytes that are read", a.Shape, a.DType, maxBytes)
		}
		size *= int64(d)
	}
	return nil
}

// parser takes tokens from the front of rest until something is wrong.
type parser struct {
	rest string
	err  error
}

func (p *parser) fail(format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf(format, args...)
	}
}

func (p *parser) take(token string) bool {
	rest := strings.TrimLeft(p.rest, " \n")
	if p.err != nil || !strings.HasPrefix(rest, token) {
		return false
	}
	p.rest = rest[len(token):]
	return true
}

func (p *parser) expect(token string) {
	if !p.take(token) {
		p.fail("%q, where %q was expected", p.rest, token)
	}
}

// text is a quoted word without escapes.
func (p *parser) text() string {
	quote := "'"
	if p.take(`"`) {
		quote = `"`
	} else {
		p.expect("'")
	}
	word, rest, ok := strings.Cut(p.rest, quote)
	if !ok || strings.ContainsAny(word, "\\\n") {
		p.fail("a word without an end in %q", p.rest)
		return ""
	}
	p.rest = rest
	return word
}

func (p *parser) dtype() string {
	if strings.HasPrefix(strings.TrimLeft(p.rest, " "), "[") {
		p.fail("a structured type: arrays of plain numbers are read")
		return ""
	}
	descr := p.text()
	if p.err != nil {
		return ""
	}
	if len(descr) < 2 {
		p.fail("the type %q", descr)
		return ""
	}
	order, name := descr[0], descr[1:]
	if name[0] == 'O' {
		p.fail("%w", ErrObject)
		return ""
	}
	if width(name) == 0 {
		p.fail("elements of type %q: numbers of 1 to 8 bytes and booleans are read", descr)
		return ""
	}
	if order != '<' && (order != '|' || width(name) != 1) {
		p.fail("elements of type %q are not little-endian: write it with .astype('<%s')", descr, name)
		return ""
	}
	return name
}

func (p *parser) shape() []int {
	p.expect("(")
	shape := []int{}
	for p.err == nil && !p.take(")") {
		rest := strings.TrimLeft(p.rest, " ")
		end := strings.IndexAny(rest, ",) ")
		if end < 0 {
			p.fail("a shape without an end in %q", p.rest)
			break
		}
		d, err := strconv.ParseUint(rest[:end], 10, 40)
		if err != nil || len(shape) == maxDims {
			p.fail("the shape %q: up to %d sizes are read", p.rest, maxDims)
			break
		}
		shape = append(shape, int(d))
		p.rest = rest[end:]
		if !p.take(",") {
			p.expect(")")
			break
		}
	}
	return shape
}
