package fetch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// stallAfter is how long a client may show no sign of life (no output, no byte
// written) before it is stopped.
const stallAfter = 2 * time.Minute

// client runs a command in a folder below j.work with progress messages that
// call it by the name given. Its
// temporary files go below j.work too: they are counted, land on the disk that
// was checked for room, and vanish with it.
func (j *job) client(ctx context.Context, what, dir string, env []string, argv ...string) error {
	tmp := filepath.Join(j.work, "tmp")
	if err := os.MkdirAll(tmp, 0o755); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "TMPDIR="+tmp)
	cmd.Env = append(cmd.Env, env...)
	// A grandchild that keeps the pipe open must not keep us.
	cmd.WaitDelay = 3 * time.Second
	var tail tailBuffer
	cmd.Stdout, cmd.Stderr = &tail, &tail

	done := make(chan struct{})
	go func() {
		defer close(done)
		j.watch(ctx, cancel, what, &tail)
	}()
	err := cmd.Run()
	cause := context.Cause(ctx)
	cancel(nil)
	<-done
	if err == nil {
		return nil
	}
	if cause != nil {
		return cause
	}
	return fmt.Errorf("%s", tail.reason(err))
}

var errStalled = fmt.Errorf("no byte came for %s: stopped it", stallAfter)

// watch reports how much has arrived and stops a client that hangs.
func (j *job) watch(ctx context.Context, cancel context.CancelCauseFunc, what string, tail *tailBuffer) {
	p := newProgress(j.fetcher, j.item.Name, what, treeSize(j.work))
	lastSign, lastLen, lastSize := time.Now(), 0, int64(0)
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		size, length := treeSize(j.work), tail.total()
		if size != lastSize || length != lastLen {
			lastSign, lastSize, lastLen = time.Now(), size, length
		}
		if time.Since(lastSign) > stallAfter {
			cancel(errStalled)
			return
		}
		p.at(size)
	}
}

func treeSize(dir string) int64 {
	var n int64
	_ = filepath.WalkDir(dir, func(_ string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			if info, err := d.Info(); err == nil {
				n += info.Size()
			}
		}
		return nil
	})
	return n
}

// pipDownload leaves one wheel in the folder that it returns.
func (j *job) pipDownload(ctx context.Context, requirement string, args ...string) (string, error) {
	pip, err := j.findPip(ctx)
	if err != nil {
		return "", err
	}
	dest := filepath.Join(j.work, "pip")
	if err := os.MkdirAll(dest, 0o755); err != nil {
		return "", err
	}
	argv := append(pip, "download", "--no-deps", "--disable-pip-version-check", "--no-input", "--dest", dest)
	// A source archive would make pip run its build script to read the metadata.
	if !strings.Contains(strings.Join(args, " "), "--no-binary") {
		argv = append(argv, "--only-binary=:all:")
	}
	argv = append(append(argv, args...), requirement)
	return dest, j.client(ctx, "pip download "+requirement, j.work, quickPip(), argv...)
}

// sdistURL asks pip for the address of a source archive. With -vv pip lists every archive of the package that it may not use.
func (j *job) sdistURL(ctx context.Context, requirement string) (string, error) {
	name, version, pinned := strings.Cut(requirement, "==")
	if !pinned {
		return "", fmt.Errorf("%s is not pinned: write name==version", requirement)
	}
	pip, err := j.findPip(ctx)
	if err != nil {
		return "", err
	}
	argv := append(pip, "download", "-vv", "--no-deps", "--disable-pip-version-check", "--no-input", "--dest", filepath.Join(j.work, "unused"),
		"--only-binary=:all:", requirement)
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), quickPip()...)
	cmd.WaitDelay = 3 * time.Second
	out, runErr := cmd.CombinedOutput() // a package without a wheel makes pip fail after the list
	archive := name + "-" + version + ".tar.gz"
	for word := range strings.FieldsSeq(string(out)) {
		url, _, _ := strings.Cut(word, "#")
		if strings.HasPrefix(url, "http") && strings.HasSuffix(url, "/"+archive) {
			return url, nil
		}
	}
	if cause := context.Cause(ctx); cause != nil {
		return "", cause
	}
	var tail tailBuffer
	_, _ = tail.Write(out)
	return "", fmt.Errorf("pip tells of no %s: %s", archive, tail.reason(runErr))
}

// findPip returns the command line of a pip that runs.
func (j *job) findPip(ctx context.Context) ([]string, error) {
	for _, pip := range [][]string{{"python3", "-m", "pip"}, {"pip3"}, {"pip"}} {
		if _, err := exec.LookPath(pip[0]); err != nil {
			continue
		}
		if exec.CommandContext(ctx, pip[0], append(pip[1:], "--version")...).Run() == nil {
			return pip, nil
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if _, err := exec.LookPath("python3"); err != nil {
		return nil, errors.New("neither pip nor python3 is installed: install Python 3 with pip")
	}
	// Debian splits pip from Python, but python3-venv brings one along.
	venv := filepath.Join(j.work, "venv")
	j.say(fmt.Sprintf("%s: pip is not installed: making a temporary one with python3 -m venv", j.item.Name))
	if err := j.client(ctx, "python3 -m venv", j.work, nil, "python3", "-m", "venv", venv); err != nil {
		return nil, fmt.Errorf("pip is not installed and python3 -m venv failed: install python3-pip or python3-venv: %w", err)
	}
	return []string{filepath.Join(venv, "bin", "python"), "-m", "pip"}, nil
}

// quickPip and quickNPM shorten the clients' patience with a dead network, unless
// the user set it. npm alone would try for more than a minute.
func quickPip() []string { return unlessSet("PIP_RETRIES", "2", "PIP_DEFAULT_TIMEOUT", "20") }

func quickNPM() []string {
	env := unlessSet("npm_config_fetch_retries", "1", "npm_config_fetch_retry_mintimeout", "1000",
		"npm_config_fetch_timeout", "60000")
	return append(env, "npm_config_update_notifier=false")
}

func unlessSet(pairs ...string) []string {
	var env []string
	for i := 0; i < len(pairs); i += 2 {
		if os.Getenv(pairs[i]) == "" && os.Getenv(strings.ToUpper(pairs[i])) == "" {
			env = append(env, pairs[i]+"="+pairs[i+1])
		}
	}
	return env
}

// aptDownload leaves one .deb in the folder that it returns.
func (j *job) aptDownload(ctx context.Context, pkg, version string) (string, error) {
	dest := filepath.Join(j.work, "apt")
	if err := os.Mkdir(dest, 0o755); err != nil {
		return "", err
	}
	quick := []string{"-q", "-o", "Acquire::Retries=1", "-o", "Acquire::http::Timeout=20", "-o", "Acquire::https::Timeout=20"}
	download := func(opts []string) (err error) {
		specs := []string{pkg}
		if version != "" {
			specs = []string{pkg + "=" + version, pkg}
		}
		for _, spec := range specs {
			argv := append(append(append([]string{"apt-get"}, quick...), opts...), "download", spec)
			if err = j.client(ctx, "apt-get download "+spec, dest, []string{"LC_ALL=C"}, argv...); err == nil || ctx.Err() != nil {
				return err
			}
		}
		return err
	}
	first := download(nil)
	if first == nil || ctx.Err() != nil {
		return dest, first
	}
	// The system's package lists are old or absent (a fresh container has none):
	// refresh them in a private folder, which needs no privilege.
	state := filepath.Join(j.work, "aptstate")
	for _, d := range []string{"lists/partial", "cache/archives/partial"} {
		if err := os.MkdirAll(filepath.Join(state, filepath.FromSlash(d)), 0o755); err != nil {
			return "", err
		}
	}
	private := []string{"-o", "Dir::State::lists=" + filepath.Join(state, "lists"), "-o", "Dir::Cache=" + filepath.Join(state, "cache"),
		"-o", "APT::Sandbox::User=root"}
	argv := append(append(append([]string{"apt-get"}, quick...), private...), "update")
	if err := j.client(ctx, "apt-get update (in a private folder)", dest, []string{"LC_ALL=C"}, argv...); err != nil {
		return "", err
	}
	// apt-get update succeeds even when no server answered, so the first error
	// may say more than the second.
	if err := download(private); err != nil {
		return "", fmt.Errorf("%w (before reading the lists anew: %w)", err, first)
	}
	return dest, nil
}

// tailBuffer keeps the end of a client's output.
type tailBuffer struct {
	mu  sync.Mutex
	buf []byte
	n   int
}

const tailKept = 8 << 10

func (t *tailBuffer) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.n += len(p)
	t.buf = append(t.buf, p...)
	if extra := len(t.buf) - tailKept; extra > 0 {
		t.buf = append(t.buf[:0], t.buf[extra:]...)
	}
	return len(p), nil
}

// total is the number of bytes ever written.
func (t *tailBuffer) total() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.n
}

func (t *tailBuffer) text() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(bytes.ToValidUTF8(t.buf, nil))
}

// reason picks the lines that say why a client failed.
func (t *tailBuffer) reason(err error) string {
	text := t.text()
	var keep []string
	for _, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		lower := strings.ToLower(line)
		if strings.HasPrefix(lower, "warning") || strings.Contains(lower, "complete log") {
			continue
		}
		if strings.HasPrefix(line, "E: ") || strings.Contains(lower, "error") || strings.Contains(lower, "err!") {
			keep = append(keep, line)
		}
	}
	if len(keep) > 3 {
		keep = keep[len(keep)-3:]
	}
	if len(keep) == 0 {
		words := strings.Fields(text)
		keep = []string{strings.Join(words[max(len(words)-40, 0):], " ")}
	}
	offline := ""
	for _, sign := range []string{"name resolution", "Name or service not known", "nodename nor servname", "EAI_AGAIN", "ENOTFOUND",
		"Could not resolve", "Network is unreachable"} {
		if strings.Contains(text, sign) {
			offline = "no network: "
		}
	}
	return strings.TrimSpace(fmt.Sprintf("%s%v: %s", offline, err, strings.Join(keep, "; ")))
}
