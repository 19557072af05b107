package observe

import "github.com/isame-lb/isame-lb/engine/observe/expose"

// borrowed are the families of Go and of the process, whose numbers the metrics library
// supplies. It has no help for them, takes some counters for gauges, and gives some names
// that promtool refuses; here stands what they are.
var borrowed = []expose.Borrowed{ //nolint:gochecknoglobals // read-only table
	{Family: expose.Family{
		Name: "go_sched_latencies_seconds", Kind: expose.Histogram, Unit: unitSeconds,
		Help: "Time that goroutines which could run have waited to run; the sum is an estimate.",
	}},
	{Family: expose.Family{
		Name: "go_gc_pauses_seconds", Kind: expose.Histogram, Unit: unitSeconds,
		Help: "Pauses of all goroutines by the garbage collector; the sum is an estimate.",
	}},
	{Family: expose.Family{
		Name: "go_gc_duration_seconds", Kind: expose.Summary, Unit: unitSeconds,
		Help: "Pauses of the cycles of the garbage collector.",
	}},
	{From: "go_gc_forced_count", Family: expose.Family{
		Name: "go_gc_forced_total", Kind: expose.Counter,
		Help: "Cycles of the garbage collector that the program has asked for.",
	}},
	{Family: expose.Family{
		Name: "go_gc_cpu_seconds_total", Kind: expose.Counter, Unit: unitSeconds,
		Help: "Time that the garbage collector has had of processors, as the runtime estimates it.",
	}},
	{Family: expose.Family{
		Name: "go_gc_mark_assist_cpu_seconds_total", Kind: expose.Counter, Unit: unitSeconds,
		Help: "The part of that in which goroutines had to help.",
	}},
	{Family: expose.Family{
		Name: "go_scavenge_cpu_seconds_total", Kind: expose.Counter, Unit: unitSeconds,
		Help: "Time that was used to give memory back to the system.",
	}},
	{Family: expose.Family{
		Name: "go_mutex_wait_seconds_total", Kind: expose.Counter, Unit: unitSeconds,
		Help: "Time that goroutines have waited for locks.",
	}},
	{Family: expose.Family{
		Name: "go_memlimit_bytes", Kind: expose.Gauge, Unit: unitBytes,
		Help: "Memory that the runtime tries not to exceed (GOMEMLIMIT).",
	}},
	{Family: expose.Family{
		Name: "go_memstats_alloc_bytes", Kind: expose.Gauge, Unit: unitBytes,
		Help: "Memory of objects on the heap.",
	}},
	{Family: expose.Family{
		Name: "go_memstats_alloc_bytes_total", Kind: expose.Counter, Unit: unitBytes,
		Help: "Memory that was allocated on the heap.",
	}},
	{Family: expose.Family{
		Name: "go_memstats_buck_hash_sys_bytes", Kind: expose.Gauge, Unit: unitBytes,
		Help: "Memory of the tables of the profiler.",
	}},
	{Family: expose.Family{
		Name: "go_memstats_frees_total", Kind: expose.Counter,
		Help: "Objects that were freed.",
	}},
	{Family: expose.Family{
		Name: "go_memstats_gc_cpu_fraction", Kind: expose.Gauge,
		Help: "Share of the processors that the garbage collector has had since the start.",
	}},
	{Family: expose.Family{
		Name: "go_memstats_gc_sys_bytes", Kind: expose.Gauge, Unit: unitBytes,
		Help: "Memory of the garbage collector itself.",
	}},
	{Family: expose.Family{
		Name: "go_memstats_heap_alloc_bytes", Kind: expose.Gauge, Unit: unitBytes,
		Help: "Memory of objects on the heap, those included that nobody needs and that are not freed yet.",
	}},
	{Family: expose.Family{
		Name: "go_memstats_heap_idle_bytes", Kind: expose.Gauge, Unit: unitBytes,
		Help: "Memory of the heap without objects.",
	}},
	{Family: expose.Family{
		Name: "go_memstats_heap_inuse_bytes", Kind: expose.Gauge, Unit: unitBytes,
		Help: "Memory of the heap with objects.",
	}},
	{Family: expose.Family{
		Name: "go_memstats_heap_objects", Kind: expose.Gauge,
		Help: "Objects on the heap.",
	}},
	{Family: expose.Family{
		Name: "go_memstats_heap_released_bytes", Kind: expose.Gauge, Unit: unitBytes,
		Help: "Memory of the heap that was given back to the system.",
	}},
	{Family: expose.Family{
		Name: "go_memstats_heap_sys_bytes", Kind: expose.Gauge, Unit: unitBytes,
		Help: "Memory of the heap that the system has given.",
	}},
	{Family: expose.Family{
		Name: "go_memstats_last_gc_time_seconds", Kind: expose.Gauge, Unit: unitSeconds,
		Help: "When the last garbage collection has ended, in seconds since 1970.",
	}},
	{Family: expose.Family{
		Name: "go_memstats_lookups_total", Kind: expose.Counter,
		Help: "Pointers that the runtime has looked up.",
	}},
	{Family: expose.Family{
		Name: "go_memstats_mallocs_total", Kind: expose.Counter,
		Help: "Objects that were allocated.",
	}},
	{Family: expose.Family{
		Name: "go_memstats_mcache_inuse_bytes", Kind: expose.Gauge, Unit: unitBytes,
		Help: "Memory of the caches of the allocator in use.",
	}},
	{Family: expose.Family{
		Name: "go_memstats_mcache_sys_bytes", Kind: expose.Gauge, Unit: unitBytes,
		Help: "Memory of these that the system has given.",
	}},
	{Family: expose.Family{
		Name: "go_memstats_mspan_inuse_bytes", Kind: expose.Gauge, Unit: unitBytes,
		Help: "Memory of the spans of the allocator in use.",
	}},
	{Family: expose.Family{
		Name: "go_memstats_mspan_sys_bytes", Kind: expose.Gauge, Unit: unitBytes,
		Help: "Memory of these that the system has given.",
	}},
	{Family: expose.Family{
		Name: "go_memstats_next_gc_bytes", Kind: expose.Gauge, Unit: unitBytes,
		Help: "Size of the heap at which the next garbage collection begins.",
	}},
	{Family: expose.Family{
		Name: "go_memstats_other_sys_bytes", Kind: expose.Gauge, Unit: unitBytes,
		Help: "Memory of the runtime for everything else.",
	}},
	{Family: expose.Family{
		Name: "go_memstats_stack_inuse_bytes", Kind: expose.Gauge, Unit: unitBytes,
		Help: "Memory of stacks in use.",
	}},
	{Family: expose.Family{
		Name: "go_memstats_stack_sys_bytes", Kind: expose.Gauge, Unit: unitBytes,
		Help: "Memory of stacks that the system has given.",
	}},
	{Family: expose.Family{
		Name: "go_memstats_sys_bytes", Kind: expose.Gauge, Unit: unitBytes,
		Help: "Memory that the system has given.",
	}},
	{From: "go_cgo_calls_count", Family: expose.Family{
		Name: "go_cgo_calls_total", Kind: expose.Counter,
		Help: "Calls from Go into C.",
	}},
	{From: "go_cpu_count", Family: expose.Family{
		Name: "go_cpus", Kind: expose.Gauge,
		Help: "Processors that the process may run on.",
	}},
	{Family: expose.Family{
		Name: "go_gomaxprocs", Kind: expose.Gauge,
		Help: "Threads that run Go at the same time, at most.",
	}},
	{Family: expose.Family{
		Name: "go_goroutines", Kind: expose.Gauge,
		Help: "Goroutines.",
	}},
	{Family: expose.Family{
		Name: "go_threads", Kind: expose.Gauge,
		Help: "Threads of the system that the runtime has made.",
	}},
	{Family: expose.Family{
		Name: "go_info", Kind: expose.Gauge, Labels: []string{"version"},
		Help: "1, with the version of Go.",
	}},
	{From: "go_info_ext", Keys: []string{"compiler", "GOARCH", "GOOS"}, Family: expose.Family{
		Name: "go_platform_info", Kind: expose.Gauge, Labels: []string{"compiler", "goarch", "goos"},
		Help: "1, with the compiler and what it has compiled for.",
	}},
	{Family: expose.Family{
		Name: "process_cpu_seconds_total", Kind: expose.Counter, Unit: unitSeconds,
		Help: "Processor time, of the program and of the system for it.",
	}},
	{Family: expose.Family{
		Name: "process_cpu_seconds_system_total", Kind: expose.Counter,
		Help: "Processor time of the system for the program, in seconds.",
	}},
	{Family: expose.Family{
		Name: "process_cpu_seconds_user_total", Kind: expose.Counter,
		Help: "Processor time of the program, in seconds.",
	}},
	{Family: expose.Family{
		Name: "process_major_pagefaults_total", Kind: expose.Counter,
		Help: "Page faults that had to read from a disk.",
	}},
	{Family: expose.Family{
		Name: "process_minor_pagefaults_total", Kind: expose.Counter,
		Help: "Page faults that had not.",
	}},
	{Family: expose.Family{
		Name: "process_num_threads", Kind: expose.Gauge,
		Help: "Threads of the process.",
	}},
	{Family: expose.Family{
		Name: "process_start_time_seconds", Kind: expose.Gauge, Unit: unitSeconds,
		Help: "When the process was started, in seconds since 1970.",
	}},
	{Family: expose.Family{
		Name: "process_resident_memory_bytes", Kind: expose.Gauge, Unit: unitBytes,
		Help: "Memory that the process has in RAM.",
	}},
	{Family: expose.Family{
		Name: "process_resident_memory_peak_bytes", Kind: expose.Gauge, Unit: unitBytes,
		Help: "The most that this ever was.",
	}},
	{Family: expose.Family{
		Name: "process_resident_memory_anon_bytes", Kind: expose.Gauge, Unit: unitBytes,
		Help: "The part of it that belongs to no file.",
	}},
	{Family: expose.Family{
		Name: "process_resident_memory_file_bytes", Kind: expose.Gauge, Unit: unitBytes,
		Help: "The part of it that belongs to files.",
	}},
	{Family: expose.Family{
		Name: "process_resident_memory_shared_bytes", Kind: expose.Gauge, Unit: unitBytes,
		Help: "The part of it that is shared.",
	}},
	{Family: expose.Family{
		Name: "process_virtual_memory_bytes", Kind: expose.Gauge, Unit: unitBytes,
		Help: "Address space of the process.",
	}},
	{Family: expose.Family{
		Name: "process_virtual_memory_peak_bytes", Kind: expose.Gauge, Unit: unitBytes,
		Help: "The most that this ever was.",
	}},
	{Family: expose.Family{
		Name: "process_io_read_bytes_total", Kind: expose.Counter, Unit: unitBytes,
		Help: "Bytes that were read by system calls for reading; sockets that are read otherwise do not count.",
	}},
	{Family: expose.Family{
		Name: "process_io_written_bytes_total", Kind: expose.Counter, Unit: unitBytes,
		Help: "Bytes that were written by such calls for writing.",
	}},
	{Family: expose.Family{
		Name: "process_io_read_syscalls_total", Kind: expose.Counter,
		Help: "System calls for reading.",
	}},
	{Family: expose.Family{
		Name: "process_io_write_syscalls_total", Kind: expose.Counter,
		Help: "System calls for writing.",
	}},
	{Family: expose.Family{
		Name: "process_io_storage_read_bytes_total", Kind: expose.Counter, Unit: unitBytes,
		Help: "Bytes that came from storage.",
	}},
	{Family: expose.Family{
		Name: "process_io_storage_written_bytes_total", Kind: expose.Counter, Unit: unitBytes,
		Help: "Bytes that went to storage.",
	}},
	{Family: expose.Family{
		Name: "process_pressure_cpu_waiting_seconds_total", Kind: expose.Counter, Unit: unitSeconds,
		Help: "Time in which some task of the control group has waited for a processor.",
	}},
	{Family: expose.Family{
		Name: "process_pressure_cpu_stalled_seconds_total", Kind: expose.Counter, Unit: unitSeconds,
		Help: "Time in which all of them have.",
	}},
	{Family: expose.Family{
		Name: "process_pressure_io_waiting_seconds_total", Kind: expose.Counter, Unit: unitSeconds,
		Help: "Time in which some task of the control group has waited for storage.",
	}},
	{Family: expose.Family{
		Name: "process_pressure_io_stalled_seconds_total", Kind: expose.Counter, Unit: unitSeconds,
		Help: "Time in which all of them have.",
	}},
	{Family: expose.Family{
		Name: "process_pressure_memory_waiting_seconds_total", Kind: expose.Counter, Unit: unitSeconds,
		Help: "Time in which some task of the control group has waited for memory.",
	}},
	{Family: expose.Family{
		Name: "process_pressure_memory_stalled_seconds_total", Kind: expose.Counter, Unit: unitSeconds,
		Help: "Time in which all of them have.",
	}},
	{Family: expose.Family{
		Name: "process_max_fds", Kind: expose.Gauge,
		Help: "File descriptors that the process may have open.",
	}},
	{Family: expose.Family{
		Name: "process_open_fds", Kind: expose.Gauge,
		Help: "File descriptors that it has open.",
	}},
}
