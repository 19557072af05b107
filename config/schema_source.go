package config

// Source is where the configuration comes from, where that is not the file alone.
type Source struct {
	// Etcd takes it from etcd, which several instances share. The file then holds source, instance, admin, state and log
	// only: what belongs to one instance. Everything else comes from the document at the key.
	Etcd *Etcd `koanf:"etcd"`
}

// Etcd is a cluster of etcd (version 3.4 or later) and a key in it that holds a configuration, in YAML or JSON, which
// every instance with this section runs. A change of the key takes effect at once; one that is refused leaves what runs, and
// is tried again when it changes. What is applied over the API is put there, if nobody has changed it meanwhile.
type Etcd struct {
	// Endpoints are the members of the cluster: http://host:port, https://host:port or host:port, all of them with TLS or none.
	Endpoints []string `example:"[\"10.0.0.1:2379\", \"10.0.0.2:2379\"]" koanf:"endpoints" required:"true"`
	// Key holds the document. Instances report themselves below it, at KEY/instances/NAME; who put the document last stands at KEY/author.
	Key string `default:"/isame/config" koanf:"key"`
	// User is the name that is logged in with; empty means none. It has to read the key and KEY/author, to read and
	// write KEY/instances/ and KEY/acme/ and, for changes over the API, to write the key and KEY/author.
	User string `example:"isame" koanf:"user"`
	// Password is that of the user.
	Password Secret `example:"\"${ENV:ETCD_PASSWORD}\"" koanf:"password"`
	// TLS is how the members are spoken to; absent means clear text, or the system's authorities for https endpoints. The
	// files are read again when they are connected to anew.
	TLS *ClientTLS `koanf:"tls"`
	// CacheFile keeps the last document that was taken, mode 0600, so that a start without etcd serves it; empty means
	// etcd.json below state.dir, or no copy where that is empty as well.
	CacheFile string `example:"/var/lib/isame/etcd.json" file:"true" koanf:"cache_file"`
}
