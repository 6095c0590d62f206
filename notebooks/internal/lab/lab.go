// Package lab runs JupyterLab for as long as the reader wants it.
//
//	server, err := lab.Start(ctx, env, lab.Config{})
//	fmt.Println(server.URL)
//	err = server.Wait()
package lab

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rewardlab/rewardlab/notebooks/internal/setup"
)

// Config says where JupyterLab listens and what it opens. The zero value is the loopback address, the first free
// port from 8888, a fresh token, and the notebooks' folder.
type Config struct {
	IP     string // "" is 127.0.0.1
	Port   int    // 0 is the first free one from 8888
	Token  string // "" makes one
	Dir    string // the root folder; "" is the clone's notebooks folder
	Open   string // a notebook to show first, relative to Dir; "" is the file list
	Expose bool   // let a script in the page drive JupyterLab, as the browser check does
	Log    string // where the server writes its log; "" is lab.log in the clone's cache folder
}

// Server is a running JupyterLab.
type Server struct {
	URL   string // with the token
	Base  string // without path and token
	Token string
	Log   string
	cmd   *exec.Cmd
	done  chan struct{}
	err   error
}

const (
	startTimeout = 60 * time.Second
	stopTimeout  = 10 * time.Second
)

// Start starts the server and returns once it answers. When ctx ends the server is asked to stop, with its kernels.
func Start(ctx context.Context, env *setup.Env, cfg Config) (*Server, error) {
	if cfg.IP == "" {
		cfg.IP = "127.0.0.1"
	}
	if cfg.Dir == "" {
		cfg.Dir = env.Notebooks()
	}
	if cfg.Log == "" {
		cfg.Log = filepath.Join(env.Home, "lab.log")
	}
	if cfg.Token == "" {
		secret := make([]byte, 24)
		rand.Read(secret)
		cfg.Token = hex.EncodeToString(secret)
	}
	port, err := freePort(cfg.IP, cfg.Port)
	if err != nil {
		return nil, err
	}
	log, err := os.Create(cfg.Log)
	if err != nil {
		return nil, fmt.Errorf("log of JupyterLab: %w", err)
	}
	defer log.Close()

	args := []string{"-m", "jupyterlab", "--no-browser",
		"--ServerApp.ip=" + cfg.IP, "--ServerApp.port=" + strconv.Itoa(port), "--ServerApp.port_retries=0",
		"--ServerApp.root_dir=" + cfg.Dir, "--LabApp.extension_manager=readonly",
		"--MultiKernelManager.default_kernel_name=" + setup.Kernel, "--KernelSpecManager.ensure_native_kernel=False",
		"--KernelSpecManager.allowed_kernelspecs=" + setup.Kernel}
	if cfg.Expose {
		args = append(args, "--LabApp.expose_app_in_browser=True")
	}
	if os.Geteuid() == 0 {
		args = append(args, "--allow-root")
	}
	cmd := env.Python(ctx, args...)
	cmd.Dir = cfg.Dir
	cmd.Env = append(cmd.Env, "JUPYTER_TOKEN="+cfg.Token) // not an argument: those are for all to see
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = detached()
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = stopTimeout
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("JupyterLab: %w", err)
	}
	host := cfg.IP
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	s := &Server{Token: cfg.Token, Log: cfg.Log, cmd: cmd, done: make(chan struct{})}
	s.Base = "http://" + net.JoinHostPort(host, strconv.Itoa(port))
	s.URL = s.Base + "/lab"
	if cfg.Open != "" {
		s.URL += "/tree/" + cfg.Open
	}
	s.URL += "?token=" + cfg.Token
	go func() {
		s.err = cmd.Wait()
		close(s.done)
	}()
	if err := s.ready(ctx); err != nil {
		cmd.Process.Signal(syscall.SIGTERM)
		return nil, err
	}
	return s, nil
}

// Wait returns when the server has stopped; nil when that was because the context ended.
func (s *Server) Wait(ctx context.Context) error {
	<-s.done
	if ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("JupyterLab stopped by itself: %v: its log is %s", s.err, s.Log)
}

func (s *Server) ready(ctx context.Context) error {
	for end := time.Now().Add(startTimeout); ; {
		if s.answers() {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.done:
			return fmt.Errorf("JupyterLab stopped while starting: %v: its log is %s\n%s", s.err, s.Log, tail(s.Log))
		case <-time.After(50 * time.Millisecond):
		}
		if time.Now().After(end) {
			return fmt.Errorf("JupyterLab did not answer within %v: its log is %s\n%s", startTimeout, s.Log, tail(s.Log))
		}
	}
}

// answers asks for the server's status. It is written out because net/http takes ten seconds to compile, which the
// reader's first command would spend in silence.
func (s *Server) answers() bool {
	address := strings.TrimPrefix(s.Base, "http://")
	conn, err := net.DialTimeout("tcp", address, time.Second)
	if err != nil {
		return false
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(5 * time.Second))
	fmt.Fprintf(conn, "GET /api/status HTTP/1.1\r\nHost: %s\r\nAuthorization: token %s\r\nConnection: close\r\n\r\n", address, s.Token)
	status, _ := bufio.NewReader(conn).ReadString('\n')
	return strings.HasPrefix(status, "HTTP/1.1 200 ")
}

func tail(path string) string {
	data, _ := os.ReadFile(path)
	return string(data[max(0, len(data)-2000):])
}

// freePort is the wanted port, or the first free one from 8888, or any.
func freePort(ip string, want int) (int, error) {
	try := func(port int) (int, error) {
		l, err := net.Listen("tcp", net.JoinHostPort(ip, strconv.Itoa(port)))
		if err != nil {
			return 0, err
		}
		defer l.Close()
		return l.Addr().(*net.TCPAddr).Port, nil
	}
	if want != 0 {
		port, err := try(want)
		if err != nil {
			return 0, fmt.Errorf("port %d: %w: choose another with -port, or none to get a free one", want, err)
		}
		return port, nil
	}
	for port := 8888; port < 8908; port++ {
		if got, err := try(port); err == nil {
			return got, nil
		}
	}
	port, err := try(0)
	if err != nil {
		return 0, fmt.Errorf("listening on %s: %w: choose another address with -ip", ip, err)
	}
	return port, nil
}

// OpenBrowser shows url in the reader's browser.
func OpenBrowser(url string) error {
	name := "xdg-open"
	if runtime.GOOS == "darwin" {
		name = "open"
	}
	if b := os.Getenv("BROWSER"); b != "" {
		name = b
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return errors.New("no browser found")
	}
	cmd := exec.Command(path, url)
	if err := cmd.Start(); err != nil {
		return err
	}
	go cmd.Wait()
	return nil
}
