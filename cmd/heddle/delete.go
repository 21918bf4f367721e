package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"heddle/topology"
	"heddle/topology/etcd"
)

func deleteCommand() *cobra.Command {
	var o etcdClient
	var files []string
	cmd := &cobra.Command{
		Use:   "delete KIND NAME... | -f FILE...",
		Short: "Delete fabric objects from etcd",
		Long: "Delete fabric objects from etcd. Reflectors and agents act on it at once, unless so much would be gone that it looks like a\n" +
			"mistake: then they go on as before until `heddle accept`.",
		Example:           "  heddle delete node h7\n  heddle delete workload h1/web1 h1/web2\n  heddle delete -f old.yaml",
		ValidArgsFunction: completeKinds,
		RunE: func(cmd *cobra.Command, args []string) error {
			keys, err := keysOf(cmd, args, files)
			if err != nil {
				return fmt.Errorf("nothing deleted: %w", err)
			}
			return o.with(cmd.Context(), len(keys), func(ctx context.Context, c *etcd.Client) error { return deleteAll(ctx, cmd, c, keys) })
		},
	}
	filesFlag(cmd, &files)
	o.clientFlags(cmd.Flags())
	return cmd
}

// keysOf are the objects named by arguments or files.
func keysOf(cmd *cobra.Command, args, files []string) ([]topology.Key, error) {
	var keys []topology.Key
	switch {
	case len(files) > 0 && len(args) > 0:
		return nil, errors.New("give names or files, not both")
	case len(files) > 0:
		objects, err := readObjects(cmd.InOrStdin(), files)
		for _, object := range objects {
			keys = append(keys, object.Key())
		}
		return keys, err
	case len(args) == 0:
		return nil, errors.New("say what: a kind and names, such as `node h7`, or -f FILE")
	}
	kind, err := topology.ParseKind(args[0])
	if err != nil {
		return nil, err
	}
	if kind == topology.KindSettings && len(args) == 1 {
		return []topology.Key{{Kind: kind}}, nil
	}
	if len(args) == 1 {
		return nil, fmt.Errorf("name the %s: all of a kind are not deleted at once", kind)
	}
	for _, name := range args[1:] {
		key := topology.Key{Kind: kind, Name: name}
		if err := key.Check(); err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return keys, nil
}

func deleteAll(ctx context.Context, cmd *cobra.Command, c *etcd.Client, keys []topology.Key) error {
	loss, err := lossOf(ctx, c, keys)
	if err != nil {
		return err
	}
	deleted, err := c.Delete(ctx, keys, loss == "")
	for _, key := range deleted {
		fmt.Fprintln(cmd.OutOrStdout(), "deleted", key)
	}
	if loss != "" && len(deleted) > 0 {
		fmt.Fprintf(cmd.ErrOrStderr(), "%s: reflectors and agents go on as before until `heddle accept`\n", loss)
	}
	if err != nil {
		return err
	}
	var missing []error
	for _, key := range keys {
		if !slices.Contains(deleted, key) {
			missing = append(missing, fmt.Errorf("%s %w", key, etcd.ErrNotFound))
		}
	}
	return errors.Join(missing...)
}

// lossOf says whether so much would be gone that a person should be asked twice.
func lossOf(ctx context.Context, c *etcd.Client, keys []topology.Key) (string, error) {
	fabric, err := c.Snapshot(ctx)
	if err != nil {
		return "", err
	}
	return fabric.Loss(keys), nil
}
