package e2e

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// activate has a command get sockets as systemd gives them: a shell writes its own number
// into the environment, and becomes the program.
func activate(c *exec.Cmd, files ...*os.File) {
	script := fmt.Sprintf(`LISTEN_FDS=%d LISTEN_PID=$$ exec "$0" "$@"`, len(files))
	names := strings.Repeat(":isame-lb.socket", len(files))[1:]
	c.Args = append([]string{"sh", "-c", script}, c.Args...)
	c.Path = "/bin/sh"
	c.Env = append(c.Env, "LISTEN_FDNAMES="+names)
	c.ExtraFiles = files
}

// fileOf is the descriptor of a socket that stays open until the test ends, as it does in a
// supervisor: nobody else can bind its address.
func fileOf(t *testing.T, of interface {
	File() (*os.File, error)
	Close() error
},
) *os.File {
	t.Helper()
	file, err := of.File()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	if err := of.Close(); err != nil {
		t.Fatal(err)
	}
	return file
}

// portPair are a socket of TCP and one of UDP at the same address.
func portPair(t *testing.T) (address string, files []*os.File) {
	t.Helper()
	for {
		ln, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		address = ln.Addr().String()
		at, err := net.ResolveUDPAddr("udp", address)
		if err != nil {
			t.Fatal(err)
		}
		udp, err := net.ListenUDP("udp", at)
		if err != nil {
			_ = ln.Close() // somebody else has the port: the kernel gives another one
			continue
		}
		return address, []*os.File{fileOf(t, ln), fileOf(t, udp)}
	}
}

// TestSocketActivationOfHTTP3 gives the program a UDP socket, one that fits no listener, and
// another program in its place later: it answers over the first, which this test has open so
// that nobody can bind it anew, names the second, and hands on what it was given.
func TestSocketActivationOfHTTP3(t *testing.T) {
	address, given := portPair(t)
	stray, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	at := stray.LocalAddr().String()
	given = append(given, fileOf(t, stray))
	c, d := newPair(t, tomorrow(), "a.test"), newDrip(t)
	file := func(number int) string {
		return strings.Replace(quicConfigFor(c, d.backend, number), `address: "127.0.0.1:0"`, fmt.Sprintf("address: %q", address), 1)
	}
	l := lineageOf(t, func(admin string) string { return administered(file(0), admin) }, given...)
	if l.address() != address {
		t.Errorf("listens on %s; want %s", l.address(), address)
	}
	const unfit = "a socket that was handed over is on"
	if got := l.all(unfit, "address"); len(got) != 1 || got[0] != "udp "+at {
		t.Errorf("sockets without a listener: got %v; want udp %s alone", got, at)
	}
	down := startDownload(t, overQUIC(t, address), "https://a.test/drip")
	if code, out := ctlAt(t, l.admin, "upgrade"); code != 0 {
		t.Fatalf("isame-ctl upgrade: got exit %d, %s", code, out)
	}
	l.serving(2)
	l.reload(file(1))
	a, err := tryExchange(overQUIC(t, address), request(t, http.MethodGet, "https://a.test/own", ""))
	if err != nil || string(a.body) != "1" {
		t.Errorf("a new connection: got %q, %v; want an answer of the second process", a.body, err)
	}
	down.goesOn()
	close(d.end)
	if err := <-down.ended; err != nil {
		t.Errorf("download: %v", err)
	}
	l.gone(l.serving(1))
	if got := l.all(unfit, "address"); len(got) != 1 {
		t.Errorf("sockets without a listener after the upgrade: got %v; want none but the first one", got)
	}
}

// TestSocketActivationRefusesOtherSockets gives the program a socket that nobody can serve.
func TestSocketActivationRefusesOtherSockets(t *testing.T) {
	local, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: shortSocket(t), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(lbBinary, "--config", writeConfig(t, header+"routes: {all: {respond: {status: 200}}}\n"))
	c.Env = cleanEnvironment()
	activate(c, fileOf(t, local))
	out, err := c.CombinedOutput()
	if text := string(out); err == nil || !strings.Contains(text, `"isame-lb.socket" of $LISTEN_FDS`) || !strings.Contains(text, "no bound UDP socket") {
		t.Errorf("got %v, %s; want a refusal that names the socket", err, text)
	}
}

// TestSocketActivation starts the program with a socket that somebody else has opened, and
// with a client that waits in its queue.
func TestSocketActivation(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := ln.Addr().String()
	early := dial(t, address).send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	tcp, ok := ln.(*net.TCPListener)
	if !ok {
		t.Fatalf("got a %T", ln)
	}
	file, err := tcp.File()
	if err != nil {
		t.Fatal(err)
	}
	configuration := writeConfig(t, strings.Replace(header, `{address: "127.0.0.1:0"}`, `{address: "`+address+`"}`, 1)+
		"routes: {all: {respond: {status: 200, body: fine}}}\n")
	p := &proxy{
		t: t, log: &logBuffer{}, file: configuration, exited: make(chan struct{}),
		command: exec.Command(lbBinary, "--config", configuration),
	}
	p.command.Env, p.command.Stdout, p.command.Stderr = cleanEnvironment(), p.log, p.log
	activate(p.command, file)
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	_, _ = ln.Close(), file.Close()
	go func() {
		p.err = p.command.Wait()
		close(p.exited)
	}()
	t.Cleanup(p.finish)
	p.waitReady()
	if p.address() != address {
		t.Errorf("listens on %s; want %s", p.address(), address)
	}
	early.response(http.MethodGet).wantStatus(t, http.StatusOK)
	get(t, "http://"+address+"/").wantStatus(t, http.StatusOK)
}
