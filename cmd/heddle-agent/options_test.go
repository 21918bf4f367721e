package main

import (
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

func TestWhatIsRefusedOfTheCommandLine(t *testing.T) {
	for _, c := range []struct {
		name string
		args []string
		want string
	}{
		{"no name", []string{"--node", ""}, "give --node"},
		{"no time to restart", []string{"--restart-time", "0"}, "want 1 to 4095 seconds"},
		{"more than the capability holds", []string{"--restart-time", "5000"}, "want 1 to 4095 seconds"},
		{"every interface", []string{"--workload-interfaces", "+"}, "want the name of an interface"},
		{"the loopback", []string{"--workload-interfaces", "lo"}, "want the name of an interface"},
		{"a mode that there is not", []string{"--install", "some"}, "want all, rack or none"},
		{"a failsafe without a protocol", []string{"--failsafe-in", "22"}, "such as tcp/22"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var o options
			f := pflag.NewFlagSet("", pflag.ContinueOnError)
			o.flags(f)
			err := f.Parse(append([]string{"--node", "h1"}, c.args...))
			if err == nil {
				err = o.check()
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

func TestFailsafePortsGoOnlyByName(t *testing.T) {
	for _, c := range []struct {
		name    string
		args    []string
		in, out int
	}{
		{"by default", nil, 5, 5},
		{"others", []string{"--failsafe-in", "tcp/2222"}, 1, 5},
		{"none", []string{"--no-failsafe"}, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			var o options
			f := pflag.NewFlagSet("", pflag.ContinueOnError)
			o.flags(f)
			if err := f.Parse(c.args); err != nil {
				t.Fatal(err)
			}
			if h := o.host(); len(h.FailsafeIn) != c.in || len(h.FailsafeOut) != c.out {
				t.Errorf("%v in, %v out", h.FailsafeIn, h.FailsafeOut)
			}
		})
	}
}

func TestAPacketIsAskedAboutInWords(t *testing.T) {
	for _, c := range []struct {
		name, protocol string
		args           []string
		typed          bool
		want           string
	}{
		{"a port of TCP", "tcp", []string{"10.0.0.1", "10.0.0.2", "80"}, false, "destination=10.0.0.2&port=80&protocol=6&source=10.0.0.1"},
		{"an echo request", "icmp", []string{"10.0.0.1", "10.0.0.2"}, false, "destination=10.0.0.2&icmpType=8&protocol=1&source=10.0.0.1"},
		{"an echo request in IPv6", "icmpv6", []string{"fd00::1", "fd00::2"}, false, "destination=fd00%3A%3A2&icmpType=128&protocol=58&source=fd00%3A%3A1"},
		{"no port", "udp", []string{"10.0.0.1", "10.0.0.2"}, false, "! no port"},
		{"no address", "tcp", []string{"w1", "10.0.0.2", "80"}, false, `! "w1": want an address`},
		{"no protocol", "quic", []string{"10.0.0.1", "10.0.0.2", "80"}, false, "! --protocol quic"},
	} {
		t.Run(c.name, func(t *testing.T) {
			query, err := packet(c.args, c.protocol, 8, c.typed)
			got := query.Encode()
			if err != nil {
				got = "! " + err.Error()
			}
			if !strings.HasPrefix(got, c.want) {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}
