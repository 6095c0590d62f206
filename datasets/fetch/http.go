package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
)

// httpStall is how long a server may send nothing.
const httpStall = 30 * time.Second

// mirror gets what is missing from one URL; see [URLs].
func (j *job) mirror(ctx context.Context, template string) error {
	if !strings.Contains(template, "{file}") {
		archive := filepath.Join(j.work, path.Base(template))
		if err := j.download(ctx, template, archive, 0); err != nil {
			return err
		}
		return j.take(ctx, archive)
	}
	for _, f := range j.item.Files {
		if _, missing := j.missing[f.Name]; !missing {
			continue
		}
		url := strings.ReplaceAll(template, "{file}", f.Name)
		raw := filepath.Join(j.work, "download")
		// Compressed data is never much larger than what it holds.
		if err := j.download(ctx, url, raw, f.Size+f.Size/8+1<<20); err != nil {
			return err
		}
		in, err := os.Open(raw)
		if err != nil {
			return err
		}
		err = j.putAs(ctx, f, path.Base(url), in)
		in.Close()
		if err != nil {
			return fmt.Errorf("%s: %w", url, err)
		}
	}
	return nil
}

// download writes one URL to a file with progress. limit 0 means as much as the
// disk has room for.
func (j *job) download(ctx context.Context, url, target string, limit int64) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := quickHTTP().Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: the server says %s", url, resp.Status)
	}
	if limit > 0 && resp.ContentLength > limit {
		return fmt.Errorf("%s: the server offers %s, expected at most %s: another file?", url, megabytes(resp.ContentLength), megabytes(limit))
	}
	if err := j.room(j.item, target, resp.ContentLength+j.item.Size()); err != nil {
		return err
	}
	out, err := os.Create(target)
	if err != nil {
		return err
	}
	var body io.Reader = resp.Body
	if limit > 0 {
		body = io.LimitReader(resp.Body, limit+1)
	}
	p := newProgress(j.fetcher, j.item.Name, url, 0)
	stall := time.AfterFunc(httpStall, func() { cancel(fmt.Errorf("%s: no byte came for %s", url, httpStall)) })
	defer stall.Stop()
	n, err := io.Copy(out, readerFunc(func(b []byte) (int, error) {
		n, err := body.Read(b)
		stall.Reset(httpStall)
		p.add(int64(n))
		return n, err
	}))
	if cause := context.Cause(ctx); err != nil && cause != nil {
		err = cause
	}
	if err := errors.Join(err, out.Close()); err != nil {
		return fmt.Errorf("%s: after %s: %w", url, megabytes(n), err)
	}
	if limit > 0 && n > limit {
		return fmt.Errorf("%s: the server sent more than %s: another file?", url, megabytes(limit))
	}
	return nil
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// quickHTTP honours the proxy variables and gives up on a dead network at once.
func quickHTTP() *http.Client {
	return &http.Client{Transport: &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
		TLSHandshakeTimeout:   10 * time.Second,
		ResponseHeaderTimeout: httpStall,
		ForceAttemptHTTP2:     true,
		// A .gz must arrive as it is: its own checksum is inside.
		DisableCompression: true,
	}}
}
