package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/isame-lb/isame-lb/bench/origin"
)

const originExample = `  isame-bench origin                                    # 200 "ok" on a free port
  isame-bench origin --listen :9001 --count 3           # three origins on 9001 to 9003
  isame-bench origin --size 16KiB --delay exp:5ms
  isame-bench origin --delay p50=5ms,p99=80ms --errors 0.01
  isame-bench origin --echo --listen unix:/tmp/origin.sock
  curl 'localhost:9001/?size=1MiB' ; curl -N localhost:9001/sse ; curl localhost:9001/inspect`

const originLong = `Serves answers for tests and measurements and prints one line for each address
it listens on: "listening on ADDRESS (NAME)". It ends on SIGTERM or SIGINT.

  /health    200, always          /inspect  the request as it came, as JSON
  /sse       events: ?count=10&interval=100ms
  /json      16 KiB of JSON
  /drip      a slow body: ?size=1KiB&pieces=10&interval=100ms
  /upgrade   101 for the protocol that is asked for, then every byte comes back as it is
  any other  the fixed answer or the echo; ?size=, ?status=, ?delay= change it for one request`

type originFlags struct {
	options     origin.Options
	body        string
	size, delay string
}

func originCommand(env Env) *cobra.Command {
	var f originFlags
	c := &cobra.Command{
		Use: "origin", Short: "Serve answers: fixed, echoed, slow, failing, large, or as events",
		Long: originLong, Example: originExample, Args: exactly(0, "no argument"),
		RunE: func(c *cobra.Command, _ []string) error { return serveOrigin(c.Context(), env, &f) },
	}
	o, fl := &f.options, c.Flags()
	fl.StringVarP(&o.Listen, "listen", "l", "127.0.0.1:0", "address: `HOST:PORT`, :PORT (0: a free one) or unix:/PATH")
	fl.IntVar(&o.Count, "count", 1, "number of listeners; fixed ports count up")
	fl.StringVar(&o.Name, "name", "origin", "value of X-Origin; with --count -1, -2, ... are added")
	fl.IntVar(&o.Status, "status", 200, "status of the answer")
	fl.StringVar(&f.body, "body", "ok\n", "body: `STRING|@FILE`")
	fl.StringVar(&f.size, "size", "", "made-up body of this `SIZE` instead, such as 16KiB")
	fl.StringArrayVar(&o.Header, "header", nil, "`\"Name: value\"` added to the answer (repeatable)")
	fl.BoolVar(&o.Echo, "echo", false, "answer with the request's body")
	fl.StringVar(&f.delay, "delay", "", "wait before each answer: `5ms`, exp:5ms, normal:5ms,1ms, uniform:1ms,9ms or p50=5ms,p99=40ms")
	fl.Float64Var(&o.Errors, "errors", 0, "`SHARE` of requests, 0 to 1, answered with --error-status")
	fl.IntVar(&o.ErrorStatus, "error-status", 503, "status of those")
	fl.BoolVar(&o.Apart, "apart", false, "write head and content apart, without TCP_NODELAY, as many application servers do")
	return c
}

// closeWithin is how long answers under way may take after a signal.
const closeWithin = 2 * time.Second

func serveOrigin(ctx context.Context, env Env, f *originFlags) error {
	var err error
	if f.options.Body, err = readBody(f.body); err != nil {
		return usageError{err}
	}
	if f.size != "" {
		n, err := origin.ParseSize(f.size)
		if err != nil {
			return usageError{err}
		}
		if f.options.Size = int(n); n == 0 {
			f.options.Body = []byte{}
		}
	}
	if f.options.Delay, err = origin.ParseDelay(f.delay); err != nil {
		return usageError{err}
	}
	s, err := origin.Start(ctx, f.options)
	if err != nil {
		return err
	}
	for i, a := range s.Addrs() {
		fmt.Fprintf(env.Stdout, "listening on %s (%s)\n", a, s.Names()[i])
	}
	<-ctx.Done()
	within, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeWithin)
	defer cancel()
	_ = s.Close(within) // connections still open end with the process
	return nil
}
