package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// fate learns from etcd's log how the server fares. There etcd announces, by way
// of a fatal entry, that it is about to end the process: on a full disk, say. A
// reflector must go on without its datastore, so that only the goroutine ends.
type fate struct {
	slog    *slog.Logger
	closing atomic.Bool   // errors are to be expected
	broken  chan struct{} // closed by the first fatal entry
	failed  chan error    // gets the first fatal entry
	onBreak func()        // called once, when it is written
	once    sync.Once
}

func newFate(logger *slog.Logger, onBreak func()) *fate {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	return &fate{
		slog:    logger.With("component", "etcd"),
		broken:  make(chan struct{}),
		failed:  make(chan error, 1),
		onBreak: onBreak,
	}
}

func (f *fate) logger() *zap.Logger {
	return zap.New(core{f, f.slog}, zap.WithFatalHook(f), zap.WithPanicHook(f))
}

// OnWrite ends the goroutine that wrote a fatal entry.
func (f *fate) OnWrite(entry *zapcore.CheckedEntry, fields []zapcore.Field) {
	f.once.Do(func() {
		err := errors.New(entry.Message)
		for _, field := range fields {
			if cause, ok := field.Interface.(error); ok {
				err = fmt.Errorf("%w: %w", err, cause)
			}
		}
		f.failed <- err
		close(f.broken)
		go f.onBreak()
	})
	runtime.Goexit()
}

// core hands etcd's log entries to slog.
type core struct {
	fate *fate
	slog *slog.Logger
}

// chosen are warnings about what this package sets up on purpose.
var chosen = map[string]bool{
	"Running http and grpc server on single port. This is not recommended for production.": true,
	"simple token is not cryptographically signed":                                         true,
}

// level moves etcd's information down, a line per request and compaction being
// news to its developers only, and what it says about its own end.
func (c core) level(entry zapcore.Entry) slog.Level {
	switch {
	case entry.Level <= zapcore.InfoLevel, c.fate.closing.Load(), chosen[entry.Message]:
		return slog.LevelDebug
	case entry.Level == zapcore.WarnLevel:
		return slog.LevelWarn
	}
	return slog.LevelError
}

// Enabled says whether anybody wants entries of the level.
func (c core) Enabled(level zapcore.Level) bool {
	return c.slog.Enabled(context.Background(), c.level(zapcore.Entry{Level: level}))
}

// With adds fields to every entry.
func (c core) With(fields []zapcore.Field) zapcore.Core {
	return core{c.fate, c.slog.With(attributes(fields)...)}
}

// Check adds this core to those that write the entry.
func (c core) Check(entry zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if c.Enabled(entry.Level) {
		return checked.AddCore(entry, c)
	}
	return checked
}

// Write writes an entry.
func (c core) Write(entry zapcore.Entry, fields []zapcore.Field) error {
	c.slog.Log(context.Background(), c.level(entry), entry.Message, attributes(fields)...)
	return nil
}

// Sync has nothing to do: slog does not buffer.
func (c core) Sync() error { return nil }

func attributes(fields []zapcore.Field) []any {
	encoder := zapcore.NewMapObjectEncoder()
	var out []any
	for _, field := range fields {
		field.AddTo(encoder)
		if value, ok := encoder.Fields[field.Key]; ok {
			out = append(out, slog.Any(field.Key, value))
		}
	}
	return out
}
