package interop

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"os"

	api "github.com/osrg/gobgp/v3/api"
	library "github.com/osrg/gobgp/v3/pkg/server"

	"heddle/internal/oracle"
)

// serveGoBGP is the child: it runs a BgpServer as childEnv says and obeys commands
// until there are no more.
func serveGoBGP(commands io.Reader, answers io.Writer) (code int) {
	if err := obeyAll(commands, answers); err != nil {
		fmt.Fprintln(os.Stderr, "GoBGP's server:", err)
		return 1
	}
	return 0
}

func obeyAll(commands io.Reader, answers io.Writer) error {
	var config serverConfig
	if err := json.Unmarshal([]byte(os.Getenv(childEnv)), &config); err != nil {
		return err
	}
	s, err := startGoBGP(config)
	if err != nil {
		return err
	}
	lines, out := bufio.NewScanner(commands), json.NewEncoder(answers)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var c serverCommand
		var a serverAnswer
		err := json.Unmarshal(lines.Bytes(), &c)
		if err == nil {
			a.Routes, err = obey(s, c)
		}
		if err != nil {
			a.Error = err.Error()
		}
		if err := out.Encode(a); err != nil {
			return err
		}
	}
	return lines.Err()
}

func startGoBGP(config serverConfig) (*library.BgpServer, error) {
	ctx := context.Background()
	s := library.NewBgpServer()
	go s.Serve()
	id := config.RouterID.String()
	global := &api.Global{Asn: config.ASN, RouterId: id, ListenPort: 179}
	if err := s.StartBgp(ctx, &api.StartBgpRequest{Global: global}); err != nil {
		return nil, err
	}
	for _, n := range config.Neighbors {
		peer := &api.Peer{
			Conf:   &api.PeerConf{NeighborAddress: n.Address.String(), PeerAsn: config.ASN},
			Timers: &api.Timers{Config: &api.TimersConfig{ConnectRetry: 1, IdleHoldTimeAfterReset: 1, HoldTime: 90, KeepaliveInterval: 30}},
			AfiSafis: []*api.AfiSafi{
				{Config: &api.AfiSafiConfig{Family: familyOf(true), Enabled: true}},
				{Config: &api.AfiSafiConfig{Family: familyOf(false), Enabled: true}},
			},
		}
		if n.Client {
			peer.RouteReflector = &api.RouteReflector{RouteReflectorClient: true, RouteReflectorClusterId: id}
		}
		if err := s.AddPeer(ctx, &api.AddPeerRequest{Peer: peer}); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func familyOf(four bool) *api.Family {
	if four {
		return &api.Family{Afi: api.Family_AFI_IP, Safi: api.Family_SAFI_UNICAST}
	}
	return &api.Family{Afi: api.Family_AFI_IP6, Safi: api.Family_SAFI_UNICAST}
}

// obey does what a command says.
func obey(s *library.BgpServer, c serverCommand) ([]serverRoute, error) {
	ctx := context.Background()
	switch c.Do {
	case "announce":
		_, err := s.AddPath(ctx, &api.AddPathRequest{TableType: api.TableType_GLOBAL, Path: c.path()})
		return nil, err
	case "withdraw":
		path := c.path()
		return nil, s.DeletePath(ctx, &api.DeletePathRequest{TableType: api.TableType_GLOBAL, Family: path.Family, Path: path})
	case "refresh":
		return nil, s.ResetPeer(ctx, &api.ResetPeerRequest{Address: c.Peer.String(), Soft: true, Direction: api.ResetPeerRequest_IN})
	case "list":
		return adjRIBIn(ctx, s, c.Peer)
	}
	return nil, fmt.Errorf("there is no command %q", c.Do)
}

func (c serverCommand) path() *api.Path {
	return &api.Path{Family: familyOf(c.Prefix.Addr().Is4()), NlriBinary: nlriOf(c.Prefix), PattrsBinary: c.Attrs}
}

func adjRIBIn(ctx context.Context, s *library.BgpServer, peer netip.Addr) ([]serverRoute, error) {
	var list []serverRoute
	for _, four := range []bool{true, false} {
		request := &api.ListPathRequest{
			TableType: api.TableType_ADJ_IN, Name: peer.String(), Family: familyOf(four), EnableAttributeBinary: true,
		}
		var fault error
		err := s.ListPath(ctx, request, func(d *api.Destination) {
			p, err := netip.ParsePrefix(d.Prefix)
			if err != nil {
				fault = err
			}
			list = append(list, serverRoute{p, d.Paths[0].PattrsBinary})
		})
		if err != nil || fault != nil {
			return nil, fmt.Errorf("list: %w, %w", err, fault)
		}
	}
	return list, nil
}

// routeOfOctets is a route whose attributes have their headers.
func routeOfOctets(attrs [][]byte) oracle.Route {
	var route oracle.Route
	for _, octets := range attrs {
		for _, a := range readAttributes(octets) {
			switch a.Type {
			case attrNextHop:
				route.NextHop, _ = netip.AddrFromSlice(a.Value)
			case attrMPReach:
				route.NextHop = netip.AddrFrom16([16]byte(a.Value[4:20]))
			default:
				route.Attrs = append(route.Attrs, a)
			}
		}
	}
	return route
}
