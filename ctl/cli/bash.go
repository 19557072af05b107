package cli

import (
	"bytes"
	_ "embed" // for bash.sh
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

// bashFunctions are what the script takes from the package bash-completion, for
// shells without it.
//
//go:embed bash.sh
var bashFunctions string

// bashCompletion writes a script that needs nothing but bash. Cobra's calls
// a function of the package bash-completion to put together what bash takes apart
// at ":" and "=".
func bashCompletion(root *cobra.Command, w io.Writer) error {
	var script bytes.Buffer
	if err := root.GenBashCompletionV2(&script, true); err != nil {
		return fmt.Errorf("cannot make the script: %w", err)
	}
	text := strings.NewReplacer(
		"_get_comp_words_by_ref \"$@\" cur prev words cword", "__isame-ctl_words",
		"declare -F _init_completion", "false",
	).Replace(script.String())
	_, err := io.WriteString(w, bashFunctions+text)
	return err
}
