package api

import (
	"context"
	"net/netip"
)

// Group is one update group as /api/v1/groups has it: peers that hear the same, in
// the same octets.
type Group struct {
	Name      string         `json:"name"`
	Members   []Member       `json:"members"`
	Walking   int            `json:"walking"`   // members that fell off the log
	LogOctets int            `json:"logOctets"` // encoded and kept for the slower ones
	Routes    map[string]int `json:"routes"`    // that a member hears that announces none
}

// Member is a peer of a group.
type Member struct {
	Name    string     `json:"name"`
	Address netip.Addr `json:"address"`
}

func groups(ctx context.Context, s State) ([]Group, error) {
	report, err := s.Tables.Report(ctx)
	if err != nil {
		return nil, err
	}
	known := map[netip.Addr]string{}
	for _, status := range s.Sessions.Peers() {
		known[status.Spec.Remote] = status.Spec.Name
	}
	var list []Group
	for _, g := range report.Groups {
		shown := Group{
			Name: g.Name, Members: []Member{}, Walking: g.Walking, LogOctets: g.LogOctets, Routes: byFamily(g.Advertised),
		}
		for _, address := range g.Members {
			shown.Members = append(shown.Members, Member{known[address], address})
		}
		list = append(list, shown)
	}
	return list, nil
}
