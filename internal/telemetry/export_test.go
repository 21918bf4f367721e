package telemetry

// Names are those of the table.
func Names() []string {
	var names []string
	for _, m := range metrics {
		names = append(names, m.name)
	}
	return names
}

// Update says whether golden files are to be written.
func Update() bool { return *update }
