package disk_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"heddle/topology"
	"heddle/topology/disk"
)

var sample = disk.Saved{
	Cluster: 1<<63 + 5, Revision: 312, At: time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC),
	Changes: []topology.Change{
		{Path: "/heddle/v1/nodes/h1", Value: []byte(`{"addresses":["192.0.2.11"],"rack":"r1"}`)},
		{Path: "/heddle/v1/settings", Value: []byte(`{"asn":64512}`)},
	},
}

func stored(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "deep", "inventory")
	if err := disk.Store(file, sample); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestWhatIsStoredIsLoaded(t *testing.T) {
	file := stored(t)
	got, err := disk.Load(file)
	if err != nil || !reflect.DeepEqual(got, sample) {
		t.Fatalf("%+v, %v; want %+v", got, err, sample)
	}
	again := sample
	again.Revision, again.Changes = 313, nil
	if err := disk.Store(file, again); err != nil {
		t.Fatal(err)
	}
	if got, err := disk.Load(file); err != nil || got.Revision != 313 || len(got.Changes) != 0 {
		t.Errorf("replaced by an empty one: %+v, %v", got, err)
	}
	if entries, _ := os.ReadDir(filepath.Dir(file)); len(entries) != 1 {
		t.Errorf("beside the file there is more: %v", entries)
	}
}

// Nobody would ever remove what accumulates there.
func TestWhatALossOfPowerLeftIsTakenForTheNextWrite(t *testing.T) {
	file := stored(t)
	if err := os.WriteFile(file+".new", bytes.Repeat([]byte("half"), 1<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := disk.Store(file, sample); err != nil {
		t.Fatal(err)
	}
	if got, err := disk.Load(file); err != nil || !reflect.DeepEqual(got, sample) {
		t.Errorf("%+v, %v; want %+v", got, err, sample)
	}
	if entries, _ := os.ReadDir(filepath.Dir(file)); len(entries) != 1 {
		t.Errorf("beside the file there is more: %v", entries)
	}
}

func TestAFileThatIsNotThereIsSaidToBe(t *testing.T) {
	if _, err := disk.Load(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

// Every octet counts: whichever is another, or missing, the file is not believed.
func TestADamagedFileIsNotBelieved(t *testing.T) {
	file := stored(t)
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for i := range whole {
		damaged := bytes.Clone(whole)
		damaged[i] ^= 1
		refuses(t, file, damaged)
		refuses(t, file, whole[:i])
	}
	for old, replacement := range map[string]string{`"format":1`: `"format":2`, `"objects":2`: `"objects":3`, `"sha256":"`: `"sha256":"0`} {
		refuses(t, file, []byte(strings.Replace(string(whole), old, replacement, 1)))
	}
}

func refuses(t *testing.T, file string, content []byte) {
	t.Helper()
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if s, err := disk.Load(file); err == nil {
		t.Fatalf("believed: %q gives %+v", content, s)
	} else if !strings.HasPrefix(err.Error(), file+": ") {
		t.Fatalf("the error does not name the file: %v", err)
	}
}

func TestADirectoryThatTakesNoFileIsAnError(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := disk.Store(filepath.Join(file, "inventory"), sample); err == nil {
		t.Error("no error")
	}
}

func FuzzLoad(f *testing.F) {
	file := filepath.Join(f.TempDir(), "inventory")
	if err := disk.Store(file, sample); err != nil {
		f.Fatal(err)
	}
	whole, err := os.ReadFile(file)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add([]byte("{}\n"))
	f.Add([]byte(`{"format":1,"objects":1000000000,"sha256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		file := filepath.Join(t.TempDir(), "inventory")
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := disk.Load(file)
		if err != nil {
			return
		}
		var inventory topology.Inventory
		inventory.Apply(s.Revision, s.Changes)
		inventory.Snapshot()
	})
}
