package runner

import (
	"os"
	"strings"

	"heddle/lab/containerlab"
)

// DefaultFile is the topology that is meant when none is named.
const DefaultFile = "containerlab.yml"

// Hint is a command of heddle lab as it is typed here for the lab of this name: without
// the name it may hit another one.
func Hint(name string, words ...string) string {
	command := []string{"heddle", "lab"}
	if !isDefault(name) {
		command = append(command, "--name", name)
	}
	return strings.Join(append(command, words...), " ")
}

// upHint is the command that starts it. What is not the default has a file that nobody
// knows before it runs.
func upHint(name string) string {
	if isDefault(name) {
		return Hint(name, "up")
	}
	return Hint(name, "-t FILE up")
}

func isDefault(name string) bool {
	data, err := os.ReadFile(DefaultFile)
	if err != nil {
		return false
	}
	t, err := containerlab.Parse(DefaultFile, data)
	return err == nil && t.Name == name
}
