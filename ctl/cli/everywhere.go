package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/pool/safely"
)

// askedAtOnce bounds how many instances --all asks at the same time.
const askedAtOnce = 16

// local marks commands that ask no instance.
const local = "local"

var asksNobody = map[string]string{local: "yes"}

// isLocal reports that the command, or the group that it belongs to, asks no instance.
func isLocal(c *cobra.Command) bool {
	for ; c != nil; c = c.Parent() {
		if c.Annotations[local] != "" {
			return true
		}
	}
	return false
}

// reply is what one instance has led to, as -o json prints it.
type reply struct {
	Context string `json:"context"`
	// Exit is the exit code that the command would have had with this instance alone.
	Exit int `json:"exit"`
	// Answer is what it would have printed, Error what it would have complained of.
	Answer json.RawMessage `json:"answer,omitempty"`
	Error  string          `json:"error,omitempty"`

	text []byte // for people
}

// everywhere runs the command line once for each context, side by side, and prints what came
// in the order of their names.
func (a *app) everywhere(c *cobra.Command) error {
	all, err := a.env.readInstances()
	if err != nil {
		return err
	}
	names := all.names()
	if len(names) == 0 {
		return usage(c, errors.New("--all: there is no context: isame-ctl context set NAME --url URL makes one"))
	}
	replies, fleet := make([]reply, len(names)), make([]*api.Status, len(names))
	args := withoutAll(a.args)
	var asking sync.WaitGroup
	places := make(chan struct{}, askedAtOnce)
	for i, name := range names {
		places <- struct{}{}
		replies[i] = reply{Context: name, Exit: ExitFailed, Error: "isame-ctl: a bug was met"}
		safely.GoIn(&asking, "ask", func() {
			defer func() { <-places }()
			replies[i] = a.askOne(collecting(c.Context(), &fleet[i]), name, args)
		})
	}
	asking.Wait()
	compare(replies, fleet)
	if err := a.printReplies(replies); err != nil {
		return err
	}
	return worst(replies)
}

// askOne runs the command line with one instance.
func (a *app) askOne(ctx context.Context, name string, args []string) reply {
	var out, complaint bytes.Buffer
	env := a.env
	env.Stdin, env.Stdout, env.Stderr = strings.NewReader(""), &out, &complaint
	r := reply{Context: name}
	r.Exit = Run(ctx, env, append([]string{"--context", name}, args...))
	r.text, r.Error = out.Bytes(), strings.TrimSpace(complaint.String())
	if a.output == formatJSON && json.Valid(r.text) {
		r.Answer = r.text
	}
	return r
}

// withoutAll are the arguments without --all, up to the end of the flags.
func withoutAll(args []string) []string {
	flags, rest := args, []string(nil)
	if end := slices.Index(args, "--"); end >= 0 {
		flags, rest = args[:end], args[end:]
	}
	kept := slices.DeleteFunc(slices.Clone(flags), func(arg string) bool { return arg == "--all" || strings.HasPrefix(arg, "--all=") })
	return append(kept, rest...)
}

// printReplies prints a list in JSON; else what each instance has led to, under its name. In
// YAML each name is a comment between documents.
func (a *app) printReplies(replies []reply) error {
	if a.output == formatJSON {
		return a.print(replies, nil)
	}
	s := newScreen(&a.env)
	for i := range replies {
		r := &replies[i]
		heading := "== " + r.Context
		if a.output == formatYAML {
			heading = "--- # " + r.Context
		} else if i > 0 {
			s.blank()
		}
		s.buf.WriteString(s.paint(heading, bold) + "\n")
		s.buf.Write(r.text)
		if r.Error == "" {
			continue
		}
		if a.output == formatYAML {
			s.wholef("# %s", strings.ReplaceAll(r.Error, "\n", "\n# "))
		} else {
			s.wholef("%s", r.Error)
		}
	}
	return a.write(s.buf.Bytes())
}

// worst is the failure that the exit code tells: an instance that has refused is worse than
// one that cannot be reached.
func worst(replies []reply) error {
	codes := make([]int, 0, len(replies))
	for i := range replies {
		codes = append(codes, replies[i].Exit)
	}
	for _, code := range []int{ExitFailed, ExitUnreachable, ExitUsage} {
		if slices.Contains(codes, code) {
			return exitError(code)
		}
	}
	return nil
}

// exitError is a failure that was printed already, with its exit code.
type exitError int

func (e exitError) Error() string        { return errSilent.Error() }
func (e exitError) Is(target error) bool { return target == errSilent }
