package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"heddle/internal/api"
	"heddle/internal/command"
	"heddle/topology"
	"heddle/topology/etcd"
)

// verdict is what accept and reject share: the reflector that says what is withheld, and
// the etcd that the verdict is written to.
type verdict struct {
	etcdClient
	reflector command.Client
}

func acceptCommand() *cobra.Command {
	return verdictCommand((*verdict).accept, "accept", "Let a frozen mass deletion through",
		"Say that all that was deleted from etcd so far was meant to be. Reflectors and agents withhold a deletion that may be one of\n"+
			"many, and all of them if they are too many, if the settings are gone, or if etcd went back in time: `heddle show withheld`.")
}

func rejectCommand() *cobra.Command {
	return verdictCommand((*verdict).reject, "reject", "Write back to etcd what was deleted and is withheld",
		"Write back to etcd what a reflector still has in force and etcd has not, or has otherwise since it went back in time, and\n"+
			"delete what came back there that the reflector keeps out. See `heddle show withheld`.")
}

func verdictCommand(run func(*verdict, *cobra.Command) error, use, short, long string) *cobra.Command {
	v := &verdict{reflector: command.Client{Daemon: "reflector"}}
	cmd := &cobra.Command{
		Use: use, Short: short, Long: long, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return run(v, cmd) },
	}
	v.clientFlags(cmd.Flags())
	cmd.Flags().StringVar(&v.reflector.Address, "http", "127.0.0.1:8179", "`ADDR:PORT` of the reflector's --http")
	return cmd
}

// withheld asks the reflector.
func (v *verdict) withheld(ctx context.Context) (list []api.Withheld, err error) {
	body, err := v.reflector.Get(ctx, "withheld", nil)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	err = command.Each(body, func(w api.Withheld) { list = append(list, w) })
	return list, err
}

// accept needs no reflector: what it says is only for the person to read. Agents may
// withhold what it does not.
func (v *verdict) accept(cmd *cobra.Command) error {
	list, unknown := v.withheld(cmd.Context())
	if err := v.with(cmd.Context(), 1, func(ctx context.Context, c *etcd.Client) error { return c.Accept(ctx) }); err != nil {
		return err
	}
	for _, w := range list {
		fmt.Fprintln(cmd.OutOrStdout(), "accepted:", w.Object, "is", w.Change)
	}
	switch {
	case unknown != nil:
		fmt.Fprintf(cmd.OutOrStdout(), "accepted all that is gone (no list of it: %v)\n", unknown)
	case len(list) == 0:
		fmt.Fprintln(cmd.OutOrStdout(), "the reflector withholds nothing; accepted for all others")
	}
	return nil
}

func (v *verdict) reject(cmd *cobra.Command) error {
	list, err := v.withheld(cmd.Context())
	if err != nil {
		return err
	}
	if len(list) == 0 {
		fmt.Fprintln(cmd.OutOrStdout(), "nothing is withheld")
		return nil
	}
	var objects []topology.Object
	var added []topology.Key
	for _, w := range list {
		object, err := objectOf(w)
		if err != nil {
			return err
		}
		if w.Change == "added" {
			added = append(added, object.Key())
		} else {
			objects = append(objects, object)
		}
	}
	return v.with(cmd.Context(), len(list), func(ctx context.Context, c *etcd.Client) error {
		// What came back first: it may have the number of a tag that is written back.
		deleted, err := c.Delete(ctx, added, false)
		for _, key := range deleted {
			fmt.Fprintln(cmd.OutOrStdout(), "deleted", key)
		}
		if err != nil {
			return err
		}
		results, err := c.Apply(ctx, objects)
		for _, r := range results {
			fmt.Fprintln(cmd.OutOrStdout(), r.Outcome, r.Object.Key())
		}
		return err
	})
}

func objectOf(w api.Withheld) (topology.Object, error) {
	key, err := topology.ParseKey(w.Path)
	if err != nil {
		return nil, err
	}
	object, faults := topology.Decode(key, w.Value)
	if object == nil {
		return nil, errors.New(w.Object + ": " + faults[0].String())
	}
	return object, nil
}

func showWithheld(w io.Writer, body io.Reader) error {
	var rows [][]string
	now := time.Now()
	err := command.Each(body, func(x api.Withheld) {
		until := "you decide"
		if x.Until != nil {
			until = "in " + command.Span(x.Until.Sub(now))
		}
		rows = append(rows, []string{x.Object, x.Change, command.Span(now.Sub(x.Since)) + " ago", until, x.Reason})
	})
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		_, err := fmt.Fprintln(w, "nothing is withheld: the inventory in force is etcd's")
		return err
	}
	return command.WriteTable(w, []string{"OBJECT", "IN ETCD", "SINCE", "CARRIED OUT", "REASON"}, rows)
}
