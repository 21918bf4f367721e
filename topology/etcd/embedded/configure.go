package embedded

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
	"google.golang.org/grpc"
)

// configure turns etcd's defaults, made for a member of a big cluster, into those
// of a lone member beside a route reflector on a small machine.
func configure(cfg Config) (*embed.Config, error) {
	if cfg.Dir == "" {
		return nil, errors.New("no data directory: name one")
	}
	clients, err := parseURLs(cfg.ListenClient)
	if err != nil {
		return nil, err
	}
	c := embed.NewConfig()
	c.Name = "heddle"
	c.Dir = cfg.Dir
	c.ListenClientUrls = clients
	c.AdvertiseClientUrls = clients
	c.ClientTLSInfo.CertFile = cfg.CertFile
	c.ClientTLSInfo.KeyFile = cfg.KeyFile
	c.ClientTLSInfo.TrustedCAFile = cfg.ClientCAFile
	c.ClientTLSInfo.ClientCertAuth = cfg.ClientCAFile != ""

	// The peer URL is a name in the membership and never dialled or listened on.
	c.ListenPeerUrls = nil
	c.AdvertisePeerUrls = []url.URL{{Scheme: "http", Host: "localhost:2380"}}
	c.InitialCluster = c.InitialClusterFromName(c.Name)
	// A new directory is a new cluster, with an ID of its own, so that who followed
	// the old one can tell. It counts on the first start only.
	c.InitialClusterToken = rand.Text()

	c.ListenMetricsUrls = nil
	c.EnableGRPCGateway = false
	c.EnablePprof = false
	c.UserHandlers = refusals()
	tune(c)
	return c, nil
}

// tune sets what decides about memory, disk and noise.
func tune(c *embed.Config) {
	// etcd keeps the entries since the last snapshot, and some more for slow
	// followers, in memory: at its defaults 15,000, which at 100 objects each would
	// be some 450 MB. There is no follower to wait for here.
	c.SnapshotCount = 1000
	c.SnapshotCatchUpEntries = 100

	// An hour of history lets whoever was away see what happened meanwhile; what is
	// older is read anew.
	c.AutoCompactionMode = embed.CompactorModePeriodic
	c.AutoCompactionRetention = "1h"

	// Each log segment takes 64 MB of disk in advance, so keep few. Space that
	// compaction freed is given back at the next start once it is worth the while.
	c.MaxWalFiles = 2
	c.BootstrapDefragThresholdMegabytes = 64

	// A small disk takes longer than etcd's 100 ms now and then; that is no news.
	c.WarningApplyDuration = time.Second
	c.WarningUnaryRequestDuration = time.Second
}

// refusals cover what etcd serves on a client URL without being asked.
func refusals() map[string]http.Handler {
	return map[string]http.Handler{
		"/metrics":    http.NotFoundHandler(),
		"/debug/vars": http.NotFoundHandler(),
	}
}

func parseURLs(texts []string) ([]url.URL, error) {
	if len(texts) == 0 {
		return nil, errors.New("no URL to listen on: give one such as http://127.0.0.1:2379")
	}
	var urls []url.URL
	for _, text := range texts {
		u, err := url.Parse(text)
		if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || strings.Trim(u.Path, "/") != "" {
			return nil, fmt.Errorf("listen URL %q: want http://ADDRESS:PORT or https://ADDRESS:PORT", text)
		}
		urls = append(urls, *u)
		if u.Scheme != urls[0].Scheme {
			return nil, fmt.Errorf("listen URL %q: %s is %s, and all must be alike", text, texts[0], urls[0].Scheme)
		}
	}
	return urls, nil
}

// calls knows the gRPC servers of the listeners, which etcd makes as it starts.
type calls struct {
	mu      sync.Mutex
	servers []*grpc.Server
}

func (c *calls) add(server *grpc.Server) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.servers = append(c.servers, server)
}

// stop breaks off every call.
func (c *calls) stop() {
	c.mu.Lock()
	servers := c.servers
	c.mu.Unlock()
	for _, server := range servers {
		server.Stop()
	}
}
