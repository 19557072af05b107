// Package bench is the root of Isame's measuring tools: a load generator that
// does not hide stalls, a cheap origin to put behind a proxy, and runs that put
// two proxies side by side. It holds no code itself.
//
// Start reading in bench/load: Run starts workers, a worker (load/worker.go) drives
// many connections from one epoll set, bench/scan reads the answers, bench/hist
// counts latencies, bench/report prints the outcome. bench/origin is the server
// at the other end. bench/compare interleaves rounds and computes ratios;
// bench/proxies starts nginx, HAProxy and Isame for it. bench/sim stands apart:
// it simulates the balancing algorithms in virtual time.
//
// Only cmd/isame-bench imports these packages. They run on Linux.
package bench
