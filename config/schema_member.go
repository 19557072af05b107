package config

import "time"

// Discovery finds members of a pool.
type Discovery struct {
	// DNS finds them by name.
	DNS *DNS `koanf:"dns"`
}

// DNS finds members by name.
type DNS struct {
	// Name is the name that is looked up: in /etc/hosts, where it stands there, else in the DNS. SRV records, and a name
	// that a resolver is given for, are asked of the DNS alone.
	Name string `example:"api.internal" koanf:"name" required:"true"`
	// Type is the type of the records.
	Type string `default:"A" enum:"A|AAAA|SRV" koanf:"type"`
	// Port is the port of the members found; SRV records carry their own.
	Port int `example:"8080" koanf:"port" max:"65535" min:"0"`
	// Interval is the longest time between two lookups; records whose TTL is
	// shorter are looked up again when it ends, but not within a second.
	Interval time.Duration `default:"10s" koanf:"interval" positive:"true"`
	// Resolver is the server that is asked, as host:port; empty means /etc/hosts, then
	// those of /etc/resolv.conf, with its search list.
	Resolver string `example:"\"127.0.0.1:53\"" koanf:"resolver"`
}

// HealthCheck probes every member of a pool.
type HealthCheck struct {
	// Type is how a member is probed; where tls is enabled each probe begins with a handshake.
	Type string `default:"http" enum:"http|tcp|grpc" koanf:"type"`
	// Path is the path an http probe requests.
	Path string `default:"/health" koanf:"path"`
	// Method is the method of an http probe; an answer to HEAD has no body to look at.
	Method string `default:"GET" example:"OPTIONS" koanf:"method"`
	// Host is what an http or grpc probe asks for; empty means pools.*.host, and where that is keep the address, or over
	// TLS the name of the certificate.
	Host string `example:"www.example.com" koanf:"host"`
	// Headers are further fields of an http or grpc probe; User-Agent and Accept may be replaced.
	Headers map[string]string `example:"{X-Probe: \"1\"}" koanf:"headers" secrets:"true"`
	// Port is where a member is probed, in the way of its pool (tls, proxy_protocol); 0 means the port that is served.
	Port int `example:"8081" koanf:"port" max:"65535" min:"0"`
	// Service is the service a grpc probe asks about (grpc.health.v1.Health/Check
	// over HTTP/2, in clear text or as tls says); empty means the server as a whole.
	Service string `example:"shop.Cart" koanf:"service"`
	// Interval is the time between two probes of one member, give or take a tenth.
	// While a verdict is open probes come four times as fast; a member that has
	// been well for long is asked up to half as often, without that its failure is
	// noticed later than after unhealthy_after intervals. A breaker that opens, or
	// live connections that are refused, count as bad probes do.
	Interval time.Duration `default:"5s" koanf:"interval" positive:"true"`
	// Timeout bounds one probe. It is the interval where that is shorter and nothing is said here; more than the interval
	// is refused.
	Timeout time.Duration `default:"1s" koanf:"timeout" positive:"true"`
	// HealthyAfter is the number of good probes in a row that make a member healthy.
	HealthyAfter int `default:"2" koanf:"healthy_after" max:"1000" min:"1"`
	// UnhealthyAfter is the number of bad probes in a row that make it unhealthy.
	UnhealthyAfter int `default:"3" koanf:"unhealthy_after" max:"1000" min:"1"`
	// ExpectStatus are codes or ranges that count as good.
	ExpectStatus []string `default:"200-299" koanf:"expect_status" numbers:"true"`
	// ExpectBody is a text the body must contain.
	ExpectBody string `example:"ready" koanf:"expect_body"`
	// ExpectJSON are members of the JSON body (dots descend) that must have these values.
	ExpectJSON map[string]string `example:"{status: ok}" koanf:"expect_json"`
}
