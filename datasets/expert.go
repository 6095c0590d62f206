package datasets

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/rewardlab/rewardlab/datasets/npz"
)

// The files are written by `rl demos make`, which trains each expert with a preset.
//
//go:embed demos
var expertFiles embed.FS

// Experts are the environments that Expert has demonstrations for.
func Experts() []string {
	entries, err := expertFiles.ReadDir("demos")
	if err != nil {
		panic(err) // the folder is embedded
	}
	var names []string
	for _, e := range entries {
		if path.Ext(e.Name()) != ".npz" || strings.HasSuffix(e.Name(), policyEnding) {
			continue
		}
		names = append(names, strings.TrimSuffix(e.Name(), ".npz"))
	}
	return names
}

// Expert is an expert's episodes in an environment, greedy play of a policy that this module trained; see [Experts].
func Expert(env string) (*Demos, error) {
	name := path.Join("demos", env+".npz")
	b, err := expertFiles.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("no expert's demonstrations in %q come with this program: there are %s; others are recorded with rl demos record", env, strings.Join(Experts(), ", "))
	}
	d, err := parseDemos(".npz", b)
	if err != nil {
		return nil, fmt.Errorf("demonstrations: %s: %w", name, err)
	}
	return d, nil
}

const policyEnding = ".policy.npz"

// Policy is the policy that demonstrations are of: what a checkpoint keeps of it, and what it is a checkpoint of.
type Policy struct {
	About  []byte // JSON, of whoever wrote it
	Arrays map[string]npz.Array
}

// ExpertPolicy is the policy whose episodes are Expert's.
func ExpertPolicy(env string) (*Policy, error) {
	name := path.Join("demos", env+policyEnding)
	b, err := expertFiles.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("no expert policy for %q comes with this program: there are those of %s", env, strings.Join(Experts(), ", "))
	}
	f, err := npz.NewFile(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return nil, fmt.Errorf("expert policy %s: %w", name, err)
	}
	p := &Policy{Arrays: map[string]npz.Array{}}
	if p.About, err = f.Raw(headerName, 1<<20); err != nil {
		return nil, fmt.Errorf("expert policy %s: %w", name, err)
	}
	for _, member := range f.Names() {
		leaf, ok := strings.CutSuffix(member, ".npy")
		if !ok {
			continue
		}
		if p.Arrays[leaf], err = f.Array(leaf); err != nil {
			return nil, fmt.Errorf("expert policy %s: %w", name, err)
		}
	}
	return p, nil
}

// Write writes the policy beside demonstrations: dir/ENV.policy.npz.
func (p *Policy) Write(dir, env string) error {
	var buf bytes.Buffer
	w := npz.NewWriter(&buf)
	errs := []error{w.Raw(headerName, p.About)}
	var names []string
	for name := range p.Arrays {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		errs = append(errs, w.Array(name, p.Arrays[name]))
	}
	errs = append(errs, w.Close())
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("expert policy of %s: %w", env, err)
	}
	return writeWhole(path.Join(dir, env+policyEnding), buf.Bytes())
}
