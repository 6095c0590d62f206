package run

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Change is one key in which two configurations differ.
type Change struct {
	Key, Old, New string // Old or New is "" where the key is missing
}

// String shows a change as "lr: 0.0005 -> 0.001".
func (c Change) String() string {
	show := func(s string) string {
		if s == "" {
			return "(absent)"
		}
		return s
	}
	return fmt.Sprintf("%s: %s -> %s", c.Key, show(c.Old), show(c.New))
}

// Diff lists the keys in which two configurations differ, sorted. Each may be a
// struct, a pointer to one, or raw JSON.
func Diff(old, new any) ([]Change, error) {
	a, err := flatten(old)
	if err != nil {
		return nil, err
	}
	b, err := flatten(new)
	if err != nil {
		return nil, err
	}
	keys := slices.Collect(maps.Keys(a))
	for k := range b {
		if _, ok := a[k]; !ok {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	var out []Change
	for _, k := range keys {
		if a[k] != b[k] {
			out = append(out, Change{Key: k, Old: a[k], New: b[k]})
		}
	}
	return out, nil
}

// flatten turns a configuration into dotted keys and JSON values. Numbers take
// the form that encoding/json writes, so that 5e-4 equals 0.0005.
func flatten(cfg any) (map[string]string, error) {
	raw, err := json.Marshal(cfg)
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var tree map[string]any
	if err := dec.Decode(&tree); err != nil {
		return nil, fmt.Errorf("configuration: not a JSON object: %w", err)
	}
	out := map[string]string{}
	var walk func(prefix string, m map[string]any) error
	walk = func(prefix string, m map[string]any) error {
		for k, v := range m {
			if sub, ok := v.(map[string]any); ok {
				if err := walk(prefix+k+".", sub); err != nil {
					return err
				}
				continue
			}
			if n, ok := v.(json.Number); ok && strings.ContainsAny(n.String(), ".eE") {
				if x, err := n.Float64(); err == nil {
					v = x
				}
			}
			b, err := json.Marshal(v)
			if err != nil {
				return err
			}
			out[prefix+k] = strings.Trim(string(b), `"`)
		}
		return nil
	}
	return out, walk("", tree)
}
