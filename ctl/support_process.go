package ctl

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/pprof"
	"strings"
)

// profileMembers are what the runtime knows. Stacks have no values of arguments in them.
func profileMembers() []member {
	profile := func(name string, debug int) func(w io.Writer) error {
		return func(w io.Writer) error { return pprof.Lookup(name).WriteTo(w, debug) }
	}
	return []member{
		{name: "profiles/goroutine.txt", about: "where goroutines are, and how many", write: profile("goroutine", 1)},
		{name: "profiles/goroutine.pb.gz", about: "the same for go tool pprof", write: profile("goroutine", 0)},
		{name: "profiles/heap.pb.gz", about: "what the memory is for, for go tool pprof", write: profile("heap", 0)},
		{name: "profiles/runtime.json", about: "memory and collector of the Go runtime", write: writeRuntime},
	}
}

func writeRuntime(w io.Writer) error {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return writeIndented(w, map[string]any{
		"go_version": runtime.Version(), "os": runtime.GOOS, "arch": runtime.GOARCH, "cpus": runtime.NumCPU(),
		"gomaxprocs": runtime.GOMAXPROCS(0), "goroutines": runtime.NumGoroutine(), "heap_alloc": m.HeapAlloc,
		"heap_inuse": m.HeapInuse, "heap_idle": m.HeapIdle,
		"heap_released": m.HeapReleased, "heap_objects": m.HeapObjects, "stack_inuse": m.StackInuse, "sys": m.Sys,
		"collections": m.NumGC, "pause_total_ns": m.PauseTotalNs,
	})
}

// processMembers are what the kernel says of the process, and of itself. Neither environment
// nor command line is among it.
func processMembers() []member {
	files := []struct{ file, about string }{
		{"/proc/self/limits", "bounds of the process"},
		{"/proc/self/status", "memory and threads"},
		{"/proc/self/sched", "its main thread's scheduling"},
		{"/proc/self/stat", "its times"},
		{"/proc/self/net/sockstat", "sockets of the machine"},
		{"/proc/self/cgroup", "control group it is in"},
		{"/proc/version", "kernel"},
		{"/proc/meminfo", "memory of the machine"},
		{"/proc/loadavg", "load of the machine"},
		{"/proc/pressure/cpu", "how much has to wait for the processor"},
		{"/proc/sys/net/core/somaxconn", "largest queue of connections"},
		{"/proc/sys/net/ipv4/ip_local_port_range", "ports for connections to backends"},
	}
	list := make([]member, 0, len(files)+1)
	list = append(list, member{name: "proc/fds.txt", about: "open descriptors, by kind", write: writeDescriptors})
	for _, f := range files {
		name := "proc/" + strings.ReplaceAll(strings.TrimPrefix(strings.TrimPrefix(f.file, "/proc/"), "self/"), "/", ".")
		list = append(list, member{name: name, about: f.about, isText: true, write: func(w io.Writer) error {
			text, err := os.ReadFile(f.file)
			return writeAll(w, text, err)
		}})
	}
	return list
}

// writeDescriptors counts open descriptors by what they lead to; names of files are not told.
func writeDescriptors(w io.Writer) error {
	const folder = "/proc/self/fd"
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err //nolint:wrapcheck // the file that is left out is named
	}
	kinds := map[string]int{}
	for _, e := range entries {
		target, err := os.Readlink(folder + "/" + e.Name())
		if err != nil { // closed since
			continue
		}
		kind, _, found := strings.Cut(target, ":")
		if !found || strings.HasPrefix(target, "/") {
			kind = "file"
		}
		kinds[kind]++
	}
	for _, kind := range sortedKeys(kinds) {
		if _, err := fmt.Fprintf(w, "%s %d\n", kind, kinds[kind]); err != nil {
			return err //nolint:wrapcheck // likewise
		}
	}
	return nil
}
