package proxies

import (
	"context"
	"fmt"
	"path/filepath"
)

// Isame is a running isame-lb that somebody else measures.
type Isame struct {
	// URL is that of its one listener, without a path.
	URL string
	// Admin is the URL of its admin endpoint, without a path.
	Admin   string
	process *process
	remove  func()
}

// StartIsame starts the program with the configuration for two loopback
// addresses, and waits until it forwards. Stop ends it, and so does the end of ctx.
func StartIsame(ctx context.Context, program string, configure func(listen, admin string) string) (*Isame, error) {
	return StartIsameOn(ctx, -1, program, configure)
}

// StartIsameOn is StartIsame on one core alone; below 0 is any.
func StartIsameOn(ctx context.Context, core int, program string, configure func(listen, admin string) string) (*Isame, error) {
	program, err := filepath.Abs(program) // it runs in a folder of its own
	if err != nil {
		return nil, fmt.Errorf("cannot find %q: %w", program, err)
	}
	dir, remove, err := ownTemp()
	if err != nil {
		return nil, err
	}
	i := &Isame{remove: remove}
	if err := i.start(ctx, place{core: core, dir: dir}, program, configure); err != nil {
		remove()
		return nil, err
	}
	return i, nil
}

func (i *Isame) start(ctx context.Context, at place, program string, configure func(listen, admin string) string) error {
	listen, err := freeAddress(ctx)
	if err != nil {
		return err
	}
	admin, err := freeAddress(ctx)
	if err != nil {
		return err
	}
	path, err := writeConfig(at.dir, "isame.yaml", configure(listen, admin))
	if err != nil {
		return err
	}
	i.URL, i.Admin = "http://"+listen, "http://"+admin
	if i.process, err = start(ctx, at, program, "run", "--config", path); err != nil {
		return err
	}
	if err := i.process.ready(ctx, i.URL+"/", nil, false); err != nil {
		i.process.stop()
		return err
	}
	return nil
}

// Output is the beginning of what the process printed.
func (i *Isame) Output() string { return i.process.output.String() }

// Stop ends the process and removes its files.
func (i *Isame) Stop() {
	i.process.stop()
	i.remove()
}
