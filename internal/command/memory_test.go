package command

import "testing"

func TestOnlyConstantPartsOfTheProgramAreGivenBack(t *testing.T) {
	const program = "/usr/bin/heddle"
	for _, c := range []struct {
		name, line string
		want       bool
	}{
		{"code", "00400000-00d1e000 r-xp 00000000 fe:01 1234    /usr/bin/heddle", true},
		{"constants", "00d1e000-01500000 r--p 0091e000 fe:01 1234    /usr/bin/heddle", true},
		{"variables", "01500000-01600000 rw-p 01100000 fe:01 1234    /usr/bin/heddle", false},
		{"heap", "c000000000-c000400000 rw-p 00000000 00:00 0 ", false},
		{"another program's code", "7f0000000000-7f0000001000 r-xp 00000000 fe:01 99 /usr/lib/libc.so", false},
		{"a longer name that ends alike", "00400000-00d1e000 r-xp 00000000 fe:01 1234 /opt/usr/bin/heddle", false},
		{"not a mapping", "Size: 4 kB", false},
	} {
		start, end, ok := constantMapping(c.line, program)
		if ok != c.want {
			t.Errorf("%s: %v, want %v", c.name, ok, c.want)
		}
		if ok && end <= start {
			t.Errorf("%s: from %x to %x", c.name, start, end)
		}
	}
}
