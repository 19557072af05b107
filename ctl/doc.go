// Package ctl is the admin endpoint: the API, the metrics and the
// dashboard. It shows what the proxy is and hands changes on; it knows nothing
// of the engine and gets plain functions (Sources) from cmd/run.
//
// Start reading at server.go (life), guard.go, access.go and admit.go (who may ask),
// endpoint.go (the table of everything that is answered). ctl/api holds the JSON values,
// ctl/client the Go client, ctl/web the page, ctl/cli the commands of isame-ctl.
//
// Imported by cmd only. Imports pool (status values) and config.
package ctl
