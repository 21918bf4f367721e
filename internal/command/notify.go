package command

import (
	"context"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// Ready tells systemd, if it started us, that we do what we are for.
func Ready() { _, _ = daemon.SdNotify(false, daemon.SdNotifyReady) }

// Stopping tells it that we are about to end.
func Stopping() { _, _ = daemon.SdNotify(false, daemon.SdNotifyStopping) }

// Watchdog tells it, as often as it asks for, that we are alive, until the context ends
// or alive says no: then it starts us anew.
func Watchdog(ctx context.Context, alive func(context.Context) error) error {
	interval, err := daemon.SdWatchdogEnabled(false)
	if err != nil || interval == 0 {
		return nil
	}
	t := time.NewTicker(interval / 3)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
		if patience, cancel := context.WithTimeout(ctx, interval); alive(patience) == nil {
			cancel()
			_, _ = daemon.SdNotify(false, daemon.SdNotifyWatchdog)
		} else {
			cancel()
		}
	}
}
