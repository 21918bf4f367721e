package main

import "heddle/topology"

// fabric is the inventory that routes are judged by: what etcd says, and what the
// --inventory files say of keys that etcd does not have.
type fabric struct {
	etcd, files *topology.Snapshot // that it was made of
	merged      *topology.Snapshot
}

// of returns the fabric of two snapshots; the same one as long as they are the same.
func (f *fabric) of(etcd, files *topology.Snapshot) *topology.Snapshot {
	if f.etcd == etcd && f.files == files {
		return f.merged
	}
	f.etcd, f.files = etcd, files
	switch {
	case empty(files):
		f.merged = etcd
	case empty(etcd):
		f.merged = files
	default:
		f.merged = merge(etcd, files)
	}
	return f.merged
}

func empty(s *topology.Snapshot) bool {
	for range s.Objects() {
		return false
	}
	return true
}

func merge(etcd, files *topology.Snapshot) *topology.Snapshot {
	var changes []topology.Change
	for _, s := range []*topology.Snapshot{files, etcd} {
		changes = append(changes, topology.ChangesOf(s.Objects())...)
	}
	var inventory topology.Inventory
	inventory.Apply(etcd.Revision(), changes)
	return inventory.Snapshot()
}
