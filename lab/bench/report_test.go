package bench

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"os"
	"strings"
	"testing"
	"time"
)

func TestSpreadIsOfTheNearestRank(t *testing.T) {
	var times []time.Duration
	for i := 200; i > 0; i-- {
		times = append(times, time.Duration(i)*time.Second)
	}
	for _, c := range []struct {
		times []time.Duration
		want  Spread
	}{
		{nil, Spread{}},
		{times[:1], Spread{200, 200, 200}},
		{times, Spread{100, 198, 200}},
		{[]time.Duration{2 * time.Second, time.Second}, Spread{1, 2, 2}},
	} {
		if got := spread(c.times); got != c.want {
			t.Errorf("spread of %d times is %v, want %v", len(c.times), got, c.want)
		}
	}
}

func TestExponents(t *testing.T) {
	curve := func(f func(float64) float64) (list []point) {
		for x := 1.0; x < 1e6; x *= 10 {
			list = append(list, point{x, f(x)})
		}
		return list
	}
	for _, c := range []struct {
		name   string
		points []point
		want   float64
		ok     bool
	}{
		{"constant", curve(func(float64) float64 { return 7 }), 0, true},
		{"linear", curve(func(x float64) float64 { return 3 * x }), 1, true},
		{"quadratic", curve(func(x float64) float64 { return x * x / 9 }), 2, true},
		{"one point", curve(math.Sqrt)[:1], 0, false},
		{"one point that counts", []point{{1, 1}, {2, 0}}, 0, false},
	} {
		if got, ok := exponent(c.points); ok != c.ok || math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%s: exponent is %v, %t; want %v, %t", c.name, got, ok, c.want, c.ok)
		}
	}
}

func TestFiguresForPeople(t *testing.T) {
	for want, got := range map[string]string{
		"0":                 number(0),
		"0.0123":            number(0.01234),
		"0.0001":            number(0.0001),
		"1.23":              number(1.234),
		"12.3":              number(12.34),
		"1234":              number(1234),
		"123 µs":            seconds(123e-6),
		"1.50 ms":           seconds(1.5e-3),
		"2.00 s":            seconds(2),
		"–":                 mega(0),
		"45.0 MB":           mega(45e6),
		"48.0 B":            inOctetsEach.format(48),
		"32.8 kB":           inOctetsEach.format(32 << 10),
		"1.00/2.00/3.00 ms": Spread{1e-3, 2e-3, 3e-3}.String(),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// invented has results for all rows, with one failure and one speaker too slow.
func invented() *Results {
	res := &Results{Repeat: 3, Deadline: 60, Versions: map[string]string{"heddle": "v1", "bird": "2", "hub": "v1"}, Reports: map[string]map[string][]*Report{}}
	s := Suite{}
	for i, r := range s.rows() {
		n := r.config.Clients * r.config.routes()
		report := func(scale float64) *Report {
			return &Report{
				Clients: r.config.Clients, Routes: r.config.routes(), Core: scale * float64(n) * 1e-8, Wall: scale, RSS: 10e6 + 40*r.config.routes(),
				Last: Spread{1e-3, 2e-3, 3e-3},
			}
		}
		res.Reports[r.id] = map[string][]*Report{"heddle": {report(3), report(1), report(2)}}
		if i == 0 {
			late := report(60)
			late.Late, late.Failure = true, "time is up"
			res.Reports[r.id]["bird"] = []*Report{late}
			res.Reports[r.id]["hub"] = []*Report{report(2)}
		}
	}
	return res
}

func TestThePageHasTheMedianTheGoalAndTheRatio(t *testing.T) {
	text := invented().measured("plot.svg")
	for _, want := range []string{
		"| load, 1,000 clients × 500 routes each | ≤ 1.20 core-s ✗ | **10.0 core-s** | > 300 core-s | 10.0 core-s | < 0.0333 | 1.00 |",
		"| the same, wall | ≤ 1.10 × hub ✓ | **2.00 s** | > 60.0 s | 2.00 s |",
		"| one more IPv4 route | ≤ 48.0 B ✓ | 40.0 B | – |",
		"| exponent | 1.00 |",
		"](plot.svg)",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page has no %q in\n%s", want, text)
		}
	}
}

func TestWhatPeopleWroteOnThePageStays(t *testing.T) {
	dir := t.TempDir()
	res := invented()
	if err := res.Publish(dir); err != nil {
		t.Fatal(err)
	}
	file := dir + "/" + pageFile
	first, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, append(first, "Where the time goes.\n"...), 0o644); err != nil {
		t.Fatal(err)
	}
	stored, err := Stored(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := stored.Publish(dir); err != nil {
		t.Fatal(err)
	}
	second, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(second) != string(first)+"Where the time goes.\n" {
		t.Errorf("the page became\n%s", second)
	}
	if _, err := insert("a page without marks", ""); err == nil {
		t.Error("a page without marks was written")
	}
}

func TestThePlotIsWellFormed(t *testing.T) {
	var b bytes.Buffer
	if err := invented().plot(&b); err != nil {
		t.Fatal(err)
	}
	circles := 0
	for d := xml.NewDecoder(&b); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if e, ok := token.(xml.StartElement); ok && e.Name.Local == "circle" {
			circles++
			for _, a := range e.Attr {
				if strings.Contains(a.Value, "NaN") || strings.Contains(a.Value, "Inf") {
					t.Errorf("circle at %s=%s", a.Name.Local, a.Value)
				}
			}
		}
	}
	if want := 2*5 + 2*6 + 1; circles != want { // and one in the legend
		t.Errorf("%d circles, want %d", circles, want)
	}
}

func TestReportsArePrinted(t *testing.T) {
	reports := []*Report{{Scenario: "load", Speaker: "heddle"}, {Scenario: "load", Speaker: "bird", Late: true, Failure: "time is up", Missing: 5}}
	var table, octets bytes.Buffer
	if err := errors.Join(PrintTable(&table, reports), PrintJSON(&octets, reports)); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(table.String(), "verified") || !strings.Contains(table.String(), "time was up: time is up; 5 (client, route) pairs missing") {
		t.Errorf("table is\n%s", table.String())
	}
	var back []Report
	if err := json.Unmarshal(octets.Bytes(), &back); err != nil || len(back) != 2 || back[1] != *reports[1] {
		t.Errorf("JSON is %s, %v", octets.String(), err)
	}
}

func TestConnectionsAreReadFromTheKernel(t *testing.T) {
	table := `  sl  local_address rem_address   st tx_queue rx_queue
   0: 0100007F:00B3 00000000:0000 0A 00000000:00000000
   1: 0100007F:00B3 0100017F:D2F4 01 00000000:00000000
   2: 0100007F:00B3 0200017F:D2F5 04 00000000:00000000
   3: 0300017F:D2F6 0100007F:00B3 01 00000000:00000000
`
	open := openAt(table, 179)
	if len(open) != 1 || !open[kernelAddr(0)] {
		t.Errorf("open are %v, want %s", open, kernelAddr(0))
	}
}

func TestOwnUsageIsRead(t *testing.T) {
	u, err := usageOf(os.Getpid())
	if err != nil || u.CPU <= 0 || u.RSS <= 0 || u.Anon <= 0 || u.Peak < u.RSS {
		t.Errorf("usage is %+v, %v", u, err)
	}
	if _, err := usageOf(1 << 30); err == nil {
		t.Error("a process that is not there has used something")
	}
}
