package runner

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
)

// journalMost bounds a node's log: that much is kept at least, and twice as much at most.
// It lies in memory, where /run does.
const journalMost = 4 << 20

// journal is a node's log: a file, and the one before it.
type journal struct {
	path string

	mu   sync.Mutex
	file *os.File
	size int64
}

// before is where the older part is. No node has a name with a tilde.
func before(path string) string { return path + "~" }

// Write adds to the log. It never fails: a node's processes would die of it.
func (j *journal) Write(text []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.open(); err != nil {
		return len(text), nil
	}
	if j.size+int64(len(text)) > journalMost {
		j.turn()
	}
	n, _ := j.file.Write(text)
	j.size += int64(n)
	return len(text), nil
}

// begin has the log be there before anything is said.
func (j *journal) begin() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.open()
}

func (j *journal) open() error {
	if j.file != nil {
		return nil
	}
	file, err := os.OpenFile(j.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	j.file = file
	return nil
}

// turn begins a new file; where it can't, the log loses what it had.
func (j *journal) turn() {
	old := j.file
	j.file, j.size = nil, 0
	if err := errors.Join(os.Rename(j.path, before(j.path)), j.open()); err != nil {
		_ = old.Truncate(0)
		j.file = old
		return
	}
	_ = old.Close()
}

// say adds a line.
func (j *journal) say(line string) { fmt.Fprintln(j, line) }

// lastWords is how the log ends.
func (j *journal) lastWords() string {
	const lines, most = 8, 4 << 10
	text, err := tail(j.path, most)
	if err != nil {
		return "  " + err.Error()
	}
	all := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	return "  " + string(bytes.Join(all[max(0, len(all)-lines):], []byte("\n  ")))
}

// tail reads the end of a file.
func tail(path string, most int64) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.NewSectionReader(file, max(0, info.Size()-most), most))
}

// readJournal reads all that is kept of a log.
func readJournal(path string) ([]byte, error) {
	older, err := os.ReadFile(before(path))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	newer, err := os.ReadFile(path)
	return append(older, newer...), err
}
