package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"heddle/internal/command"
	"heddle/topology"
	"heddle/topology/etcd"
	"heddle/topology/manifest"
)

// etcdDefault is where the embedded etcd of a reflector on this machine answers.
const etcdDefault = "http://127.0.0.1:2379"

// etcdClient is the flags of commands that need an etcd that is there.
type etcdClient struct{ command.Etcd }

// clientFlags declares them.
func (o *etcdClient) clientFlags(f *pflag.FlagSet) {
	o.Flags(f, "")
	o.Endpoints = []string{etcdDefault}
	flag := f.Lookup("etcd")
	flag.Usage, flag.DefValue = "etcd URLs", "["+etcdDefault+"]"
}

// etcdPatience is how long one of these commands may take: with etcd at hand it is
// done in milliseconds. A whole fabric that is written takes more: each object may take
// etcdPatienceEach.
const (
	etcdPatience     = 10 * time.Second
	etcdPatienceEach = 10 * time.Millisecond
)

// with has f use the datastore, to write so many objects.
func (o *etcdClient) with(ctx context.Context, writes int, f func(context.Context, *etcd.Client) error) error {
	if o.Off() {
		return fmt.Errorf("--etcd off: this command needs etcd; give its URL, such as %s", etcdDefault)
	}
	c, err := o.Open(slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(ctx, etcdPatience+time.Duration(writes)*etcdPatienceEach)
	defer cancel()
	return f(ctx, c)
}

// filesFlag declares -f.
func filesFlag(cmd *cobra.Command, files *[]string) {
	cmd.Flags().StringArrayVarP(files, "file", "f", nil, "`FILE` of fabric objects, or - for standard input; may be repeated")
}

// onlyFiles refuses arguments: files are given with -f.
func onlyFiles(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%q: files are given with -f, as in `%s -f %s`", args[0], cmd.CommandPath(), args[0])
	}
	return nil
}

// readObjects reads files of fabric objects. The error lists the faults of all.
func readObjects(stdin io.Reader, files []string) ([]topology.Object, error) {
	var objects []topology.Object
	var faults faults
	from := map[topology.Key]string{}
	for _, file := range files {
		name, data, err := readFile(stdin, file)
		if err != nil {
			return nil, err
		}
		some, err := manifest.Parse(name, data)
		faults.add(err)
		for _, object := range some {
			if first, twice := from[object.Key()]; twice {
				faults.add(fmt.Errorf("%s: %s stands in %s, too: delete one", name, object.Key(), first))
				continue
			}
			from[object.Key()] = name
			objects = append(objects, object)
		}
	}
	return objects, faults.err()
}

func readFile(stdin io.Reader, file string) (name string, data []byte, err error) {
	if file == "-" {
		data, err = io.ReadAll(stdin)
		return "stdin", data, err
	}
	data, err = os.ReadFile(file)
	return file, data, err
}

// faults gathers errors, each of which may be several lines.
type faults []string

func (f *faults) add(err error) {
	if err != nil {
		*f = append(*f, strings.Split(err.Error(), "\n")...)
	}
}

// err begins with a line of its own, so that FILE:LINE:COLUMN begins one, too.
func (f faults) err() error {
	if len(f) == 0 {
		return nil
	}
	return fmt.Errorf("%s\n%s", several(len(f), "fault"), strings.Join(f, "\n"))
}

func several(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
