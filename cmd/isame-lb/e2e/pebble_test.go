package e2e

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
)

// pebbleTool is the ACME server that its authors test clients with.
var pebbleTool = newTool("an ACME server", "github.com/letsencrypt/pebble/v2/cmd/pebble", "v2.10.3")

// pebble is a running ACME server.
type pebble struct {
	t          *testing.T
	directory  string
	management string
	own        *pair // of its API
	log        *logBuffer
	command    *exec.Cmd
	exited     chan struct{}
}

// validation says where pebble looks for the hosts, and how long the certificates
// it makes are good for.
type validation struct {
	httpAddress, tlsAddress string // empty: nobody is there
	seconds                 int    // of the profile default
	profiles                map[string]int
	externalKeys            map[string]string // of external accounts, in base64url; without one none is asked for
	names                   *zoneServer       // nil: one that finds every host on this machine
}

// pebbleStarts bounds how often a start is tried: it cannot be told to take a free
// port either.
const pebbleStarts = 5

// startPebble runs a server that finds every host on this machine.
func startPebble(t *testing.T, v validation) *pebble {
	t.Helper()
	binary := pebbleTool.need(t)
	own := newPair(t, tomorrow(), "localhost")
	for range pebbleStarts {
		if p := tryPebble(t, binary, own, v); p != nil {
			return p
		}
	}
	t.Fatalf("cannot start pebble in %d tries", pebbleStarts)
	return nil
}

func tryPebble(t *testing.T, binary string, own *pair, v validation) *pebble {
	t.Helper()
	address := freeAddress(t)
	p := &pebble{
		t: t, own: own, directory: "https://localhost:" + portOf(t, address) + "/dir", management: freeAddress(t), log: &logBuffer{}, exited: make(chan struct{}),
	}
	profiles := map[string]any{"default": map[string]any{"description": "test", "validityPeriod": v.seconds}}
	for name, seconds := range v.profiles {
		profiles[name] = map[string]any{"description": name, "validityPeriod": seconds}
	}
	config := map[string]any{"pebble": map[string]any{
		"listenAddress": address, "managementListenAddress": p.management, "certificate": own.certFile, "privateKey": own.keyFile,
		"httpPort": validationPort(t, v.httpAddress), "tlsPort": validationPort(t, v.tlsAddress), "keyAlgorithm": "ecdsa",
		"profiles": profiles, "externalAccountBindingRequired": len(v.externalKeys) > 0, "externalAccountMACKeys": v.externalKeys,
	}}
	text, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "pebble.json")
	replaceFile(t, file, string(text))
	names := v.names
	if names == nil {
		names = startNames(t)
	}
	p.command = exec.Command(binary, "-config", file, "-dnsserver", names.address)
	p.command.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1", "PEBBLE_AUTHZREUSE=0")
	p.command.Stdout, p.command.Stderr = p.log, p.log
	p.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.command.Wait()
		close(p.exited)
	}()
	t.Cleanup(func() {
		p.stop()
		if t.Failed() {
			t.Logf("log of pebble:\n%s", p.log)
		}
	})
	if !p.answers() {
		return nil
	}
	return p
}

// answers waits for both of its ports; false when it has ended instead.
func (p *pebble) answers() bool {
	up := false
	eventually(p.t, "pebble answers", func() string {
		select {
		case <-p.exited:
			return ""
		default:
		}
		for _, url := range []string{p.directory, "https://" + p.management + "/roots/0"} {
			if _, err := p.fetch(url); err != nil {
				return err.Error()
			}
		}
		up = true
		return ""
	})
	return up
}

func (p *pebble) fetch(url string) ([]byte, error) {
	client := &http.Client{Timeout: patience, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true,
	}}
	response, err := client.Get(url)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", url, response.Status)
	}
	return io.ReadAll(response.Body)
}

// roots are what the certificates it makes chain to.
func (p *pebble) roots() *x509.CertPool {
	p.t.Helper()
	text, err := p.fetch("https://" + p.management + "/roots/0")
	pool := x509.NewCertPool()
	if err != nil || !pool.AppendCertsFromPEM(text) {
		p.t.Fatalf("cannot get the root: %v, %q", err, text)
	}
	return pool
}

// stop ends it; it is no harm to do so twice.
func (p *pebble) stop() {
	_ = p.command.Process.Signal(syscall.SIGTERM)
	within(p.t, "pebble ends", p.exited)
}

// acme is an acme section of this server.
func (p *pebble) acme(storage, hosts string) string {
	return ", acme: " + p.section(storage, hosts, "")
}

// section is one of those that a listener may have, with more keys.
func (p *pebble) section(storage, hosts, more string) string {
	return fmt.Sprintf("{hosts: [%s], email: ops@a.test, directory: %q, ca_file: %q, storage: %q%s}", hosts, p.directory, p.own.certFile, storage, more)
}

func portOf(t *testing.T, address string) string {
	t.Helper()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// validationPort is the port of an address, or one where every connection is closed.
func validationPort(t *testing.T, address string) int {
	t.Helper()
	if address == "" {
		nobody, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = nobody.Close() })
		go func() {
			for c, err := nobody.Accept(); err == nil; c, err = nobody.Accept() {
				_ = c.Close()
			}
		}()
		address = nobody.Addr().String()
	}
	port, err := strconv.Atoi(portOf(t, address))
	if err != nil {
		t.Fatal(err)
	}
	return port
}
