package topology_test

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"heddle/topology"
)

func TestSummarized(t *testing.T) {
	for _, c := range []struct {
		name   string
		values map[string]string
		want   []string // pools
	}{
		{"a fabric as it should be", nil, []string{"blue", "blue6", "green-inner"}},
		{"the rack says no", map[string]string{"racks/r1": `{"summaries":false}`}, []string{"green-inner"}},
		{
			"the pool says yes against rack and settings", map[string]string{
				"settings": `{"summaries":false,"discard":["192.0.2.254"]}`,
				"racks/r1": `{"summaries":false}`, "pools/blue": `{"prefix":"10.1.0.0/16","rack":"r1","summaries":true}`,
			}, []string{"blue"},
		},
		{"no discard address of a family", map[string]string{"settings": `{"discard":["2001:db8::dead"]}`}, []string{"blue6"}},
		{"no home", map[string]string{"pools/blue": `{"prefix":"10.1.0.0/16"}`}, []string{"blue6", "green-inner"}},
		{
			"one address", map[string]string{
				"pools/blue": `{"prefix":"10.1.0.5/32","rack":"r1"}`, "pools/blue6": `{"prefix":"fd00:1::5/128","rack":"r1"}`,
			}, []string{"green-inner"},
		},
		{"inside a pool of another home", map[string]string{"pools/x": `{"prefix":"10.1.2.0/24","rack":"r2"}`}, []string{"blue6", "green-inner"}},
		{"inside a pool of its home", map[string]string{"pools/x": `{"prefix":"10.1.2.0/24","rack":"r1"}`}, []string{"blue", "blue6", "green-inner", "x"}},
		{
			"inside a pool of another home that is not to be summarised",
			map[string]string{"pools/green-inner": `{"prefix":"10.2.9.0/24","rack":"r1"}`},
			[]string{"blue", "blue6"},
		},
		{
			"two levels inside a pool of another home", map[string]string{
				"pools/x": `{"prefix":"10.1.2.0/24","rack":"r1"}`, "pools/y": `{"prefix":"10.1.2.128/25","rack":"r2"}`,
			}, []string{"blue6", "green-inner"},
		},
		{
			"beside a pool of another home inside one of its own", map[string]string{
				"pools/x": `{"prefix":"10.1.2.0/24","rack":"r2"}`, "pools/y": `{"prefix":"10.1.3.0/24","rack":"r1"}`,
			}, []string{"blue6", "green-inner", "y"},
		},
		{"around a pool without a home", map[string]string{"pools/x": `{"prefix":"10.1.2.0/24","anycast":true}`}, []string{"blue6", "green-inner"}},
		{"around an anycast pool of its home", map[string]string{"pools/x": `{"prefix":"10.1.2.0/24","rack":"r1","anycast":true}`}, []string{"blue", "blue6", "green-inner", "x"}},
		{"inside a pool without a home", map[string]string{"pools/x": `{"prefix":"10.0.0.0/8"}`}, []string{"blue", "blue6", "green-inner"}},
		{"of the prefix of another of its home", map[string]string{"pools/x": `{"prefix":"10.1.0.0/16","rack":"r1"}`}, []string{"blue6", "green-inner"}},
		{
			"around two of one prefix, the first of its home", map[string]string{
				"pools/x": `{"prefix":"10.1.2.0/24","rack":"r1"}`, "pools/y": `{"prefix":"10.1.2.0/24","rack":"r2"}`,
			}, []string{"blue", "blue6", "green-inner"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			values := fabric()
			maps.Copy(values, c.values)
			s := snapshotOf(values)
			var got []string
			for pool := range s.Pools() {
				if s.Summarized(pool) {
					got = append(got, pool.Name)
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("summarised are %v, want %v", got, c.want)
			}
		})
	}
}

// What is summarised follows each of the things it hangs on, when that changes
// alone.
func TestSummarizedFollowsChanges(t *testing.T) {
	var inv topology.Inventory
	inv.Apply(1, changes(fabric()))
	for _, step := range []struct {
		name, path, value string
		want              bool
	}{
		{"the rack says no", "racks/r1", `{"summaries":false}`, false},
		{"the rack is silent again", "racks/r1", `{}`, true},
		{"the settings say no", "settings", `{"summaries":false,"discard":["192.0.2.254"]}`, false},
		{"the pool says yes against them", "pools/blue", `{"prefix":"10.1.0.0/16","rack":"r1","summaries":true}`, true},
		{"the discard address is gone", "settings", `{}`, false},
	} {
		inv.Apply(2, changes(map[string]string{step.path: step.value}))
		s := inv.Snapshot()
		if pool, _ := s.Pool("blue"); s.Summarized(pool) != step.want {
			t.Errorf("%s: summarised %v", step.name, !step.want)
		}
	}
}

// Against a model that compares each pool with each other.
func TestSummarizedAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := map[string]string{"settings": `{"discard":["192.0.2.254","2001:db8::dead"]}`}
		for i := range rapid.IntRange(1, 9).Draw(t, "pools") {
			base, most := "10.0.0.0", 32
			if rapid.Bool().Draw(t, "v6") {
				base, most = "fd00::", 128
			}
			addr := netip.MustParseAddr(base).As16()
			addr[11], addr[15] = 0, byte(rapid.SampledFrom([]int{0, 1, 2, 128, 192}).Draw(t, "low"))
			at := netip.AddrFrom16(addr)
			if most == 32 {
				at = netip.AddrFrom4([4]byte{10, 0, 0, addr[15]})
			}
			bits := rapid.SampledFrom([]int{most, most - 1, most - 2, most - 6, most - 7, most - 8, most - 16}).Draw(t, "bits")
			values[fmt.Sprintf("pools/p%d", i)] = fmt.Sprintf(`{"prefix":%q%s%s}`, netip.PrefixFrom(at, bits).Masked(),
				rapid.SampledFrom([]string{"", `,"rack":"r1"`, `,"rack":"r2"`}).Draw(t, "rack"),
				rapid.SampledFrom([]string{"", "", `,"summaries":false`}).Draw(t, "summaries"))
		}
		s := snapshotOf(values)
		for pool := range s.Pools() {
			if got, want := s.Summarized(pool), modelSummarized(s, pool); got != want {
				t.Fatalf("pool %s summarised: %v, want %v\n%v", pool.Name, got, want, values)
			}
		}
	})
}

func modelSummarized(s *topology.Snapshot, pool topology.Pool) bool {
	if pool.Rack == "" || pool.Summaries == topology.No || pool.Prefix.IsSingleIP() {
		return false
	}
	for other := range s.Pools() {
		counts := true
		for twin := range s.Pools() {
			counts = counts && (twin.Prefix != other.Prefix || twin.Name >= other.Name)
		}
		switch {
		case other.Name == pool.Name || !other.Prefix.Overlaps(pool.Prefix):
		case other.Prefix == pool.Prefix:
			return false
		case !counts || other.Rack == pool.Rack:
		case other.Rack != "" || other.Prefix.Bits() > pool.Prefix.Bits():
			return false
		}
	}
	return true
}

func TestOverlapsAreProblems(t *testing.T) {
	for _, c := range []struct {
		name   string
		values map[string]string
		want   []string
	}{
		{
			"each pair of one outer and two inner pools",
			map[string]string{"pools/x": `{"prefix":"10.1.2.0/24","rack":"r2"}`, "pools/y": `{"prefix":"10.1.3.0/24","rack":"r2"}`},
			[]string{
				"pool x: is of rack r2 and lies in pool blue (10.1.0.0/16) of rack r1, so that neither is summarised: " +
					"home both in one rack, give one another prefix, or set summaries: false on both",
				"pool y: is of rack r2 and lies in pool blue (10.1.0.0/16) of rack r1, so that neither is summarised: " +
					"home both in one rack, give one another prefix, or set summaries: false on both",
			},
		},
		{
			"a pool without a home inside one with a home",
			map[string]string{"pools/x": `{"prefix":"10.1.2.0/24","anycast":true}`},
			[]string{"pool x: lies in pool blue (10.1.0.0/16) of rack r1 and has no home, so that blue is not summarised: " +
				"give it rack r1 or another prefix, or set summaries: false on blue"},
		},
		{
			"the mend helps: neither is to be summarised", map[string]string{
				"pools/blue": `{"prefix":"10.1.0.0/16","rack":"r1","summaries":false}`, "pools/x": `{"prefix":"10.1.2.0/24","rack":"r2","summaries":false}`,
				"pools/y": `{"prefix":"10.1.3.0/24"}`,
			}, nil,
		},
		{"a pool with a home inside one without", map[string]string{"pools/x": `{"prefix":"10.0.0.0/8"}`}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			values := fabric()
			maps.Copy(values, c.values)
			var got []string
			for _, problem := range snapshotOf(values).Problems() {
				got = append(got, problem.String())
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("problems\n%q\nwant\n%q", got, c.want)
			}
		})
	}
}
