package run

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"text/tabwriter"
)

// Resolve fills the zero fields of the configuration that cfg points to from
// their `default:"..."` tags. A configuration is a plain struct of numbers,
// bools, strings, durations, slices of those, pointers to those, and structs of
// those. The key of a field is its JSON name; fields of a nested struct are
// written "outer.inner". A field in which zero has a meaning of its own, apart
// from the default, must be a pointer.
func Resolve(cfg any) error {
	fs, err := fields(cfg)
	if err != nil {
		return err
	}
	for _, f := range fs {
		if f.def != "" && !isSet(f.value) {
			if err := parseInto(f.value, f.def); err != nil {
				return fmt.Errorf("configuration: default of %s: %w", f.key, err)
			}
		}
	}
	return nil
}

// Set changes a configuration by assignments of the form "lr=1e-3". All
// mistakes are reported at once, and then nothing is changed.
func Set(cfg any, assignments ...string) error {
	fs, err := fields(cfg)
	if err != nil {
		return err
	}
	keys := make([]string, len(fs))
	byKey := make(map[string]field, len(fs))
	for i, f := range fs {
		keys[i] = f.key
		byKey[f.key] = f
	}
	var problems []error
	apply := make([]func(), 0, len(assignments))
	for _, a := range assignments {
		key, val, ok := strings.Cut(a, "=")
		key, val = strings.TrimSpace(key), strings.TrimSpace(val)
		if !ok || key == "" {
			problems = append(problems, fmt.Errorf("%q: an assignment looks like key=value", a))
			continue
		}
		f, ok := byKey[key]
		if !ok {
			problems = append(problems, fmt.Errorf("unknown key %q%s keys are %s", key, cmp.Or(didYouMean(key, keys), ":"), strings.Join(keys, ", ")))
			continue
		}
		v := reflect.New(f.value.Type()).Elem()
		err := parseInto(v, val)
		switch {
		case err != nil:
			err = fmt.Errorf("%s: %w", key, err)
		case f.def != "" && !isSet(v):
			err = fmt.Errorf("%s=%s: zero stands for the default here, which is %s: leave the key out, or give another value", key, val, f.def)
		default:
			probe := f
			probe.value = v
			err = probe.inEnum()
		}
		if err != nil {
			problems = append(problems, err)
			continue
		}
		apply = append(apply, func() { f.value.Set(v) })
	}
	if len(problems) > 0 {
		return listErrors("configuration", problems)
	}
	for _, do := range apply {
		do()
	}
	return nil
}

// checker is what a configuration may implement to reject impossible values
// and combinations, all of them at once.
type checker interface{ Check() []error }

// Check reports everything that is wrong with a resolved configuration: numbers
// that are not finite, values outside their `enum:"a|b"` tag, and what its own
// method Check() []error finds. One error lists all of it, a line each.
func Check(cfg any) error {
	fs, err := fields(cfg)
	if err != nil {
		return err
	}
	var problems []error
	for _, f := range fs {
		if v := f.value; v.CanFloat() && (math.IsNaN(v.Float()) || math.IsInf(v.Float(), 0)) {
			problems = append(problems, fmt.Errorf("%s: %v is not a finite number", f.key, v.Float()))
		}
		if err := f.inEnum(); err != nil {
			problems = append(problems, err)
		}
	}
	if c, ok := cfg.(checker); ok {
		problems = append(problems, c.Check()...)
	}
	if len(problems) == 0 {
		return nil
	}
	return listErrors("configuration", problems)
}

// problemList is several problems with one noun, each on its own line.
type problemList struct {
	noun     string
	problems []error
}

func (e *problemList) Error() string {
	if len(e.problems) == 1 {
		return e.noun + ": " + e.problems[0].Error()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d problems:", e.noun, len(e.problems))
	for _, p := range e.problems {
		b.WriteString("\n  " + p.Error())
	}
	return b.String()
}

func (e *problemList) Unwrap() []error { return e.problems }

func listErrors(noun string, problems []error) error {
	return &problemList{noun: noun, problems: problems}
}

// Keys lists the keys of a configuration in order of declaration.
func Keys(cfg any) ([]string, error) {
	fs, err := fields(cfg)
	if err != nil {
		return nil, err
	}
	keys := make([]string, len(fs))
	for i, f := range fs {
		keys[i] = f.key
	}
	return keys, nil
}

// Table prints a configuration as aligned lines of key and value. Values that
// differ from the default have the default beside them.
func Table(cfg any) (string, error) {
	fs, err := fields(cfg)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, f := range fs {
		val, note := text(f.value), ""
		if f.def != "" && isSet(f.value) {
			d := reflect.New(f.value.Type()).Elem()
			if err := parseInto(d, f.def); err != nil {
				return "", fmt.Errorf("configuration: default of %s: %w", f.key, err)
			}
			if text(d) != val {
				note = "(default " + text(d) + ")"
			}
		} else if f.def != "" {
			val = f.def
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", f.key, val, note)
	}
	if err := w.Flush(); err != nil {
		return "", err
	}
	return trimLines(b.String()), nil
}

func trimLines(s string) string {
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		lines[i] = strings.TrimRight(l, " ")
	}
	return strings.Join(lines, "\n")
}

// resolvedCopy returns a resolved copy of what cfg points to.
func resolvedCopy(cfg any) (any, error) {
	v := reflect.ValueOf(cfg)
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct {
		return nil, errors.New("job: Config must be a pointer to a struct")
	}
	c := reflect.New(v.Elem().Type())
	c.Elem().Set(v.Elem())
	return c.Interface(), Resolve(c.Interface())
}
