package bench

import (
	"embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"text/template"

	"heddle/bgp"
)

// speakers has the configurations of the anchors: reflectors for any iBGP client in
// 127.1.0.0/16, with nothing tuned but what the load demands.
//
//go:embed speakers
var speakers embed.FS

// speaker is a program that can be started to be measured.
type speaker struct {
	name    string
	label   string // what reports call it
	copies  bool
	version []string // a command that prints it; empty: ours
	prepare func(c *Config, dir string) (command []string, err error)
}

func allSpeakers() []speaker {
	return []speaker{
		{name: "heddle", label: "Heddle", prepare: prepareHeddle},
		{name: "frr", label: "FRR", version: []string{bgpd, "--version"}, prepare: prepareFRR},
		{name: "bird", label: "BIRD", version: []string{"bird", "--version"}, prepare: prepareBIRD},
		{name: "gobgp", label: "GoBGP", version: []string{"gobgpd", "--version"}, prepare: prepareGoBGP},
		{name: "hub", label: "hub", copies: true, prepare: prepareHub},
	}
}

// SpeakerNames lists what Config.Start may be.
func SpeakerNames() string {
	var names []string
	for _, s := range allSpeakers() {
		names = append(names, s.name)
	}
	return strings.Join(names, ", ")
}

func speakerOf(name string) (speaker, error) {
	for _, s := range allSpeakers() {
		if s.name == name {
			return s, nil
		}
	}
	return speaker{}, fmt.Errorf("speaker %q: want one of %s", name, SpeakerNames())
}

const bgpd = "/usr/lib/frr/bgpd"

func prepareHeddle(c *Config, _ string) ([]string, error) {
	return []string{
		c.Program, "reflector", "--etcd", "off", "--asn", c.ASN.String(), "--router-id", "192.0.2.1",
		"--listen", speakerAt.String(), "--accept-range", "127.1.0.0/16", "--hold-time", strconv.Itoa(holdTime),
		"--http", "127.0.0.1:8179", "--log-level", "warn",
	}, nil
}

func prepareHub(c *Config, _ string) ([]string, error) {
	return []string{c.Program, "bench", "hub", "--listen", speakerAt.String(), "--asn", c.ASN.String()}, nil
}

func prepareBIRD(c *Config, dir string) ([]string, error) {
	file, err := fill(c, dir, "bird.conf")
	return []string{"bird", "-f", "-c", file, "-s", filepath.Join(dir, "ctl")}, err
}

// prepareFRR lets bgpd have its directory: it gives up root by itself.
func prepareFRR(c *Config, dir string) ([]string, error) {
	file, err := fill(c, dir, "bgpd.conf")
	if err != nil {
		return nil, err
	}
	frr, err := user.Lookup("frr")
	if err != nil {
		return nil, err
	}
	uid, _ := strconv.Atoi(frr.Uid)
	gid, _ := strconv.Atoi(frr.Gid)
	err = errors.Join(os.Chmod(dir, 0o755), os.Chown(dir, uid, gid), os.Chown(file, uid, gid))
	return []string{
		bgpd, "-n", "-f", file, "-i", filepath.Join(dir, "pid"), "-z", filepath.Join(dir, "no-zebra"),
		"--vty_socket", dir, "-P", "0", "--log", "stdout",
	}, err
}

func prepareGoBGP(c *Config, dir string) ([]string, error) {
	file, err := fill(c, dir, "gobgpd.toml")
	return []string{
		"gobgpd", "-f", file, "--api-hosts", "unix://" + filepath.Join(dir, "api"), "--pprof-disable", "-p", "-l", "warn",
	}, err
}

// fill writes the configuration of a speaker.
func fill(c *Config, dir, name string) (file string, err error) {
	t, err := template.ParseFS(speakers, "speakers/"+name)
	if err != nil {
		return "", err
	}
	file = filepath.Join(dir, name)
	f, err := os.Create(file)
	if err != nil {
		return "", err
	}
	err = t.Execute(f, struct {
		ASN      bgp.ASN
		Address  string
		HoldTime int
		Limit    int
		IPv6     bool
	}{c.ASN, speakerAt.Addr().String(), holdTime, clientsMost, c.IPv6})
	return file, errors.Join(err, f.Close())
}

// versionOf asks a speaker for its version; empty if it is not installed.
func versionOf(s speaker, ours string) string {
	if len(s.version) == 0 {
		return ours
	}
	out, err := exec.Command(s.version[0], s.version[1:]...).CombinedOutput()
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(out), "\n")
	words := strings.Fields(line)
	return words[len(words)-1]
}
