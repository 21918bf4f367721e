// Package manifest reads and writes the objects of a fabric as YAML files, the
// form in which people keep them.
//
// What I am: another spelling of topology's values, with positions.
//
// What I take: documents separated by "---", each one object or a list of them,
// with kind, name and, for a workload, node beside the fields of its value:
//
//	kind: workload
//	node: h1
//	name: web1
//	addresses: [10.1.0.5, "fd00:1::5"]
//
// What I give: objects; or every fault of the file at once, each as
// FILE:LINE:COLUMN with the thing, the fault and the mend.
//
// What I promise: nothing in a file is passed over in silence: what is not
// understood is refused. Parse undoes Format.
//
// What I refuse: anchors, aliases, tags and merge keys: an object says itself what
// it is.
package manifest
