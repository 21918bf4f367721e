package command

import (
	"log/slog"
	"net/url"

	"github.com/spf13/pflag"

	"heddle/topology/etcd"
)

// Etcd says how to reach etcd; every command that does has these flags.
type Etcd struct {
	Endpoints    []string
	CA           string
	Cert         string
	Key          string
	User         string
	PasswordFile string
}

// Flags declares them; missing says what is done without endpoints.
func (o *Etcd) Flags(f *pflag.FlagSet, missing string) {
	f.StringSliceVar(&o.Endpoints, "etcd", nil, "etcd `URLS` (default: "+missing+"), or off")
	f.StringVar(&o.CA, "etcd-ca", "", "file with the CA of etcd's certificate")
	f.StringVar(&o.Cert, "etcd-cert", "", "file with our certificate for etcd")
	f.StringVar(&o.Key, "etcd-key", "", "file with the key of our certificate")
	f.StringVar(&o.User, "etcd-user", "", "etcd user")
	f.StringVar(&o.PasswordFile, "etcd-password-file", "", "file with the etcd user's password")
}

// Off says that there is to be no etcd.
func (o *Etcd) Off() bool { return len(o.Endpoints) == 1 && o.Endpoints[0] == "off" }

// Open gives a client of it.
func (o *Etcd) Open(log *slog.Logger) (*etcd.Client, error) {
	return etcd.Open(etcd.Config{
		Endpoints: o.Endpoints, CAFile: o.CA, CertFile: o.Cert, KeyFile: o.Key,
		Username: o.User, PasswordFile: o.PasswordFile, Logger: log,
	})
}

// Hosts is the host of each endpoint.
func (o *Etcd) Hosts() (hosts []string) {
	for _, endpoint := range o.Endpoints {
		if u, err := url.Parse(endpoint); err == nil && u.Hostname() != "" {
			hosts = append(hosts, u.Hostname())
		}
	}
	return hosts
}
