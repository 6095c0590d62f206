package lab

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
)

func TestFreePort(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	taken := l.Addr().(*net.TCPAddr).Port
	if _, err := freePort("127.0.0.1", taken); err == nil || !strings.Contains(err.Error(), "port "+strconv.Itoa(taken)) || !strings.Contains(err.Error(), "-port") {
		t.Errorf("a taken port: %v", err)
	}
	port, err := freePort("127.0.0.1", 0)
	if err != nil || port == 0 || port == taken {
		t.Errorf("got %d, %v", port, err)
	}
	if _, err := freePort("192.0.2.1", 0); err == nil || !strings.Contains(err.Error(), "-ip") {
		t.Errorf("an address of another machine: %v", err)
	}
}

func TestAnswers(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/api/status" || r.Header.Get("Authorization") != "token secret" {
			w.WriteHeader(http.StatusForbidden)
		}
	}))
	s := &Server{Base: server.URL, Token: "secret"}
	if !s.answers() {
		t.Error("the right token is refused")
	}
	s.Token = "wrong"
	if s.answers() {
		t.Error("a refusal passes for an answer")
	}
	server.Close()
	if s.answers() {
		t.Error("a closed server answers")
	}
}

func TestNoBrowserIsAnError(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	t.Setenv("BROWSER", "")
	if err := OpenBrowser("http://127.0.0.1:1/"); err == nil {
		t.Error("no error")
	}
}
