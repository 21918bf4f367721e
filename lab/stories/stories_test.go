package stories_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"heddle/lab/runner"
	"heddle/lab/stories"
)

// stage is where all stories are told: bringing a lab up costs more than most of them.
var stage stories.Stage

const root = "../.."

// long has the stories told, too, that take their time.
var long = flag.Bool("long", false, "tell all stories")

func TestMain(m *testing.M) {
	flag.Parse()
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "lab/stories:", err)
		code = 1
	}
	os.Exit(code)
}

// interrupted leaves nothing of a run that is; its labs end with it.
func interrupted(dir string) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		_ = os.RemoveAll(dir)
		os.Exit(1)
	}()
}

// run brings the lab up, which ends with this process, however that ends.
func run(m *testing.M) (int, error) {
	dir, err := os.MkdirTemp("", "heddle-stories-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	interrupted(dir)
	for _, command := range []string{"heddle", "heddle-agent"} {
		build := exec.Command("go", "build", "-o", filepath.Join(dir, command), "heddle/cmd/"+command)
		if out, err := build.CombinedOutput(); err != nil {
			return 1, fmt.Errorf("%s: %w\n%s", build, err, out)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	name := fmt.Sprintf("stories-%d", os.Getpid())
	program := filepath.Join(dir, "heddle")
	lab, err := runner.Up(ctx, runner.Options{File: filepath.Join(root, "containerlab.yml"), Name: name, Program: program, Attached: true})
	if err != nil {
		return 1, err
	}
	defer func() { _ = runner.Down(name) }()
	if err := lab.Ready(ctx, func(runner.Status) {}); err != nil {
		return 1, err
	}
	stage = stories.Stage{Lab: lab, Program: program, Folder: filepath.Join(root, "lab/topologies/default"), Out: os.Stdout}
	return m.Run(), nil
}

func TestStories(t *testing.T) {
	for _, s := range stories.All() {
		if s.Long && !*long {
			continue
		}
		t.Run(s.Name, func(t *testing.T) {
			fmt.Println(s.Name)
			if err := stage.Tell(t.Context(), s); err != nil {
				t.Error(err)
			}
		})
	}
}
