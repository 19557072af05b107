// Package expose writes families of metrics in the formats that Prometheus reads: its text
// format, OpenMetrics, and its protobuf format, which alone has native histograms.
//
// Start reading in page.go: a Page is one scrape. family.go is what is said of a family,
// format.go how a scraper chooses among the formats (Accept), text.go and proto.go write
// them, and foreign.go reads what another library has written.
// data.go makes the same of it for OpenTelemetry, as data and not as text.
//
// Imported by engine/observe; imports pool/stat.
package expose
