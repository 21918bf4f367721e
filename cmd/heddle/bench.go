package main

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/sys/unix"

	"heddle/bgp"
	"heddle/internal/command"
	"heddle/lab/bench"
)

func benchCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure a route reflector: heddle, BIRD, FRR, GoBGP or any other",
		Long: "Be many iBGP clients of a route reflector at once, give it work, verify what every client hears, and say what it cost.\n" +
			"Unless --target names one that runs, the reflector is started in a network namespace of its own, which needs root.\n" +
			"Clients have addresses in 127.1.0.0/16; their router IDs are their addresses.",
		Example: "  heddle bench load --clients 1000 --routes 500\n" +
			"  heddle bench load --clients 100 --routes 1000 --start heddle,frr,bird,hub\n" +
			"  heddle bench latency --target 127.0.0.1:1179 --target-pid 4711 -o json",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	for _, s := range bench.Scenarios() {
		cmd.AddCommand(benchScenario(s))
	}
	cmd.AddCommand(benchSuite(), benchHub())
	return cmd
}

// benchOptions are the flags of a scenario.
type benchOptions struct {
	config bench.Config
	start  []string
	target string
	repeat int
	format string
}

func benchScenario(s bench.Scenario) *cobra.Command {
	o := &benchOptions{config: s.Usual}
	o.config.Scenario = s.Name
	cmd := &cobra.Command{
		Use: s.Name, Short: s.Short, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.complete(); err != nil {
				return err
			}
			return o.run(cmd)
		},
	}
	o.flags(cmd.Flags())
	return cmd
}

// flags declares those that mean something to the scenario.
func (o *benchOptions) flags(f *pflag.FlagSet) {
	c := &o.config
	f.StringSliceVar(&o.start, "start", nil, "start these `SPEAKERS`, one after the other: "+bench.SpeakerNames()+" (default heddle)")
	f.StringVar(&o.target, "target", "", "measure the speaker at this `ADDR[:PORT]`, which admits 127.1.0.0/16 as clients")
	f.IntVar(&c.TargetPID, "target-pid", 0, "report time and memory of this process")
	c.ASN = defaultASN
	f.Var(&command.One[bgp.ASN]{Value: &c.ASN, Parse: bgp.ParseASN, Name: "AS"}, "asn", "AS number of reflector and clients")
	f.IntVar(&c.Clients, "clients", c.Clients, "clients")
	f.IntVar(&c.Feeders, "feeders", c.Feeders, "clients that announce routes (default: all)")
	f.IntVar(&c.Routes, "routes", c.Routes, "routes of each feeder")
	f.IntVar(&c.Groups, "groups", 1, "attribute sets of each feeder, told apart by a community")
	f.BoolVar(&c.Backup, "backup", false, "each feeder announces the routes of its neighbour, too, as second best")
	f.BoolVar(&c.IPv6, "ipv6", false, "IPv6 routes instead of IPv4")
	f.DurationVar(&c.Deadline, "deadline", 2*time.Minute, "give up a phase after this time")
	f.IntVar(&o.repeat, "repeat", 1, "play this often")
	f.StringVarP(&o.format, "output", "o", "table", "`FORMAT`: table or json")
	for _, own := range []struct {
		value *int
		name  string
		usage string
	}{
		{&c.Joiners, "joiners", "clients that come late"},
		{&c.Stalled, "stalled", "clients that do not read"},
		{&c.Strangers, "strangers", "connects a second from addresses that are no client's"},
		{&c.Silent, "silent", "connections from addresses that are admitted, which say nothing"},
		{&c.Changes, "changes", "changes to measure"},
		{&c.Moves, "moves", "routes that move; in a soak, at most so many at a time"},
	} {
		if *own.value > 0 {
			f.IntVar(own.value, own.name, *own.value, own.usage)
		}
	}
	if c.Stalled > 0 {
		f.BoolVar(&c.Closed, "closed", false, "wait until the send hold timer has closed the stalled sessions: 8 minutes")
	}
	if c.Duration > 0 {
		f.DurationVar(&c.Duration, "duration", c.Duration, "how long")
	}
}

// complete checks what flags can't.
func (o *benchOptions) complete() error {
	if o.format != "table" && o.format != "json" {
		return fmt.Errorf("-o %s: want table or json", o.format)
	}
	if o.target != "" {
		if len(o.start) > 0 {
			return errors.New("--start and --target exclude each other")
		}
		address, err := command.ParseListen(o.target)
		if err != nil {
			return err
		}
		o.config.Target = address
		o.start = []string{""}
		return nil
	}
	if len(o.start) == 0 {
		o.start = []string{"heddle"}
	}
	program, err := os.Executable()
	o.config.Program = program
	return err
}

// run plays the scenario with each speaker and prints what came of it.
func (o *benchOptions) run(cmd *cobra.Command) error {
	bar := newBar(cmd.ErrOrStderr())
	var reports []*bench.Report
	for range o.repeat {
		for _, speaker := range o.start {
			c := o.config
			c.Start = speaker
			c.Progress = bar.progress(speaker)
			report, err := bench.Run(cmd.Context(), c)
			bar.clear()
			if err != nil {
				return err
			}
			reports = append(reports, report)
		}
	}
	if o.format == "json" {
		return bench.PrintJSON(cmd.OutOrStdout(), reports)
	}
	return bench.PrintTable(cmd.OutOrStdout(), reports)
}

func benchHub() *cobra.Command {
	asn, listen := bgp.ASN(defaultASN), netip.MustParseAddrPort("127.0.0.1:179")
	cmd := &cobra.Command{
		Use:   "hub",
		Short: "Be a hub: copy what each client says to all others, with no table and no decision",
		Long: "Be a hub: hold sessions and copy the UPDATEs of each client to all others, as octets. It keeps no table and decides\n" +
			"nothing, so it is the floor for what a reflector can cost; clients that join late hear nothing.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return bench.Hub(cmd.Context(), listen, asn) },
	}
	f := cmd.Flags()
	f.Var(&command.One[netip.AddrPort]{Value: &listen, Parse: command.ParseListen, Name: "ADDR:PORT"}, "listen", "address and port to listen on")
	f.Var(&command.One[bgp.ASN]{Value: &asn, Parse: bgp.ParseASN, Name: "AS"}, "asn", "AS number of hub and clients")
	return cmd
}

// bar shows progress, on a terminal only.
type bar struct{ w io.Writer }

func newBar(w io.Writer) bar {
	file, ok := w.(*os.File)
	if !ok {
		return bar{}
	}
	if _, err := unix.IoctlGetTermios(int(file.Fd()), unix.TCGETS); err != nil {
		return bar{}
	}
	return bar{w}
}

const barWidth = 40

func (b bar) progress(speaker string) func(phase string, done, total int) {
	if b.w == nil {
		return nil
	}
	return func(phase string, done, total int) {
		full := barWidth * min(done, total) / max(total, 1)
		fmt.Fprintf(b.w, "\r\033[K%s %s [%s%s] %d %%", speaker, phase,
			strings.Repeat("#", full), strings.Repeat(" ", barWidth-full), 100*min(done, total)/max(total, 1))
	}
}

func (b bar) clear() {
	if b.w != nil {
		fmt.Fprint(b.w, "\r\033[K")
	}
}
