package etcd_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	crand "crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"heddle/topology"
	"heddle/topology/etcd"
	"heddle/topology/etcd/embedded"
)

func write(t *testing.T, file, content string) string {
	t.Helper()
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// requireUsers turns on authentication: root may do all, heddle has our prefix.
func requireUsers(t *testing.T, raw *clientv3.Client) {
	t.Helper()
	ctx := within(t)
	must := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(raw.UserAdd(ctx, "root", "root"))
	must(raw.UserGrantRole(ctx, "root", "root"))
	must(raw.RoleAdd(ctx, "inventory"))
	must(raw.RoleGrantPermission(ctx, "inventory", topology.Prefix, clientv3.GetPrefixRangeEnd(topology.Prefix), clientv3.PermissionType(clientv3.PermReadWrite)))
	must(raw.UserAdd(ctx, "heddle", "secret"))
	must(raw.UserGrantRole(ctx, "heddle", "inventory"))
	must(raw.UserAdd(ctx, "guest", "guest"))
	must(raw.AuthEnable(ctx))
}

func TestUsers(t *testing.T) {
	t.Parallel()
	d := startDatastore(t, embedded.Config{})
	requireUsers(t, d.raw())
	dir := t.TempDir()
	for _, c := range []struct {
		name string
		cfg  etcd.Config
		says string
	}{
		{"a wrong password", etcd.Config{Username: "heddle", PasswordFile: write(t, dir+"/wrong", "x")}, `does not know user "heddle" by this password`},
		{"nobody", etcd.Config{}, "wants to know who we are"},
		{"a user without rights", etcd.Config{Username: "guest", PasswordFile: write(t, dir+"/guest", "guest")}, `does not let user "guest" do this: grant a role`},
	} {
		t.Run(c.name+" is refused with a reason", func(t *testing.T) {
			c.cfg.Endpoints = []string{d.url()}
			client := open(t, c.cfg)
			_, err := client.Apply(within(t), []topology.Object{topology.Rack{Name: "r1"}})
			if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), d.url()) {
				t.Errorf("Apply says %v, want %q", err, c.says)
			}
			watcher := client.Watch()
			consume(t, watcher)
			eventually(t, "the watcher is refused too", func() bool { return strings.Contains(watcher.Status().LastError, c.says) })
		})
	}

	cfg := etcd.Config{Endpoints: []string{d.url()}, Username: "heddle", PasswordFile: write(t, dir+"/password", "secret\n")}
	client := open(t, cfg)
	c := consume(t, client.Watch())
	applyAndHear(t, client, c, "r1")
	d.stop() // and with it the tokens that stand for the password
	d.start()
	applyAndHear(t, client, c, "r2")

	root, err := clientv3.New(clientv3.Config{Endpoints: []string{d.url()}, Username: "root", Password: "root"})
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if _, err := root.UserChangePassword(within(t), "heddle", "other"); err != nil {
		t.Fatal(err)
	}
	d.stop()
	d.start()
	eventually(t, "the old password is refused", func() bool {
		return strings.Contains(c.watcher.Status().LastError, "password")
	})
	write(t, cfg.PasswordFile, "other")
	applyAndHear(t, client, c, "r3")
}

// applyAndHear writes a rack, as soon as the datastore lets it, and waits until
// the watcher tells of it.
func applyAndHear(t *testing.T, client *etcd.Client, c *consumer, rack string) {
	t.Helper()
	eventually(t, "rack "+rack+" is applied", func() bool {
		_, err := client.Apply(within(t), []topology.Object{topology.Rack{Name: rack}})
		return err == nil
	})
	c.until("rack "+rack+" is told", func(holds map[string]string) bool { return holds[topology.Prefix+"racks/"+rack] != "" })
}

// authority signs certificates for the tests.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T, name string) *authority {
	a := &authority{t: t}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	a.key, a.cert = a.sign(template, nil)
	return a
}

func (a *authority) sign(template, parent *x509.Certificate) (*ecdsa.PrivateKey, *x509.Certificate) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), crand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	signer := a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(crand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		a.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return key, cert
}

// issue writes certificate and key for 127.0.0.1 into files.
func (a *authority) issue(certFile, keyFile string) {
	a.t.Helper()
	key, cert := a.sign(&x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "heddle"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, a.cert)
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	write(a.t, certFile, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})))
	write(a.t, keyFile, string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})))
}

func (a *authority) pem() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw}))
}

// Both ends get certificates of another authority while they run. The connection
// that stands goes on; the next one uses what is on disk then.
func TestCertificatesAreReadAtEachHandshake(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	old, next := newAuthority(t, "old"), newAuthority(t, "next")
	old.issue(file("server.pem"), file("server.key"))
	old.issue(file("client.pem"), file("client.key"))
	write(t, file("clients-ca.pem"), old.pem())
	d := startDatastore(t, embedded.Config{
		ListenClient: []string{"https://127.0.0.1:0"},
		CertFile:     file("server.pem"), KeyFile: file("server.key"), ClientCAFile: file("clients-ca.pem"),
	})
	client := open(t, etcd.Config{
		Endpoints: []string{d.url()},
		CAFile:    write(t, file("ca.pem"), old.pem()), CertFile: file("client.pem"), KeyFile: file("client.key"),
	})
	c := consume(t, client.Watch())
	applyAndHear(t, client, c, "before")

	next.issue(file("server.pem"), file("server.key"))
	write(t, file("clients-ca.pem"), next.pem())
	applyAndHear(t, client, c, "during") // the connection that stands

	d.stop()
	d.start()
	eventually(t, "the new server is not trusted", func() bool {
		return strings.Contains(c.watcher.Status().LastError, "certificate")
	})
	untilRefused(t, "unknown authority", func(ctx context.Context) error {
		_, err := client.Get(ctx, topology.Key{Kind: topology.KindRack, Name: "before"})
		return err
	})
	write(t, file("ca.pem"), next.pem())
	next.issue(file("client.pem"), file("client.key"))
	applyAndHear(t, client, c, "after")
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	empty := write(t, dir+"/empty", "")
	password := write(t, dir+"/password", "x")
	newAuthority(t, "x").issue(dir+"/cert", dir+"/key")
	url := []string{"https://127.0.0.1:1"}
	for _, c := range []struct {
		name string
		cfg  etcd.Config
		says string
	}{
		{"no endpoint", etcd.Config{}, "no endpoint: give one such as http://127.0.0.1:2379"},
		{"an endpoint without scheme", etcd.Config{Endpoints: []string{"127.0.0.1:2379"}}, `endpoint "127.0.0.1:2379": want http://`},
		{"another scheme", etcd.Config{Endpoints: []string{"unix:///run/etcd"}}, "want http://"},
		{"http and https", etcd.Config{Endpoints: []string{"http://a:1", "https://b:1"}}, "want all http or all https"},
		{"a CA for http", etcd.Config{Endpoints: []string{"http://a:1"}, CAFile: dir + "/cert"}, "of no use with http://a:1: write https://"},
		{"a CA that is not there", etcd.Config{Endpoints: url, CAFile: dir + "/none"}, "no such file"},
		{"a CA that is none", etcd.Config{Endpoints: url, CAFile: password}, "holds no certificate"},
		{"a certificate without key", etcd.Config{Endpoints: url, CertFile: dir + "/cert"}, "go together"},
		{"a key that does not fit", etcd.Config{Endpoints: url, CertFile: dir + "/cert", KeyFile: dir + "/cert"}, "with key"},
		{"a user without password", etcd.Config{Endpoints: url, Username: "heddle"}, "go together"},
		{"a password file that is not there", etcd.Config{Endpoints: url, Username: "heddle", PasswordFile: dir + "/none"}, "no such file"},
		{"an empty password", etcd.Config{Endpoints: url, Username: "heddle", PasswordFile: empty}, "is empty"},
	} {
		t.Run(c.name, func(t *testing.T) {
			client, err := etcd.Open(c.cfg)
			if err == nil {
				client.Close()
				t.Fatal("it opens")
			}
			if !strings.Contains(err.Error(), c.says) {
				t.Errorf("error %q does not say %q", err, c.says)
			}
		})
	}
}
