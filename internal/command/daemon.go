package command

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/spf13/pflag"

	"heddle/internal/config"
)

// Load reads a configuration file, if one is named, into the flags that the command
// line did not set.
func Load(file string, f *pflag.FlagSet) error {
	if file == "" {
		return nil
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	given := map[string]bool{}
	f.Visit(func(flag *pflag.Flag) { given[flag.Name] = true })
	return config.Apply(file, data, &fileFlags{f, given})
}

// fileFlags lets a file set the flags of a command.
type fileFlags struct {
	set   *pflag.FlagSet
	given map[string]bool
}

func (f *fileFlags) Known(name string) bool {
	return f.set.Lookup(name) != nil && name != "config" && name != "help"
}

func (f *fileFlags) List(name string) bool {
	_, slice := f.set.Lookup(name).Value.(pflag.SliceValue)
	return slice
}

func (f *fileFlags) Given(name string) bool       { return f.given[name] }
func (f *fileFlags) Set(name, value string) error { return f.set.Set(name, value) }

// Logger writes to standard error: text on a terminal's side of the world, which is
// where journald reads, too.
func Logger(level string) (*slog.Logger, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, fmt.Errorf("log level %q: want debug, info, warn or error", level)
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: l})), nil
}

// IgnoreCanceled is err, unless it says that we were told to stop.
func IgnoreCanceled(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}
