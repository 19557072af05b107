package expose

import "testing"

func TestNegotiate(t *testing.T) {
	const (
		text  = "text/plain; version=0.0.4; charset=utf-8"
		open  = "application/openmetrics-text; version=1.0.0; charset=utf-8"
		proto = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
		ask   = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
		// What Prometheus 3 sends, with native histograms and without.
		three = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4," +
			"text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
	)
	for _, c := range []struct{ name, accept, want string }{
		{"nothing", "", text},
		{"anything", "*/*", text},
		{"any text", "text/*", text},
		{"a browser", "text/html,application/xhtml+xml,*/*;q=0.8", text},
		{"nothing of ours", "application/json", text},
		{"Prometheus 3", three, open + "; escaping=allow-utf-8"},
		{"Prometheus 3 with native histograms", ask + ";q=0.6," + three, proto},
		{"Prometheus 2", "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1", open},
		{"old OpenMetrics", "application/openmetrics-text; version=0.0.1", "application/openmetrics-text; version=0.0.1; charset=utf-8"},
		{"OpenMetrics of the future", "application/openmetrics-text; version=2.0.0, text/plain;q=0.1", text},
		{"text 1.0.0", "text/plain;version=1.0.0;escaping=underscores", "text/plain; version=1.0.0; charset=utf-8; escaping=underscores"},
		{"dots", "application/openmetrics-text;escaping=dots", open + "; escaping=underscores"},
		{"no weight", "application/openmetrics-text;q=0,text/plain", text},
		{"no weight of anything", "*/*;q=0", text},
		{"bad weights", "application/openmetrics-text;q=2," + ask + ";q=x", text},
		{"greater weight", "application/openmetrics-text;q=0.2," + ask + ";q=0.9", proto},
		{"equal weights", ask + ",application/openmetrics-text", proto},
		{"case and space", "Application/OpenMetrics-Text ; Version=1.0.0 ; Q=1", open},
		{"quoted", `application/openmetrics-text;version="1.0.0";x="a,b;q=0"`, open},
		{"protobuf as text", "application/vnd.google.protobuf;encoding=text;q=1,application/openmetrics-text;q=0.1", open},
		{"another message", "application/vnd.google.protobuf;proto=a.b;encoding=delimited", text},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := Negotiate(c.accept).ContentType(); got != c.want {
				t.Errorf("%q:\ngot  %s\nwant %s", c.accept, got, c.want)
			}
		})
	}
}

func FuzzNegotiate(f *testing.F) {
	f.Add(`text/plain;version="1.0.0\";q=1,*/*`)
	f.Fuzz(func(t *testing.T, accept string) {
		switch got := Negotiate(accept).ContentType(); got {
		case "":
			t.Error("no type")
		default:
			if again := Negotiate(got).kind; again != Negotiate(accept).kind {
				t.Errorf("%q is answered with %q, which asks for another format", accept, got)
			}
		}
	})
}
