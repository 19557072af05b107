package engine

import (
	"fmt"

	"github.com/rs/zerolog"
)

// serverLogger is where fasthttp's server writes: accept and worker trouble.
type serverLogger struct{ log zerolog.Logger }

// Printf implements fasthttp.Logger.
func (l serverLogger) Printf(format string, args ...any) {
	l.log.Warn().Msg(fmt.Sprintf(format, args...))
}
