package derive

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"heddle/agent/firewall"
	"heddle/bgp"
	"heddle/topology"
)

// profile names a set of tags, as a part of the names of chains: the tags themselves if
// they fit, else a digest.
func (d *deriver) profile(tags []string) string {
	if len(tags) == 0 {
		return "none"
	}
	name := strings.Join(tags, "+")
	if slices.ContainsFunc(tags, func(tag string) bool { return strings.Contains(tag, "+") }) {
		name = "/" + strings.Join(tags, "/") // no tag has one of these: it is a digest, of this set only
	}
	return short(name, firewall.MaxName-len(ingressChain))
}

// short gives a name that is no longer than that and has no letter that a shell or
// iptables could take amiss.
func short(name string, most int) string {
	plain := strings.IndexFunc(name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-_.+", r)
	}) < 0
	if plain && len(name) <= most && name != "none" {
		return name
	}
	digest := sha256.Sum256([]byte(name))
	return "~" + hex.EncodeToString(digest[:])[:10]
}

// setName is the set of those that bear a tag.
func setName(family bgp.Family, tag string) string {
	kind := firewall.Prefix + "4-"
	if family == bgp.IPv6Unicast {
		kind = firewall.Prefix + "6-"
	}
	return kind + short(tag, firewall.MaxSetName-len(kind))
}

// tagSets is the distinct sets of tags of the host's workloads, by profile.
func (d *deriver) tagSets() map[string][]string {
	sets := map[string][]string{}
	for _, p := range d.ports {
		sets[p.profile] = p.Tags
	}
	for w := range d.snapshot.WorkloadsOn(d.cfg.Node) {
		if w.Interface == "" {
			sets[d.profile(w.Tags)] = w.Tags
		}
	}
	return sets
}

// profiles writes what workloads with the same tags may hear and say: the policies that
// apply, in the order of their names; then whoever bears a tag of theirs; then nothing.
func (b *builder) profiles() {
	sets := b.tagSets()
	policies := b.policies()
	for _, name := range slices.Sorted(maps.Keys(sets)) {
		tags := sets[name]
		var ingress, egress []firewall.Rule
		for _, policy := range policies.of(tags) {
			ingress = append(ingress, b.policy(policy.Name, policy.Ingress, true)...)
			egress = append(egress, b.policy(policy.Name, policy.Egress, false)...)
		}
		for _, tag := range tags {
			set := setName(b.family, tag)
			ingress = append(ingress, firewall.Rule{SourceSet: set, Verdict: firewall.Return, Note: "bears tag " + tag + ", too"})
			egress = append(egress, firewall.Rule{TargetSet: set, Verdict: firewall.Return, Note: "bears tag " + tag + ", too"})
		}
		last := firewall.Rule{Verdict: firewall.Drop, Note: "nothing allows it"}
		b.chain(firewall.Filter, ingressChain+name, append(ingress, last)...)
		b.chain(firewall.Filter, egressChain+name, append(egress, last)...)
	}
}

// policies finds those that apply to a tag: to ask each of them would take as many steps
// as there are policies times sets of tags.
type policies struct {
	list  []topology.Policy // in the order of their names
	byTag map[string][]int
}

func (b *builder) policies() *policies {
	p := &policies{byTag: map[string][]int{}}
	for policy := range b.snapshot.Policies() {
		for _, tag := range policy.AppliesTo {
			p.byTag[tag] = append(p.byTag[tag], len(p.list))
		}
		p.list = append(p.list, policy)
	}
	return p
}

func (p *policies) of(tags []string) (list []topology.Policy) {
	var at []int
	for _, tag := range tags {
		at = append(at, p.byTag[tag]...)
	}
	slices.Sort(at)
	for _, i := range slices.Compact(at) {
		list = append(list, p.list[i])
	}
	return list
}

func (b *builder) policy(name string, rules []topology.Rule, ingress bool) (out []firewall.Rule) {
	direction := "egress"
	if ingress {
		direction = "ingress"
	}
	for i, r := range rules {
		note := fmt.Sprintf("policy %s, %s rule %d", name, direction, i+1)
		out = append(out, b.rule(r, ingress, note)...)
	}
	return out
}

// rule writes one rule of a policy, as many as iptables needs for it: none where it
// names only prefixes, or a protocol, of the other family.
func (b *builder) rule(r topology.Rule, ingress bool, note string) (out []firewall.Rule) {
	if (r.Protocol == topology.ICMP && b.six()) || (r.Protocol == topology.ICMPv6 && !b.six()) {
		return nil
	}
	base := firewall.Rule{Protocol: uint8(r.Protocol), Verdict: firewall.Return, Note: note}
	if r.Action == topology.Deny {
		base.Verdict = firewall.Drop
	}
	for _, peer := range b.peers(r, ingress, base) {
		for _, ports := range portGroups(r.Ports) {
			for _, t := range icmpTypes(r.ICMPTypes) {
				peer.Ports, peer.ICMPType = ports, t
				out = append(out, peer)
			}
		}
	}
	return out
}

// peers gives the rule for each part of the other end. Who bears a tag may be unknown:
// then a rule that denies them denies all, and one that allows them allows nobody.
func (b *builder) peers(r topology.Rule, ingress bool, base firewall.Rule) (out []firewall.Rule) {
	if len(r.Peer.Tags)+len(r.Peer.Prefixes) == 0 {
		return []firewall.Rule{base}
	}
	for _, tag := range r.Peer.Tags {
		rule := base
		_, numbered := b.snapshot.Tag(tag)
		switch {
		case r.Action == topology.Deny && (!numbered || b.unknown(tag)):
			rule.Note += ": who bears tag " + tag + " is not known yet"
		case ingress:
			rule.SourceSet = setName(b.family, tag)
		default:
			rule.TargetSet = setName(b.family, tag)
		}
		out = append(out, rule)
	}
	for _, prefix := range r.Peer.Prefixes {
		if prefix.Addr().Is6() != b.six() {
			continue
		}
		rule := base
		switch {
		case prefix.Bits() == 0: // everyone of the family
		case ingress:
			rule.Source = prefix
		default:
			rule.Destination = prefix
		}
		out = append(out, rule)
	}
	return out
}

func (b *builder) unknown(tag string) bool {
	return b.cfg.Unknown != nil && b.cfg.Unknown(setName(b.family, tag))
}

// portGroups is ports as one rule takes them; one group of none is any port.
func portGroups(ranges []topology.PortRange) [][]firewall.Ports {
	ports := make([]firewall.Ports, len(ranges))
	for i, r := range ranges {
		ports[i] = firewall.Ports{First: r.First, Last: r.Last}
	}
	if len(ports) == 0 {
		return [][]firewall.Ports{nil}
	}
	return firewall.SplitPorts(ports)
}

func icmpTypes(types []uint8) []firewall.ICMPType {
	if len(types) == 0 {
		return []firewall.ICMPType{{}}
	}
	out := make([]firewall.ICMPType, len(types))
	for i, t := range types {
		out[i] = icmp(t)
	}
	return out
}

// sets lists the sets that rules name, and what belongs in them.
func (d *deriver) sets() {
	named := d.denied()
	for _, f := range bgp.Families {
		for _, chain := range d.state.Filter.Of(f).Chains {
			for _, rule := range chain.Rules {
				named[rule.SourceSet], named[rule.TargetSet] = true, true
			}
		}
	}
	delete(named, "")
	found, bearers := map[string]Members{}, d.bearers()
	for _, tag := range d.tags() {
		number, _ := d.snapshot.Tag(tag)
		for _, f := range bgp.Families {
			if name := setName(f, tag); named[name] {
				found[name] = Members{Set: name, Family: f, Tag: number.ID, Local: bearers[bearer{f, tag}]}
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(found)) {
		m := found[name]
		d.state.Filter.Sets = append(d.state.Filter.Sets, firewall.Set{Name: name, Family: m.Family})
		d.state.Members = append(d.state.Members, m)
	}
}

// tags is every tag that a workload of the host bears or a policy names.
func (d *deriver) tags() []string {
	set := map[string]bool{}
	for w := range d.snapshot.WorkloadsOn(d.cfg.Node) {
		for _, tag := range w.Tags {
			set[tag] = true
		}
	}
	for policy := range d.snapshot.Policies() {
		for _, tag := range policy.Tags() {
			set[tag] = true
		}
	}
	return slices.Sorted(maps.Keys(set))
}

// bearer is a tag and a family: what sets are about.
type bearer struct {
	family bgp.Family
	tag    string
}

// bearers is the addresses of the host's own workloads, by the tags that they bear. One
// that is only prepared is elsewhere still, and its route says so.
func (d *deriver) bearers() map[bearer][]netip.Prefix {
	all := map[bearer][]netip.Prefix{}
	for w := range d.snapshot.WorkloadsOn(d.cfg.Node) {
		if w.State == topology.Prepared {
			continue
		}
		for _, a := range w.Addresses {
			if d.taken[a] != w.Name {
				continue
			}
			for _, tag := range w.Tags {
				at := bearer{bgp.FamilyOf(a), tag}
				all[at] = append(all[at], netip.PrefixFrom(a, a.BitLen()))
			}
		}
	}
	for at, list := range all {
		slices.SortFunc(list, func(a, b netip.Prefix) int { return a.Addr().Compare(b.Addr()) })
		all[at] = slices.Compact(list)
	}
	return all
}

// denied is the sets of tags that rules deny here: while it is not known who is in one,
// no rule names it, and it is filled all the same.
func (d *deriver) denied() map[string]bool {
	named := map[string]bool{}
	sets := d.tagSets()
	for policy := range d.snapshot.Policies() {
		if !slices.ContainsFunc(slices.Collect(maps.Values(sets)), func(tags []string) bool { return shares(policy.AppliesTo, tags) }) {
			continue
		}
		for _, rule := range slices.Concat(policy.Ingress, policy.Egress) {
			for _, tag := range rule.Peer.Tags {
				for _, f := range bgp.Families {
					named[setName(f, tag)] = true
				}
			}
		}
	}
	return named
}

func shares(a, b []string) bool {
	return slices.ContainsFunc(a, func(tag string) bool { return slices.Contains(b, tag) })
}
