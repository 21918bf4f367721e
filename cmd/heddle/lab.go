package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"heddle/lab/containerlab"
	"heddle/lab/runner"
)

// labOptions are the flags that all commands of a lab share.
type labOptions struct{ file, name string }

func (o *labOptions) flags(f *pflag.FlagSet) {
	f.StringVarP(&o.file, "topo", "t", runner.DefaultFile, "topology `FILE`, in containerlab's language")
	f.StringVar(&o.name, "name", "", "name of the lab (default: the file's)")
}

// lab finds the one that is meant.
func (o *labOptions) lab() (*runner.Lab, error) {
	name, err := o.named()
	if err != nil {
		return nil, err
	}
	return runner.Open(name)
}

func (o *labOptions) named() (string, error) {
	if o.name != "" {
		return o.name, nil
	}
	data, err := os.ReadFile(o.file)
	if err != nil {
		return "", fmt.Errorf("%w: give -t FILE or --name NAME", err)
	}
	topology, err := containerlab.Parse(o.file, data)
	if err != nil {
		return "", err
	}
	return topology.Name, nil
}

func labCommand() *cobra.Command {
	var o labOptions
	cmd := &cobra.Command{
		Use:   "lab",
		Short: "Run a topology of containerlab on this machine, without containers",
		Long: "Run a topology of containerlab on this machine, without containers: each node is namespaces of its own, with this machine's\n" +
			"programs and the files that the topology shows it. As root, or as any user who may have user namespaces. What heddle lab\n" +
			"does not understand of containerlab's language it refuses by name.",
		Example: "  heddle lab up\n  heddle lab status\n  heddle lab exec tor1 vtysh\n  heddle lab down",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	o.flags(cmd.PersistentFlags())
	cmd.AddCommand(
		labUp(&o), labWait(&o), labDown(&o), labStatus(&o), labExec(&o), labLogs(&o), labProbe(&o), labTest(&o),
		labNode(&o, "start", "Start a node that has ended", (*runner.Lab).Start),
		labNode(&o, "stop", "Ask a node's command to end, and wait until it has; who does not heed SIGTERM is killed", (*runner.Lab).Stop),
		labNode(&o, "kill", "End all processes of a node at once; its cables stay", (*runner.Lab).Kill),
		labNode(&o, "cut", "Take the power from a node: nobody hears a word of it; start boots it", (*runner.Lab).Cut),
		labHidden(runner.NodeCommand, runner.Birth), labHidden(runner.SuperviseCommand, supervise),
	)
	return cmd
}

// labHidden is a command that heddle lab itself runs.
func labHidden(name string, run func(string) error) *cobra.Command {
	return &cobra.Command{
		Use: name, Hidden: true, Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return run(args[0]) },
	}
}

func supervise(told string) error {
	// Who presses ^C in the terminal that a lab was started from does not mean the lab.
	signal.Ignore(os.Interrupt, syscall.SIGHUP)
	var order runner.Order
	if err := json.Unmarshal([]byte(told), &order); err != nil {
		return err
	}
	return runner.Supervise(order)
}

func labUp(o *labOptions) *cobra.Command {
	var deadline time.Duration
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Start the lab and wait until it is ready",
		Long: "Start the lab and wait until it is ready: every node runs and is configured, every session of a reflector is Established,\n" +
			"every live workload of the inventory is announced by its host, every agent is in sync, and the healthchecks of the file pass.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			program, err := os.Executable()
			if err != nil {
				return err
			}
			name, err := o.named()
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeoutCause(cmd.Context(), deadline, fmt.Errorf("gave up after %s", deadline))
			defer cancel()
			began := time.Now()
			lab, err := runner.Up(ctx, runner.Options{File: o.file, Name: name, Program: program})
			if err != nil {
				return err
			}
			err = lab.Ready(ctx, labProgress(cmd.ErrOrStderr()))
			switch {
			case errors.Is(err, runner.ErrGone):
				return err
			case err == nil:
				fmt.Fprintf(cmd.OutOrStdout(), "lab %s is ready after %.1f s\n", name, time.Since(began).Seconds())
				return nil
			case errors.Is(err, runner.ErrNotReady) && cmd.Context().Err() == nil:
				hint := func(words ...string) string { return runner.Hint(name, words...) }
				return fmt.Errorf("%w\nit runs still: %s, %s, %s", err, hint("status"), hint("logs", "NODE"), hint("down"))
			}
			return errors.Join(err, runner.Down(name))
		},
	}
	cmd.Flags().DurationVar(&deadline, "deadline", 2*time.Minute, "give up waiting after this time")
	return cmd
}

func labWait(o *labOptions) *cobra.Command {
	var deadline time.Duration
	cmd := &cobra.Command{
		Use: "wait", Short: "Wait until the lab is ready, as up does", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			lab, err := o.lab()
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeoutCause(cmd.Context(), deadline, fmt.Errorf("gave up after %s", deadline))
			defer cancel()
			return lab.Ready(ctx, labProgress(cmd.ErrOrStderr()))
		},
	}
	cmd.Flags().DurationVar(&deadline, "deadline", 2*time.Minute, "give up waiting after this time")
	return cmd
}

// labProgress tells what is being done, and how much is missing, whenever that changes.
func labProgress(w io.Writer) func(runner.Status) {
	last := ""
	return func(s runner.Status) {
		line := s.Phase
		if line == "" && len(s.Missing) > 0 {
			first, _, _ := strings.Cut(s.Missing[0], "\n")
			line = fmt.Sprintf("waiting for %d: %.90s", len(s.Missing), first)
		}
		if line != "" && line != last {
			fmt.Fprintln(w, line)
		}
		last = line
	}
}

func labDown(o *labOptions) *cobra.Command {
	return &cobra.Command{
		Use: "down", Short: "End the lab, and leave nothing", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			name, err := o.named()
			if err != nil {
				return err
			}
			return runner.Down(name)
		},
	}
}

func labNode(o *labOptions, verb, short string, do func(*runner.Lab, context.Context, string) error) *cobra.Command {
	return &cobra.Command{
		Use: verb + " NODE", Short: short, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			lab, err := o.lab()
			if err != nil {
				return err
			}
			if err := do(lab, cmd.Context(), args[0]); err != nil {
				return err
			}
			s, err := lab.Status(cmd.Context(), false)
			for _, n := range s.Nodes {
				if n.Name == args[0] && n.Process == 0 {
					fmt.Fprintf(cmd.OutOrStdout(), "%s has ended: %s\n", n.Name, n.Ended)
				}
			}
			return err
		},
	}
}

func labExec(o *labOptions) *cobra.Command {
	cmd := &cobra.Command{
		Use: "exec NODE COMMAND [ARGUMENT...]", Short: "Run a command in a node", Args: cobra.MinimumNArgs(2),
		Example: "  heddle lab exec tor1 vtysh -c 'show bgp ipv4 unicast'\n  heddle lab exec host11 heddle-agent show workloads",
		RunE: func(cmd *cobra.Command, args []string) error {
			lab, err := o.lab()
			if err != nil {
				return err
			}
			command, err := after(args, 1)
			if err != nil {
				return err
			}
			c, err := lab.Command(cmd.Context(), args[0], command...)
			if err != nil {
				return err
			}
			// In place of ourselves: the terminal, its signals and the exit status are the
			// command's.
			return syscall.Exec(c.Path, c.Args, c.Env)
		},
	}
	cmd.Flags().SetInterspersed(false)
	return cmd
}

// after gives the command that follows so many arguments, with or without -- before it.
func after(args []string, count int) ([]string, error) {
	command := args[count:]
	if len(command) > 0 && command[0] == "--" {
		command = command[1:]
	}
	if len(command) == 0 {
		return nil, errors.New("there is no command: write it after " + strings.Join(args[:count], " "))
	}
	return command, nil
}

func labLogs(o *labOptions) *cobra.Command {
	return &cobra.Command{
		Use: "logs NODE", Short: "Show what a node has said", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			lab, err := o.lab()
			if err != nil {
				return err
			}
			log, err := lab.Log(args[0])
			if err != nil {
				return err
			}
			_, err = cmd.OutOrStdout().Write(log)
			return err
		},
	}
}
