package acme

import (
	"slices"

	"github.com/rs/zerolog"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// logCore writes what certmagic says about itself at level debug, with its own
// level beside it: what an operator must know of it is returned as an error too,
// and said once by the Keeper.
type logCore struct {
	log    zerolog.Logger
	fields []zapcore.Field
}

func newLogger(log zerolog.Logger) *zap.Logger { return zap.New(logCore{log: log}) }

// Enabled reports whether lines of the level are written.
func (c logCore) Enabled(zapcore.Level) bool { return c.log.GetLevel() <= zerolog.DebugLevel }

// With has more fields on every line.
func (c logCore) With(fields []zapcore.Field) zapcore.Core { //nolint:ireturn // as zap asks
	return logCore{log: c.log, fields: append(slices.Clip(c.fields), fields...)}
}

// Check adds c to those who write the line.
func (c logCore) Check(e zapcore.Entry, to *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if c.Enabled(e.Level) {
		return to.AddCore(e, c)
	}
	return to
}

// Write writes one line.
func (c logCore) Write(e zapcore.Entry, fields []zapcore.Field) error {
	values := zapcore.NewMapObjectEncoder()
	for _, list := range [][]zapcore.Field{c.fields, fields} {
		for i := range list {
			list[i].AddTo(values)
		}
	}
	c.log.Debug().Str("certmagic", e.LoggerName).Stringer("said_as", e.Level).Fields(values.Fields).Msg(e.Message)
	return nil
}

// Sync has nothing to do: lines are written at once.
func (c logCore) Sync() error { return nil }
