package etcd

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"

	"google.golang.org/grpc/credentials"
)

// identity is the files that say who we trust and who we are. They are read at
// each handshake: handshakes are rare, and a certificate that was renewed on disk
// must not need a restart.
type identity struct {
	caFile, certFile, keyFile string
}

func (id identity) load() (*tls.Config, error) {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	if id.caFile != "" {
		pem, err := os.ReadFile(id.caFile)
		if err != nil {
			return nil, fmt.Errorf("etcd: CA: %w", err)
		}
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("etcd: CA: %s holds no certificate in PEM form", id.caFile)
		}
	}
	if (id.certFile == "") != (id.keyFile == "") {
		return nil, errors.New("etcd: certificate and key go together: give both files or neither")
	}
	if id.certFile != "" {
		pair, err := tls.LoadX509KeyPair(id.certFile, id.keyFile)
		if err != nil {
			return nil, fmt.Errorf("etcd: certificate %s with key %s: %w", id.certFile, id.keyFile, err)
		}
		cfg.Certificates = []tls.Certificate{pair}
	}
	return cfg, nil
}

func (id identity) credentials() credentials.TransportCredentials {
	return handshaker{credentials.NewTLS(nil), id}
}

// handshaker makes each handshake with the files as they are at that moment. All
// else is that of the credentials it wraps.
type handshaker struct {
	credentials.TransportCredentials
	identity identity
}

// ClientHandshake authenticates both ends of a new connection.
func (h handshaker) ClientHandshake(ctx context.Context, authority string, conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	cfg, err := h.identity.load()
	if err != nil {
		return nil, nil, err
	}
	return credentials.NewTLS(cfg).ClientHandshake(ctx, authority, conn)
}

// Clone is what gRPC calls before it uses credentials.
func (h handshaker) Clone() credentials.TransportCredentials {
	return handshaker{h.TransportCredentials.Clone(), h.identity}
}
