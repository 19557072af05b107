package cli

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/isame-lb/isame-lb/ctl/client"
	"github.com/isame-lb/isame-lb/ctl/store"
	"github.com/spf13/cobra"
)

const (
	// supportWait is the longest wait for a bundle.
	supportWait = 2 * time.Minute
	// restBytesMax bounds what may stand behind the archive in a bundle: its padding.
	restBytesMax = 1 << 20
)

// support is the command's own flags.
type support struct {
	file          string
	force, redact bool
}

// written is what the command has done, as -o json prints it.
type written struct {
	File  string        `json:"file"`
	Bytes int           `json:"bytes"`
	Files []writtenFile `json:"files"`
}

// writtenFile is a file of the bundle.
type writtenFile struct {
	Name  string `json:"name"`
	Bytes int64  `json:"bytes"`
}

func (a *app) supportCommand() *cobra.Command {
	var f support
	cmd := &cobra.Command{
		Use: "support [-f FILE]", Short: "Writes a bundle for a bug report",
		Args: arguments(cobra.NoArgs), ValidArgsFunction: cobra.NoFileCompletions,
		Long: "Writes a .tar.gz with what a bug report needs, for this user alone (mode 0600), and says what is in it: state,\n" +
			"configuration, history, metrics, profiles, records of failures and of the slowest exchanges, and what the kernel says\n" +
			"of the process. Secrets of the configuration are masked; names of hosts, addresses and paths are not, unless --redact\n" +
			"hashes hosts and addresses, and cuts the paths of requests. It needs role write.",
		Example: "  isame-ctl support\n  isame-ctl support --redact -f report.tar.gz",
		RunE: func(c *cobra.Command, args []string) error {
			if a.all && f.file != "" {
				return usage(c, errors.New("--all writes a file for each instance: it takes no -f"))
			}
			return a.call(func(ctx context.Context, cl *client.Client, _ []string) error { return a.support(ctx, cl, &f) })(c, args)
		},
	}
	cmd.Flags().StringVarP(&f.file, "file", "f", "", "where to write it, a `FILE`; default: isame-support-HOST-TIME.tar.gz here")
	cmd.Flags().BoolVar(&f.force, "force", false, "replace a file that is there")
	cmd.Flags().BoolVar(&f.redact, "redact", false, "hash hosts and addresses, and cut the paths of requests")
	return cmd
}

// support fetches a bundle, looks whether it is whole, and writes it.
func (a *app) support(ctx context.Context, cl *client.Client, f *support) error {
	if f.file != "" && !f.force {
		if _, err := os.Lstat(f.file); err == nil {
			return fmt.Errorf("cannot write %q: %w: --force replaces it", f.file, os.ErrExist)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, max(supportWait, a.timeout))
	defer cancel()
	bundle, name, err := cl.Support(ctx, f.redact)
	if err != nil {
		return err
	}
	w := written{File: f.file, Bytes: len(bundle)}
	if w.File == "" {
		w.File = filepath.Base(name) // of this folder, whatever the answer says
	}
	if w.Files, err = filesOf(bundle); err != nil {
		return fmt.Errorf("cannot use the bundle, which came in part: %w", err)
	}
	if err := writeBundle(w.File, bundle, f.force); err != nil {
		return err
	}
	return a.print(w, func(s *screen) { showWritten(s, &w) })
}

// writeBundle writes a file for this user alone: whole or not at all.
func writeBundle(file string, bundle []byte, force bool) error {
	if force {
		fresh, err := store.Stage(file, bundle, 0o600)
		if err != nil {
			return fmt.Errorf("cannot write %q: %w", file, err)
		}
		return fresh.Commit()
	}
	out, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("cannot write %q: %w: --force replaces it", file, os.ErrExist)
	}
	if err != nil {
		return fmt.Errorf("cannot write the bundle: %w", err)
	}
	_, err = out.Write(bundle)
	if err = errors.Join(err, out.Close()); err != nil {
		return errors.Join(fmt.Errorf("cannot write the bundle: %w", err), os.Remove(file))
	}
	return nil
}

// filesOf are the files of a bundle, whose sums are right.
func filesOf(bundle []byte) ([]writtenFile, error) {
	zip, err := gzip.NewReader(bytes.NewReader(bundle))
	if err != nil {
		return nil, err //nolint:wrapcheck // the caller says what it is about
	}
	files, archive := []writtenFile{}, tar.NewReader(zip)
	for {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err //nolint:wrapcheck // likewise
		}
		_, name, _ := strings.Cut(path.Clean(h.Name), "/")
		files = append(files, writtenFile{Name: name, Bytes: h.Size})
	}
	_, err = io.Copy(io.Discard, io.LimitReader(zip, restBytesMax)) // the sum stands behind the archive
	return files, err
}

func showWritten(s *screen, w *written) {
	s.wholef("%s, %s bytes", w.File, count(w.Bytes))
	s.blank()
	t := table{columns: []column{{title: "FILE", min: 12}, {title: "BYTES", right: true, drop: 1}}}
	for i := range w.Files {
		t.row(c(w.Files[i].Name), c(count(w.Files[i].Bytes)))
	}
	t.draw(s, "it is empty")
	s.blank()
	s.paragraph("", "README.txt says what each file is. Look at what is in them before you pass the bundle on.")
}
