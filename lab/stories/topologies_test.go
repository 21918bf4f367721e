package stories_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"heddle/lab/runner"
	"heddle/lab/stories"
)

// A topology is brought up in any case, and it is seen who reaches whom.
func TestTopologies(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(root, "lab/topologies/*/*.clab.yml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("there are no topologies: %v", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".clab.yml")
		own := stories.Of(name)
		switch {
		case own[0].Name == stories.All()[0].Name && !*long:
			continue // the nodes of containerlab.yml, of which all is told already
		case !*long:
			own = own[:1]
		}
		t.Run(name, func(t *testing.T) {
			s := raise(t, name, file)
			for _, story := range own {
				fmt.Println(story.Name)
				if err := s.Tell(t.Context(), story); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// raise brings a topology up, for as long as the test takes.
func raise(t *testing.T, name, file string) stories.Stage {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	name = fmt.Sprintf("stories-%s-%d", name, os.Getpid())
	lab, err := runner.Up(ctx, runner.Options{File: file, Name: name, Program: stage.Program, Attached: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := runner.Down(name); err != nil {
			t.Error(err)
		}
	})
	if err := lab.Ready(ctx, func(runner.Status) {}); err != nil {
		t.Fatal(err)
	}
	s := stage
	s.Lab = lab
	return s
}
