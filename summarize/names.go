package summarize

// Rack is a number for the name of a rack; 0 is no rack, or an unknown one.
type Rack uint16

// Names gives racks their numbers. A number is never given twice, so that it means
// the same in every Map compiled with the same Names, and in what was encoded before
// the latest. It has one owner. The zero value is ready.
type Names struct {
	ids   map[string]Rack
	names []string
}

// racksMost is how many names of racks there may ever have been.
const racksMost = 1<<16 - 1

// ID is the number of a name: 0 for the empty one.
func (n *Names) ID(name string) Rack {
	if name == "" {
		return 0
	}
	id, ok := n.ids[name]
	if ok {
		return id
	}
	if len(n.names) == racksMost {
		return 0 // unknown is always an exception
	}
	if n.ids == nil {
		n.ids = map[string]Rack{}
	}
	n.names = append(n.names, name)
	id = Rack(len(n.names))
	n.ids[name] = id
	return id
}

// Name is what ID was given.
func (n *Names) Name(id Rack) string {
	if id == 0 {
		return ""
	}
	return n.names[id-1]
}
