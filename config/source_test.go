package config

import (
	"slices"
	"strings"
	"testing"
)

const localFile = `source: {etcd: {endpoints: ["127.0.0.1:2379"]}}
instance: edge-1
admin: {address: "127.0.0.1:0", token: local-secret}
`

const sharedDocument = `listeners: {web: {address: ":8080"}}
routes: {all: {respond: {status: 204}}}
`

func loadLocal(t *testing.T, text string) *Loaded {
	t.Helper()
	loaded, err := Load(Options{File: "isame.yaml", Data: []byte(text)})
	if err != nil {
		t.Fatal(err)
	}
	return loaded
}

// TestFileOfOneInstance: with source.etcd the file is looked at alone, and says nothing that is shared.
func TestFileOfOneInstance(t *testing.T) {
	loaded := loadLocal(t, localFile+"log: {level: debug}\nstate: {dir: /tmp}\nx-anchors: {a: 1}\n")
	if loaded.Config.Source.Etcd.Key != "/isame/config" || loaded.Config.Instance != "edge-1" {
		t.Errorf("got %+v; want the keys of the file and defaults", loaded.Config.Source.Etcd)
	}
	_, err := Load(Options{File: "isame.yaml", Data: []byte(localFile + sharedDocument + "include: [a.yaml]\nshutdwon: {}\n")})
	for _, want := range []string{
		"isame.yaml:4:1: listeners: cannot stand in this file", "isame.yaml:5:1: routes: cannot", "isame.yaml:7:1: shutdwon: cannot", "include: can",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v; want %q", err, want)
		}
	}
}

// TestSharedDocument: the document and the file are one configuration, each with its own keys, below
// environment and flags.
func TestSharedDocument(t *testing.T) {
	local := loadLocal(t, localFile).Document()
	load := func(text string) (*Loaded, error) {
		return Load(Options{
			File: "etcd:/isame/config", Format: "yaml", Data: []byte(text), Local: local, Environ: []string{"ISAME_ZONE=b"},
		})
	}
	for name, text := range map[string]string{
		"YAML": sharedDocument, "JSON": `{"listeners": {"web": {"address": ":8080"}}, "routes": {"all": {"respond": {"status": 204}}}}`,
	} {
		loaded, err := load(text)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if c := loaded.Config; c.Admin.Token != "local-secret" || c.Listeners["web"].Address != ":8080" || c.Zone != "b" {
			t.Errorf("%s: got %+v; want both parts and the environment", name, c)
		}
		if got := loaded.Origin("admin.token").String(); got != "isame.yaml:3:40" {
			t.Errorf("%s: the token is said to come from %s", name, got)
		}
		if _, there := loaded.Document().At("admin"); there {
			t.Errorf("%s: the document holds what belongs to the instance", name)
		}
	}
	_, err := load(sharedDocument + "admin: {token: theirs}\ninstance: x\n")
	for _, want := range []string{"etcd:/isame/config:3:1: admin: stands in the file of each instance", "etcd:/isame/config:4:1: instance: stands"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v; want %q", err, want)
		}
	}
	if _, err := load("routes: {}\n"); err == nil || !strings.Contains(err.Error(), "there is no listener") {
		t.Errorf("got %v; want the document to be looked at as a whole", err)
	}
	d, err := ParseDocument([]byte(sharedDocument+localFile), "yaml", "request")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Load(Options{Document: d, File: "request"}); err == nil || !strings.Contains(err.Error(), "source.etcd: can stand in the configuration file only") {
		t.Errorf("got %v; want source.etcd over the API refused", err)
	}
}

func TestSourceIsChecked(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"no endpoints", "source: {etcd: {}}", "source.etcd.endpoints: is required"},
		{"no port", "source: {etcd: {endpoints: [etcd]}}", "source.etcd.endpoints[0]"},
		{"scheme", "source: {etcd: {endpoints: ['ftp://a:1']}}", "is not http://host:port"},
		{"path", "source: {etcd: {endpoints: ['http://a:1/v3']}}", "is not http://host:port"},
		{"unix", "source: {etcd: {endpoints: ['unix:/a.sock']}}", "is not http://host:port"},
		{"twice", "source: {etcd: {endpoints: ['a:1', 'a:1']}}", "is given twice"},
		{"clear text beside tls", "source: {etcd: {endpoints: ['http://a:1'], tls: {}}}", "is clear text"},
		{"mixed", "source: {etcd: {endpoints: ['https://a:1', 'b:1']}}", "has no scheme"},
		{"key", "source: {etcd: {endpoints: ['a:1'], key: isame}}", "must begin with /"},
		{"key that is a folder", "source: {etcd: {endpoints: ['a:1'], key: /isame/}}", "must not end with /"},
		{"user without password", "source: {etcd: {endpoints: ['a:1'], user: x}}", "source.etcd.password: is required"},
		{"password without user", "source: {etcd: {endpoints: ['a:1'], password: x}}", "source.etcd.user: is required"},
		{"tls", "source: {etcd: {endpoints: ['a:1'], tls: {ca_file: /nowhere.pem}}}", "source.etcd.tls.ca_file"},
		{"persist", "admin: {persist: file}\nsource: {etcd: {endpoints: ['a:1']}}", "admin.persist: \"file\" has no effect"},
		{"instance", "instance: a/b\nsource: {etcd: {endpoints: ['a:1']}}", "instance: \"a/b\" must be"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Load(Options{File: "isame.yaml", Data: []byte(c.text)})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v; want %q", err, c.want)
			}
		})
	}
}

func TestEndpointsGetTheirScheme(t *testing.T) {
	for _, c := range []struct {
		name string
		etcd Etcd
		want []string
	}{
		{"clear text", Etcd{Endpoints: []string{"a:1", "http://b:1"}}, []string{"http://a:1", "http://b:1"}},
		{"tls", Etcd{Endpoints: []string{"a:1", "https://b:1"}, TLS: &ClientTLS{}}, []string{"https://a:1", "https://b:1"}},
	} {
		if got := c.etcd.URLs(); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v; want %v", c.name, got, c.want)
		}
	}
}

// TestSourceNeedsARestart also shows that no secret is written.
func TestSourceNeedsARestart(t *testing.T) {
	with := func(more string) *Loaded {
		return loadLocal(t, "source: {etcd: {endpoints: ['a:1'], user: u, password: hidden-"+more+"}}")
	}
	running, next := with("1"), with("2, tls: {}")
	kept := KeepRestartKeys(running, next)
	if len(kept) != 1 || kept[0].Path != "source" || strings.Contains(kept[0].String(), "hidden") {
		t.Errorf("got %v; want source alone, and no secret", kept)
	}
	if next.Config.Source.Etcd.Password != "hidden-1" {
		t.Errorf("got %+v; want what runs", next.Config.Source.Etcd)
	}
	if kept := KeepRestartKeys(running, next); len(kept) != 0 {
		t.Errorf("got %v for the same; want nothing", kept)
	}
}
