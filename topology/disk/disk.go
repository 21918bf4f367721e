package disk

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"heddle/topology"
)

// format is the number of the form below; a file of another is not read.
const format = 1

// Saved is an inventory as it was.
type Saved struct {
	// Cluster and Revision are those of the datastore it is of.
	Cluster  uint64
	Revision int64
	// At is when it was known to be so.
	At time.Time
	// Changes are the objects, each with a value.
	Changes []topology.Change
}

// header is the first line of the file. One for each object follows. The sum is of all,
// with no sum in its place:
//
//	{"format":1,"cluster":"8e9e05c52164694d","revision":312,"at":"…","objects":2,"sha256":"…"}
//	{"path":"/heddle/v1/nodes/h1","value":{"addresses":["192.0.2.11"],"rack":"r1"}}
//	{"path":"/heddle/v1/settings","value":{"asn":64512}}
type header struct {
	Format   int       `json:"format"`
	Cluster  uint64    `json:"cluster,string"`
	Revision int64     `json:"revision"`
	At       time.Time `json:"at"`
	Objects  int       `json:"objects"`
	SHA256   string    `json:"sha256"`
}

func (h header) sum(body []byte) (string, error) {
	h.SHA256 = ""
	first, err := json.Marshal(h)
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	_, _ = sum.Write(first) // never fails
	_, _ = sum.Write(body)
	return hex.EncodeToString(sum.Sum(nil)), nil
}

type line struct {
	Path  string          `json:"path"`
	Value json.RawMessage `json:"value"`
}

// Load reads a file. There is none: the error is fs.ErrNotExist.
func Load(file string) (Saved, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return Saved{}, err
	}
	s, err := parse(content)
	if err != nil {
		return Saved{}, fmt.Errorf("%s: %w: it is not used, and the next one replaces it", file, err)
	}
	return s, nil
}

func parse(content []byte) (Saved, error) {
	first, body, _ := bytes.Cut(content, []byte("\n"))
	var h header
	if err := json.Unmarshal(first, &h); err != nil {
		return Saved{}, errors.New("it does not begin as an inventory does")
	}
	if h.Format != format {
		return Saved{}, fmt.Errorf("it has format %d and this release knows %d", h.Format, format)
	}
	if sum, err := h.sum(body); err != nil || sum != h.SHA256 {
		return Saved{}, errors.New("it is damaged: its sum is not the one it names")
	}
	s := Saved{Cluster: h.Cluster, Revision: h.Revision, At: h.At, Changes: make([]topology.Change, 0, min(h.Objects, len(body)))}
	for decoder := json.NewDecoder(bytes.NewReader(body)); ; {
		var l line
		err := decoder.Decode(&l)
		if err == io.EOF {
			break
		}
		if err != nil || l.Path == "" {
			return Saved{}, fmt.Errorf("object %d can't be read", len(s.Changes)+1)
		}
		s.Changes = append(s.Changes, topology.Change{Path: l.Path, Value: l.Value})
	}
	if len(s.Changes) != h.Objects {
		return Saved{}, fmt.Errorf("it has %d objects and names %d", len(s.Changes), h.Objects)
	}
	return s, nil
}

// Store replaces a file, and gives back when the new one will outlive a loss of power.
func Store(file string, s Saved) error {
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	for _, c := range s.Changes {
		if err := encoder.Encode(line{c.Path, c.Value}); err != nil {
			return fmt.Errorf("%s: %w", c.Path, err)
		}
	}
	h := header{Format: format, Cluster: s.Cluster, Revision: s.Revision, At: s.At.UTC(), Objects: len(s.Changes)}
	sum, err := h.sum(body.Bytes())
	if err != nil {
		return err
	}
	h.SHA256 = sum
	first, err := json.Marshal(h)
	if err != nil {
		return err
	}
	return replace(file, append(first, '\n'), body.Bytes())
}

// replace writes beside the file and renames. What a loss of power leaves there, the next
// write takes for its own: the directory is one daemon's.
func replace(file string, parts ...[]byte) (err error) {
	dir := filepath.Dir(file)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(file+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, ignoreMissing(os.Remove(f.Name())))
		}
	}()
	w := bufio.NewWriter(f)
	for _, part := range parts {
		_, _ = w.Write(part) // Flush says
	}
	if err := errors.Join(w.Flush(), f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), file); err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
