package firewall

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"heddle/bgp"
)

// Purge removes everything of ours from both back ends, both families and the sets,
// and nothing else.
func (d *Driver) Purge(ctx context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	var errs []error
	for _, t := range append([]tables{d.tables}, d.others...) {
		errs = append(errs, clean(ctx, t))
	}
	d.state, d.spots = nil, [2][2]spot{}
	d.members = map[string]map[netip.Prefix]struct{}{}
	d.left = false
	_, err := d.discard(nil)
	if err == nil && d.left {
		err = errors.New("sets of ours are still in use: rules of others name them")
	}
	return errors.Join(append(errs, err)...)
}

// sweep removes what we left in the other back end, where rules of ours would still
// drop packets though nobody minds them any more.
func (d *Driver) sweep(ctx context.Context) error {
	if d.swept {
		return nil
	}
	for _, t := range d.others {
		if err := clean(ctx, t); err != nil {
			return err
		}
	}
	d.swept = true
	return nil
}

func clean(ctx context.Context, t tables) error {
	var errs []error
	for _, family := range bgp.Families {
		errs = append(errs, cleanFamily(ctx, t, family))
	}
	return errors.Join(errs...)
}

// cleanFamily asks for all tables at once: naming one that is not there makes it.
func cleanFamily(ctx context.Context, t tables, family bgp.Family) error {
	var last error
	for range contestMost {
		text, err := t.save(ctx, family, TableInvalid)
		if err != nil {
			return err
		}
		inputs := 0
		for _, table := range [...]Table{Raw, Filter} {
			part := section(string(text), table)
			if part == "" {
				continue
			}
			v, err := parseSave([]byte(part))
			if err != nil {
				return err
			}
			p := plan(v, &view{}, exactly)
			if p.empty() {
				continue
			}
			inputs++
			last = t.restore(ctx, family, p.text(table))
		}
		if inputs == 0 {
			return nil
		}
	}
	return fmt.Errorf("%s back end, %s: rules of ours stay: %w", t.name(), family, last)
}

// section is the part of what iptables-save printed that is of a table.
func section(text string, table Table) string {
	_, part, ok := strings.Cut("\n"+text, "\n*"+table.String()+"\n")
	if !ok {
		return ""
	}
	part, _, _ = strings.Cut(part, "\nCOMMIT")
	return part
}
