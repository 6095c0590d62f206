package run

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/gofrs/flock"
)

// The names inside a run folder.
const (
	configFile    = "config.json"
	metricsFile   = "metrics.jsonl"
	evalFile      = "eval.json"
	checkpointDir = "checkpoint"
	figuresDir    = "figures"
	lockFile      = ".lock"
)

const folderFormat = 1

// Manifest is config.json: what a run is. Engine is empty until the first engine
// of the run has been opened.
type Manifest struct {
	Format    int             `json:"format"`
	Preset    string          `json:"preset"`
	Algorithm string          `json:"algorithm"`
	Engine    string          `json:"engine"`
	Config    json.RawMessage `json:"config"`
	Seeds     []int64         `json:"seeds"`
	Module    string          `json:"module"` // version of the rewardlab module
	Go        string          `json:"go"`
	Started   time.Time       `json:"started"`
}

// hash identifies the configuration that a checkpoint belongs to.
func (m *Manifest) hash() (string, error) {
	var b bytes.Buffer
	b.WriteString(m.Preset + "\n" + m.Algorithm + "\n")
	if err := json.Compact(&b, m.Config); err != nil {
		return "", fmt.Errorf("configuration: %w", err)
	}
	sum := sha256.Sum256(b.Bytes())
	return hex.EncodeToString(sum[:]), nil
}

func (m *Manifest) write(folder string) error {
	b, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	return replaceFile(filepath.Join(folder, configFile), b, []byte("\n"))
}

// errNotRun is matched by callers that may create the folder instead.
var errNotRun = errors.New("not a run folder")

func readManifest(folder string) (*Manifest, error) {
	path := filepath.Join(folder, configFile)
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return nil, fmt.Errorf("%s is %w: it holds no %s: give the folder that a training wrote", folder, errNotRun, configFile)
	}
	if err != nil {
		return nil, fmt.Errorf("run folder: %w", err)
	}
	var m Manifest
	if err := json.Unmarshal(b, &m); err != nil {
		return nil, fmt.Errorf("%s is not readable (%w): restore it, or train again in a new folder", path, err)
	}
	switch {
	case m.Format > folderFormat:
		return nil, fmt.Errorf("run folder %s has format %d, this program reads up to %d: update rewardlab", folder, m.Format, folderFormat)
	case m.Format < 1 || m.Preset == "" || len(m.Seeds) == 0:
		return nil, fmt.Errorf("%s is %w: its %s is not that of a run: give the folder that a training wrote", folder, errNotRun, configFile)
	}
	return &m, nil
}

func newManifest(job Job, cfg any) (*Manifest, error) {
	raw, err := json.Marshal(cfg)
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	return &Manifest{
		Format: folderFormat, Preset: job.Preset, Algorithm: job.Algorithm, Config: raw,
		Seeds: job.Seeds, Module: moduleVersion(), Go: runtime.Version(), Started: time.Now().UTC().Truncate(time.Second),
	}, nil
}

const modulePath = "github.com/rewardlab/rewardlab"

// moduleVersion is the version this program was built from: a release, or the
// commit, with "+dirty" for a changed working tree.
func moduleVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, d := range info.Deps {
		if d.Path == modulePath {
			return d.Version
		}
	}
	version, commit, dirty := info.Main.Version, "", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			commit = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = "+dirty"
		}
	}
	if (version == "" || version == "(devel)") && commit != "" {
		version = commit + dirty
	}
	return version
}

// sameRun says why a job may not continue a run, as one error, or nil.
func (m *Manifest) sameRun(folder string, job Job, cfg any) error {
	var problems []error
	if m.Preset != job.Preset || m.Algorithm != job.Algorithm {
		problems = append(problems, fmt.Errorf("it is a run of %s (%s), not of %s (%s)", m.Preset, m.Algorithm, job.Preset, job.Algorithm))
	} else {
		changes, err := m.configDiff(cfg)
		if err != nil {
			return err
		}
		for _, c := range changes {
			problems = append(problems, fmt.Errorf("configuration: %s", c))
		}
	}
	if !slices.Equal(m.Seeds, job.Seeds) {
		problems = append(problems, fmt.Errorf("seeds: %v -> %v", m.Seeds, job.Seeds))
	}
	if problems == nil {
		return nil
	}
	return listErrors(fmt.Sprintf("run folder %s holds another run, give a new folder or the old settings", folder), problems)
}

// configDiff compares the stored configuration with cfg. A key that was added to
// the program since the run began counts as having its default.
func (m *Manifest) configDiff(cfg any) ([]Change, error) {
	fresh := reflect.New(reflect.TypeOf(cfg).Elem()).Interface()
	old := any(m.Config)
	if json.Unmarshal(m.Config, fresh) == nil && Resolve(fresh) == nil {
		extra, err := Diff(m.Config, fresh)
		if err != nil {
			return nil, err
		}
		// A key that this program does not have must still show up.
		if !slices.ContainsFunc(extra, func(c Change) bool { return c.New == "" }) {
			old = fresh
		}
	}
	return Diff(old, cfg)
}

func lockFolder(folder string) (*flock.Flock, error) {
	l := flock.New(filepath.Join(folder, lockFile))
	ok, err := l.TryLock()
	if err != nil {
		return nil, fmt.Errorf("run folder: %w", diskError(l.Path(), err))
	}
	if !ok {
		return nil, fmt.Errorf("run folder %s is in use by another process: wait for it, or stop it first", folder)
	}
	return l, nil
}

// openFolder makes or continues the run folder of a job and locks it.
func openFolder(folder string, job Job, cfg any) (*Manifest, *flock.Flock, error) {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, nil, fmt.Errorf("run folder: %w", diskError(folder, err))
	}
	// Before the lock file is put there, which is no business of a folder that
	// is no run.
	if _, err := readManifest(folder); errors.Is(err, errNotRun) {
		if err := onlyLeftovers(folder); err != nil {
			return nil, nil, err
		}
	}
	lock, err := lockFolder(folder)
	if err != nil {
		return nil, nil, err
	}
	m, err := manifestFor(folder, job, cfg)
	if err == nil {
		err = makeDirs(folder)
	}
	if err != nil {
		_ = lock.Unlock()
		return nil, nil, err
	}
	return m, lock, nil
}

// manifestFor returns the manifest of the run in the folder if the job may
// continue it, else writes a new one.
func manifestFor(folder string, job Job, cfg any) (*Manifest, error) {
	m, err := readManifest(folder)
	switch {
	case err == nil && job.Resume:
		return m, m.sameRun(folder, job, cfg)
	case err == nil && job.Replace:
		if err := clearRun(folder); err != nil {
			return nil, err
		}
	case err == nil:
		return nil, fmt.Errorf("run folder %s already holds a run of %s, started %s: resume it, or give a new folder",
			folder, m.Preset, m.Started.Local().Format("2006-01-02 15:04"))
	case !errors.Is(err, errNotRun):
		return nil, err
	}
	if m, err = newManifest(job, cfg); err != nil {
		return nil, err
	}
	if err := m.write(folder); err != nil {
		return nil, fmt.Errorf("run folder: %w", err)
	}
	return m, nil
}

func makeDirs(folder string) error {
	for _, d := range []string{checkpointDir, figuresDir} {
		if err := os.MkdirAll(filepath.Join(folder, d), 0o755); err != nil {
			return fmt.Errorf("run folder: %w", diskError(d, err))
		}
	}
	return nil
}

// onlyLeftovers refuses a folder with somebody's files in it. What a crash
// between making the folder and writing config.json leaves is no obstacle.
func onlyLeftovers(folder string) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return fmt.Errorf("run folder: %w", err)
	}
	for _, e := range entries {
		switch name := e.Name(); {
		case name == lockFile, name == checkpointDir, name == figuresDir, strings.HasSuffix(name, tmpSuffix):
		default:
			return fmt.Errorf("%s is not empty and %w (it holds %s): give a new or empty folder", folder, errNotRun, name)
		}
	}
	return nil
}

// clearRun removes a run's own files. config.json goes last, so that a crash
// half-way leaves something that is still seen to be a run.
func clearRun(folder string) error {
	for _, name := range []string{checkpointDir, figuresDir, metricsFile, evalFile, configFile} {
		if err := os.RemoveAll(filepath.Join(folder, name)); err != nil {
			return fmt.Errorf("run folder: %w", diskError(filepath.Join(folder, name), err))
		}
	}
	return nil
}
