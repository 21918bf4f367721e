package stories

import "strings"

// Of gives the stories of a topology, by the name in its file, in the order they are
// told. The first says who reaches whom, and who must not.
func Of(topology string) []Story {
	switch topology {
	case "three-etcd":
		return threeEtcds()
	case "lone":
		return lone()
	case "dual-tor":
		return dualToR()
	case "borders":
		return borders()
	case "plain":
		return plain()
	case "bird-hosts":
		return birdHosts()
	case "hierarchy":
		return hierarchy()
	}
	return All()
}

// ways gives flows in both families: of "web11 db12" those from web11 to db12.
func ways(texts ...string) []flow {
	var flows []flow
	for _, text := range texts {
		from, to, _ := strings.Cut(text, " ")
		flows = append(flows, at(to).to(from)...)
	}
	return flows
}
