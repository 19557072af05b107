package ledger

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/ctl/api"
)

// refusal is a problem document with its code.
func refusal(status int, code api.Code, format string, args ...any) *api.Problem {
	return api.NewProblem(status, fmt.Sprintf(format, args...)).WithCode(code)
}

// Answers that are the same each time.
var (
	errBusy error = refusal(http.StatusConflict, api.CodeBusy, "another change of the configuration is under way: try again")

	errUnfinished error = refusal(http.StatusInternalServerError, api.CodeInternal, "internal error, see the log")

	errNeeded error = refusal(http.StatusPreconditionRequired, api.CodePreconditionNeeded,
		"a change needs If-Match with the ETag of what it was made for (GET shows it), or If-Match: * to overwrite whatever is there, "+
			"or If-None-Match: * to create only")
)

// stale says what runs in place of what a change was made for.
func stale(now *running, etag string) *api.Problem {
	p := refusal(http.StatusPreconditionFailed, api.CodeStaleETag, "the configuration is not the one this change was made for: "+
		"generation %d of %s runs; read it again, and repeat the change", now.generation, now.author.Name)
	p.Current = &api.Current{ETag: etag, Generation: now.generation, Author: now.author.Name}
	return p
}

// inTheWay says what has to be confirmed first.
func inTheWay(t *trial) *api.Problem {
	p := refusal(http.StatusConflict, api.CodeConfirmPending, "generation %d of %s waits for its confirmation until %s: "+
		"confirm it, roll it back, or replace it with replace=1", t.generation, t.author.Name, t.before.UTC().Format(time.RFC3339))
	p.Pending = t.pending()
	return p
}

// notWritable says why the configuration file, or state.dir, cannot be written.
func notWritable(format string, args ...any) *api.Problem {
	return refusal(http.StatusConflict, api.CodeNotWritable, format, args...)
}

// inUse names who refers to an object.
func inUse(path string, referrers []string) *api.Problem {
	p := refusal(http.StatusConflict, api.CodeInUse, "%s is in use: %s", path, strings.Join(referrers, ", "))
	p.Referrers = referrers
	return p
}

// invalid is 422 with every problem.
func invalid(detail string, problems config.Problems) *api.Problem {
	p := refusal(http.StatusUnprocessableEntity, api.CodeInvalid, "%s", detail)
	for _, one := range problems {
		p.Errors = append(p.Errors, api.ConfigProblem{Text: one.String(), Path: one.Path, Message: one.Message, Warning: one.Warning})
	}
	return p
}

// reasonOf is the first line of why something was refused.
func reasonOf(err error) string {
	if problems, ok := errors.AsType[config.Problems](err); ok && len(problems) > 0 {
		return problems[0].String()
	}
	text, _, _ := strings.Cut(err.Error(), "\n")
	return text
}
