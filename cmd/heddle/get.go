package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"heddle/topology"
	"heddle/topology/etcd"
	"heddle/topology/manifest"
)

func getCommand() *cobra.Command {
	var o etcdClient
	format := "yaml"
	cmd := &cobra.Command{
		Use:   "get [KIND [NAME]]",
		Short: "Print fabric objects from etcd",
		Long: "Print one object, all of a kind, or, without a kind, everything there is. Either format is what `heddle apply` takes:\n" +
			"`heddle get` is a backup of the fabric and `heddle apply -f` its restoration.",
		Example:           "  heddle get nodes\n  heddle get workload h1/web1 -o json\n  heddle get > fabric.yaml",
		Args:              cobra.MaximumNArgs(2),
		ValidArgsFunction: completeKinds,
		RunE: func(cmd *cobra.Command, args []string) error {
			write, err := objectWriter(format)
			if err != nil {
				return err
			}
			return o.with(cmd.Context(), 0, func(ctx context.Context, c *etcd.Client) error {
				objects, unreadable, err := fetch(ctx, c, args)
				if err != nil {
					return err
				}
				if err := write(cmd.OutOrStdout(), objects); err != nil {
					return err
				}
				return unreadable.err()
			})
		},
	}
	cmd.Flags().StringVarP(&format, "output", "o", format, "`FORMAT`: yaml or json")
	o.clientFlags(cmd.Flags())
	return cmd
}

// fetch reads what the arguments name. Values that can't be read are told beside
// the others: whoever makes a backup must know that it is not whole.
func fetch(ctx context.Context, c *etcd.Client, args []string) (objects []topology.Object, unreadable faults, err error) {
	if len(args) == 0 {
		for _, kind := range topology.Kinds {
			some, problems, err := c.List(ctx, kind)
			if err != nil {
				return nil, nil, err
			}
			objects = append(objects, some...)
			unreadable = append(unreadable, texts(problems)...)
		}
		return objects, unreadable, nil
	}
	kind, err := topology.ParseKind(args[0])
	if err != nil {
		return nil, nil, err
	}
	if len(args) == 2 || kind == topology.KindSettings {
		key := topology.Key{Kind: kind, Name: strings.Join(args[1:], "")}
		object, err := c.Get(ctx, key)
		return []topology.Object{object}, nil, err
	}
	objects, problems, err := c.List(ctx, kind)
	return objects, texts(problems), err
}

func texts(problems []topology.Problem) faults {
	var list faults
	for _, p := range problems {
		list = append(list, p.String())
	}
	return list
}

func objectWriter(format string) (func(io.Writer, []topology.Object) error, error) {
	switch format {
	case "yaml":
		return writeYAML, nil
	case "json":
		return writeJSON, nil
	}
	return nil, fmt.Errorf("-o %s: want yaml or json", format)
}

func writeYAML(w io.Writer, objects []topology.Object) error {
	text, err := manifest.Format(objects)
	if err != nil {
		return err
	}
	_, err = w.Write(text)
	return err
}

// writeJSON writes an array with kind and name beside the fields of each value, in
// the form manifest.Parse reads: JSON is YAML.
func writeJSON(w io.Writer, objects []topology.Object) error {
	var out bytes.Buffer
	out.WriteString("[")
	for i, object := range objects {
		if i > 0 {
			out.WriteString(",")
		}
		key := object.Key()
		head := [][2]string{{"kind", key.Kind.String()}}
		switch node, name, inside := strings.Cut(key.Name, "/"); {
		case inside:
			head = append(head, [2]string{"node", node}, [2]string{"name", name})
		case key.Name != "":
			head = append(head, [2]string{"name", key.Name})
		}
		_, value := topology.Encode(object)
		out.Write(prefixed(head, value))
	}
	out.WriteString("]")
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, out.Bytes(), "", "  "); err != nil {
		return err
	}
	pretty.WriteByte('\n')
	_, err := pretty.WriteTo(w)
	return err
}

// prefixed puts fields before those of a JSON object.
func prefixed(head [][2]string, object []byte) []byte {
	out := []byte("{")
	for _, field := range head {
		value, _ := json.Marshal(field[1]) // a string has no way to fail
		out = append(append(append(out, `"`+field[0]+`":`...), value...), ',')
	}
	rest := object[1:]
	if slices.Equal(rest, []byte("}")) {
		out = out[:len(out)-1]
	}
	return append(out, rest...)
}

// completeKinds offers the kinds as the first argument.
func completeKinds(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var kinds []string
	for _, kind := range topology.Kinds {
		kinds = append(kinds, kind.String())
	}
	return kinds, cobra.ShellCompDirectiveNoFileComp
}
