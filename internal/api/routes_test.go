package api_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"heddle/bgp"
	"heddle/internal/api"
	"heddle/reflector"
)

// endless has routes until somebody has read one.
type endless struct {
	tables
	read chan struct{}
}

func (e *endless) Routes(ctx context.Context, f bgp.Family, each func(reflector.Route) error) error {
	if f != bgp.IPv4Unicast {
		return nil
	}
	for n := uint32(0); ; n++ {
		select {
		case <-e.read:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		default:
		}
		addr := netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)})
		if err := each(reflector.Route{Prefix: netip.PrefixFrom(addr, 32), Paths: []reflector.Path{path("192.0.2.11", "192.0.2.11")}}); err != nil {
			return err
		}
	}
}

// Were they gathered before they are written, nobody would ever read one.
func TestRoutesAreStreamed(t *testing.T) {
	state, _, _ := busy()
	e := &endless{read: make(chan struct{})}
	state.Tables = e
	server := serve(t, state)
	response, err := server.Client().Get(server.URL + "/api/v1/routes")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body := bufio.NewReader(response.Body)
	decoder := json.NewDecoder(body)
	if _, err := decoder.Token(); err != nil {
		t.Fatal(err)
	}
	var first api.Route
	if err := decoder.Decode(&first); err != nil || first.Prefix.String() != "10.0.0.0/32" {
		t.Fatalf("first route is %v, %v", first, err)
	}
	close(e.read)
	for decoder.More() {
		if err := decoder.Decode(&first); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := decoder.Token(); err != nil {
		t.Errorf("the array is not closed: %v", err)
	}
}

func TestHealth(t *testing.T) {
	good, _, _ := busy()
	stopping := good
	stopping.Stopping = true
	waiting := good
	waiting.Complete, waiting.Sessions, waiting.Tables = false, nil, nil
	hung, _, tables := busy()
	tables.err = errGone
	for _, c := range []struct {
		name, path string
		state      api.State
		code       int
		want       string
	}{
		{"ready, though etcd is gone", "/readyz", good, 200, "ok\n"},
		{"the list of checks", "/readyz?verbose", good, 200, "[+] inventory ok\n[+] sessions ok\nreadyz check passed\n"},
		{"no inventory yet", "/readyz", waiting, 503, "[-] inventory failed: the inventory is not complete yet: connection refused\n" +
			"[-] sessions failed: they wait for the inventory\nreadyz check failed\n"},
		{"on the way down", "/readyz", stopping, 503, "[+] inventory ok\n[-] sessions failed: the reflector is shutting down\nreadyz check failed\n"},
		{"alive", "/livez?verbose", good, 200, "[+] http ok\n[+] tables ok\nlivez check passed\n"},
		{"alive without an inventory", "/livez", waiting, 200, "ok\n"},
		{"alive on the way down", "/livez", stopping, 200, "ok\n"},
		{"the tables do not answer", "/livez", hung, 503, "[+] http ok\n[-] tables failed: the reflector has stopped\nlivez check failed\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if code, got, _ := get(t, serve(t, c.state), c.path); code != c.code || got != c.want {
				t.Errorf("answer is %d %q, want %d %q", code, got, c.code, c.want)
			}
		})
	}
}

func FuzzPrefixParameter(f *testing.F) {
	for _, seed := range []string{"10.1.0.5", "10.1.0.0/16", "fd00::/8", "::ffff:10.0.0.1", "fe80::1%1", "/", "10.0.0.0/33"} {
		f.Add(seed)
	}
	state, _, _ := busy()
	handler := api.New(api.Version{}, func() api.State { return state })
	f.Fuzz(func(t *testing.T, text string) {
		request := httptest.NewRequest(http.MethodGet, "/api/v1/routes", nil)
		query := request.URL.Query()
		query.Set("prefix", text)
		request.URL.RawQuery = query.Encode()
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, request)
		if w.Code != http.StatusOK && w.Code != http.StatusBadRequest || !json.Valid(w.Body.Bytes()) {
			t.Errorf("%q is answered with %d %s", text, w.Code, w.Body)
		}
	})
}
