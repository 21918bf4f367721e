package runner

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"heddle/lab/probe"
)

// Lab is a lab that runs, seen from outside.
type Lab struct {
	record record
	folder folder
	http   http.Client
	leash  *os.File // of a lab that ends with us: closed with the last of this process
}

// ErrNone says that there is no such lab.
var ErrNone = errors.New("there is no such lab")

// Open finds a lab of this user by its name.
func Open(name string) (*Lab, error) {
	f, err := folderOf(name)
	if err != nil {
		return nil, err
	}
	r, err := f.read()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("lab %s: %w: %s starts it", name, ErrNone, upHint(name))
	}
	if err != nil {
		return nil, fmt.Errorf("lab %s: %w", name, err)
	}
	if !f.held() {
		return nil, fmt.Errorf("lab %s: its supervisor has ended, and with it the lab; %s clears what is left", name, Hint(name, "down"))
	}
	return open(r, f), nil
}

func open(r record, f folder) *Lab {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", f.socket())
	}
	return &Lab{record: r, folder: f, http: http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}}
}

// Name is the lab's.
func (l *Lab) Name() string { return l.record.Name }

// Status asks how the lab is; with health, the checks of the file are run, too, once
// nothing else is missing.
func (l *Lab) Status(ctx context.Context, health bool) (Status, error) {
	var s Status
	path := "/status"
	if health {
		path += "?health"
	}
	return s, l.call(ctx, http.MethodGet, path, nil, &s)
}

// Start starts a node that has ended.
func (l *Lab) Start(ctx context.Context, node string) error {
	return l.call(ctx, http.MethodPost, "/nodes/"+node+"/start", nil, nil)
}

// Kill ends all processes of a node at once. Its cables stay.
func (l *Lab) Kill(ctx context.Context, node string) error {
	return l.call(ctx, http.MethodPost, "/nodes/"+node+"/kill", nil, nil)
}

// Stop asks a node's command to end (SIGTERM), and waits until it has.
func (l *Lab) Stop(ctx context.Context, node string) error {
	return l.call(ctx, http.MethodPost, "/nodes/"+node+"/stop", nil, nil)
}

// Cut takes the power from a node: its cables are dead before its processes are, so that
// nobody hears a word of it, and what its kernel knew is forgotten. Start boots it.
func (l *Lab) Cut(ctx context.Context, node string) error {
	return l.call(ctx, http.MethodPost, "/nodes/"+node+"/cut", nil, nil)
}

// Probe begins a stream of numbered packets, which are echoed, and gives its number.
func (l *Lab) Probe(ctx context.Context, o ProbeOrder) (id uint32, err error) {
	return id, l.call(ctx, http.MethodPost, "/probes", o, &id)
}

// Probed says what has become of a stream so far.
func (l *Lab) Probed(ctx context.Context, id uint32) (r probe.Report, err error) {
	return r, l.call(ctx, http.MethodGet, fmt.Sprintf("/probes/%d", id), nil, &r)
}

// EndProbe ends a stream and says what became of it.
func (l *Lab) EndProbe(ctx context.Context, id uint32) (r probe.Report, err error) {
	return r, l.call(ctx, http.MethodDelete, fmt.Sprintf("/probes/%d", id), nil, &r)
}

// Log gives a node's log, as far as it is kept.
func (l *Lab) Log(node string) ([]byte, error) {
	text, err := readJournal(l.folder.log(filepath.Base(node)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no node %s, or it has not begun yet", node)
	}
	return text, err
}

// call asks the supervisor.
func (l *Lab) call(ctx context.Context, method, path string, question, into any) error {
	var body io.Reader
	if question != nil {
		data, err := json.Marshal(question)
		if err != nil {
			return err
		}
		body = bytes.NewReader(data)
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://lab"+path, body)
	if err != nil {
		return err
	}
	response, err := l.http.Do(request)
	if err != nil {
		return fmt.Errorf("lab %s: %w", l.record.Name, err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		return err
	case response.StatusCode != http.StatusOK:
		return errors.New(strings.TrimSpace(string(text)))
	case into == nil:
		return nil
	}
	return json.Unmarshal(text, into)
}
