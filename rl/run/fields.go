package run

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// field is one settable value of a configuration.
type field struct {
	key    string        // as in JSON; nested structs joined by dots
	value  reflect.Value // addressable when the configuration came as a pointer
	def    string        // the default tag, "" when zero is the default
	enum   []string      // permitted values, nil for any
	owner  string        // name of the struct type that declares it
	goName string        // name of the Go field
}

// fields lists the values of a configuration in order of declaration.
func fields(cfg any) ([]field, error) {
	v := reflect.ValueOf(cfg)
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct {
		return nil, fmt.Errorf("configuration: need a pointer to a struct, have %T", cfg)
	}
	var out []field
	if err := collect(v.Elem(), "", &out); err != nil {
		return nil, err
	}
	return out, nil
}

func collect(v reflect.Value, prefix string, out *[]field) error {
	t := v.Type()
	for i := range t.NumField() {
		sf := t.Field(i)
		if !sf.IsExported() {
			continue
		}
		name, _, _ := strings.Cut(sf.Tag.Get("json"), ",")
		if name == "-" {
			continue
		}
		if sf.Type.Kind() == reflect.Struct {
			sub := prefix + name + "."
			if name == "" {
				sub = prefix + sf.Name + "."
				if sf.Anonymous {
					sub = prefix
				}
			}
			if err := collect(v.Field(i), sub, out); err != nil {
				return err
			}
			continue
		}
		if name == "" {
			name = sf.Name
		}
		f := field{
			key: prefix + name, value: v.Field(i), def: sf.Tag.Get("default"),
			owner: t.Name(), goName: sf.Name,
		}
		if e := sf.Tag.Get("enum"); e != "" {
			f.enum = strings.Split(e, "|")
		}
		if err := f.valid(); err != nil {
			return fmt.Errorf("configuration %s.%s: %w", t.Name(), sf.Name, err)
		}
		*out = append(*out, f)
	}
	return nil
}

// valid finds mistakes of the programmer who wrote the struct.
func (f field) valid() error {
	t := f.value.Type()
	kind := t.Kind()
	if kind == reflect.Pointer || kind == reflect.Slice {
		kind = t.Elem().Kind()
	}
	if !scalarKind(kind) {
		return fmt.Errorf("type %s cannot be set from text", t)
	}
	if f.def == "" {
		return nil
	}
	if t.Kind() == reflect.Bool {
		return fmt.Errorf("a bool with a default cannot be switched off: name it for the opposite, or make it *bool")
	}
	probe := reflect.New(t).Elem()
	if err := parseInto(probe, f.def); err != nil {
		return fmt.Errorf("default %q: %w", f.def, err)
	}
	return nil
}

func scalarKind(k reflect.Kind) bool {
	return k == reflect.Bool || k == reflect.String || reflect.Int <= k && k <= reflect.Uint64 ||
		k == reflect.Float32 || k == reflect.Float64
}

// isSet says whether a field holds something other than "the default".
func isSet(v reflect.Value) bool {
	if v.Kind() == reflect.Slice {
		return v.Len() > 0
	}
	return !v.IsZero()
}

var durationType = reflect.TypeFor[time.Duration]()

// parseInto sets v from text.
func parseInto(v reflect.Value, text string) error {
	t := v.Type()
	bad := func(want string) error { return fmt.Errorf("%q is not %s", text, want) }
	switch {
	case t == durationType:
		d, err := time.ParseDuration(text)
		if err != nil {
			return bad("a duration such as 1.5s or 2m")
		}
		v.SetInt(int64(d))
	case t.Kind() == reflect.Pointer:
		p := reflect.New(t.Elem())
		if err := parseInto(p.Elem(), text); err != nil {
			return err
		}
		v.Set(p)
	case t.Kind() == reflect.Slice:
		s := reflect.MakeSlice(t, 0, 4)
		for part := range strings.SplitSeq(text, ",") {
			e := reflect.New(t.Elem()).Elem()
			if err := parseInto(e, strings.TrimSpace(part)); err != nil {
				return err
			}
			s = reflect.Append(s, e)
		}
		v.Set(s)
	case t.Kind() == reflect.Bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return bad("true or false")
		}
		v.SetBool(b)
	case t.Kind() == reflect.String:
		v.SetString(text)
	case v.CanInt():
		n, err := parseWhole(text)
		if err != nil || v.OverflowInt(n) {
			return bad("a whole number" + within(t))
		}
		v.SetInt(n)
	case v.CanUint():
		n, err := parseWhole(text)
		if err != nil || n < 0 || v.OverflowUint(uint64(n)) {
			return bad("a whole number, zero or more" + within(t))
		}
		v.SetUint(uint64(n))
	case v.CanFloat():
		x, err := strconv.ParseFloat(text, 64)
		if err != nil || x != x || x-x != 0 {
			return bad("a number such as 0.001 or 1e-3")
		}
		v.SetFloat(x)
	default:
		return fmt.Errorf("type %s cannot be set from text", t)
	}
	return nil
}

// parseWhole reads 5000, 5_000 and 5e3, which people type for step counts.
func parseWhole(text string) (int64, error) {
	if n, err := strconv.ParseInt(strings.ReplaceAll(text, "_", ""), 10, 64); err == nil {
		return n, nil
	}
	x, err := strconv.ParseFloat(text, 64)
	if err != nil || x != float64(int64(x)) || x > 1<<53 || x < -1<<53 {
		return 0, strconv.ErrSyntax
	}
	return int64(x), nil
}

func within(t reflect.Type) string {
	if t.Bits() < 64 {
		return fmt.Sprintf(" of %d bits", t.Bits())
	}
	return ""
}

// text formats a value so that parseInto reads it back.
func text(v reflect.Value) string {
	t := v.Type()
	switch {
	case t == durationType:
		return time.Duration(v.Int()).String()
	case t.Kind() == reflect.Pointer:
		if v.IsNil() {
			return ""
		}
		return text(v.Elem())
	case t.Kind() == reflect.Slice:
		parts := make([]string, v.Len())
		for i := range parts {
			parts[i] = text(v.Index(i))
		}
		return strings.Join(parts, ",")
	case v.CanFloat():
		return strconv.FormatFloat(v.Float(), 'g', -1, t.Bits())
	}
	return fmt.Sprint(v.Interface())
}

// typeName is what help calls a field's type.
func typeName(t reflect.Type) string {
	switch {
	case t == durationType:
		return "duration"
	case t.Kind() == reflect.Pointer:
		return typeName(t.Elem())
	case t.Kind() == reflect.Slice:
		return typeName(t.Elem()) + ",..."
	case t.Kind() == reflect.Float32 || t.Kind() == reflect.Float64:
		return "float"
	case t.Kind() == reflect.Bool || t.Kind() == reflect.String:
		return t.Kind().String()
	}
	return "int"
}

// inEnum checks a field, and every element of a slice, against its enum.
func (f field) inEnum() error {
	if f.enum == nil {
		return nil
	}
	for _, s := range strings.Split(text(f.value), ",") {
		if s != "" && !slices.Contains(f.enum, s) {
			return fmt.Errorf("%s: %q is none of %s%s", f.key, s, strings.Join(f.enum, ", "), didYouMean(s, f.enum))
		}
	}
	return nil
}
