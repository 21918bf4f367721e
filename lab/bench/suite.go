package bench

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"heddle/bgp"
)

// Suite is all that is published, measured in one go.
type Suite struct {
	Program  string // the heddle executable
	Version  string // its version
	ASN      bgp.ASN
	Speakers []string // those to measure; none: all that are installed
	Repeat   int      // how often; the median counts
	Quick    bool     // the short rows only, and no growth
	// Line is told what is being measured.
	Line func(string)
	// Progress is that of each run.
	Progress func(phase string, done, total int)
}

// Results is what a suite has measured.
type Results struct {
	Machine  Machine           `json:"machine"`
	Begun    time.Time         `json:"begun"`
	Took     float64           `json:"tookSeconds"`
	Repeat   int               `json:"repeat"`
	Quick    bool              `json:"quick,omitempty"`
	Deadline float64           `json:"deadlineSeconds"` // of each phase
	Versions map[string]string `json:"versions"`        // of the speakers measured
	// Reports has the runs of each row, by its id and the speaker's name.
	Reports map[string]map[string][]*Report `json:"reports"`
}

// Run measures everything. An interrupted suite has no results.
func (s *Suite) Run(ctx context.Context) (*Results, error) {
	res := &Results{
		Machine: thisMachine(), Begun: time.Now().UTC().Truncate(time.Second), Repeat: s.Repeat, Quick: s.Quick, Deadline: s.deadline().Seconds(),
		Versions: map[string]string{}, Reports: map[string]map[string][]*Report{},
	}
	if err := s.choose(res); err != nil {
		return nil, err
	}
	list := s.rows()
	for i, r := range list {
		if err := s.row(ctx, res, r, fmt.Sprintf("%d/%d", i+1, len(list))); err != nil {
			return nil, err
		}
	}
	res.Took = time.Since(res.Begun).Seconds()
	return res, nil
}

// rows are those of this suite; growth is measured once.
func (s *Suite) rows() []row {
	list := rows()
	if s.Quick {
		return slices.DeleteFunc(list, func(r row) bool { return !r.quick })
	}
	byRoutes, byClients := growthRows()
	return slices.Concat(list, byRoutes, byClients)
}

// choose finds out what is installed, in which version.
func (s *Suite) choose(res *Results) error {
	for _, name := range s.Speakers {
		if _, err := speakerOf(name); err != nil {
			return err
		}
	}
	for _, sp := range allSpeakers() {
		if len(s.Speakers) > 0 && !slices.Contains(s.Speakers, sp.name) {
			continue
		}
		version := versionOf(sp, s.Version)
		if version == "" && len(s.Speakers) > 0 {
			return fmt.Errorf("%s is not installed", sp.label)
		}
		if version != "" {
			res.Versions[sp.name] = version
		}
	}
	return nil
}

// row plays a row with each speaker in turn, and again: what else the machine does
// disturbs all alike.
func (s *Suite) row(ctx context.Context, res *Results, r row, place string) error {
	reports := map[string][]*Report{}
	for range max(1, s.Repeat) {
		for _, sp := range allSpeakers() {
			if res.Versions[sp.name] == "" || !r.suits(sp.name) || enough(reports[sp.name], r.once) {
				continue
			}
			c := r.config
			c.Start, c.Program, c.ASN, c.Groups, c.Deadline, c.Progress = sp.name, s.Program, s.ASN, 1, s.deadline(), s.Progress
			report, err := Run(ctx, c)
			if err != nil {
				return fmt.Errorf("%s, %s: %w", r.id, sp.label, err)
			}
			reports[sp.name] = append(reports[sp.name], report)
			s.say(place, r, report)
		}
	}
	res.Reports[r.id] = reports
	return nil
}

// say tells the user how far it is.
func (s *Suite) say(place string, r row, report *Report) {
	if s.Line != nil {
		s.Line(fmt.Sprintf("%-6s %-16s %-7s %14s %10s %10s  %s", place, r.id, report.Speaker,
			report.time(inCoreSeconds.format(report.Core)), report.time(seconds(report.Wall)), mega(report.RSS), report.remark()))
	}
}

// longRun is what a speaker is not asked for twice.
const longRun = 15 * time.Second

// enough says that a speaker need not play a row again.
func enough(reports []*Report, once bool) bool {
	return once && len(reports) > 0 ||
		slices.ContainsFunc(reports, func(r *Report) bool { return r.Failure != "" || r.Wall > longRun.Seconds() })
}

// deadline bounds each phase of a run.
func (s *Suite) deadline() time.Duration {
	if s.Quick {
		return quickDeadline
	}
	return suiteDeadline
}

// suits says whether a speaker takes part in a row.
func (r *row) suits(name string) bool {
	if len(r.only) > 0 && !slices.Contains(r.only, name) {
		return false
	}
	clients := r.config.Clients + r.config.Joiners
	return name != "gobgp" || clients*r.config.routes() <= gobgpMost
}

// median is the run in the middle, by what the speaker computed; nil of none. A run
// that failed stands for all.
func median(reports []*Report) *Report {
	if len(reports) == 0 {
		return nil
	}
	if i := slices.IndexFunc(reports, func(r *Report) bool { return r.Failure != "" }); i >= 0 {
		return reports[i]
	}
	sorted := slices.SortedFunc(slices.Values(reports), func(a, b *Report) int { return cmp.Compare(a.Core, b.Core) })
	return sorted[(len(sorted)-1)/2]
}

// middle is the median of one figure over the runs of a row; ok is false where
// there is none.
func (res *Results) middle(id, speaker string, of func(*Report) float64) (x float64, r *Report, ok bool) {
	reports := res.Reports[id][speaker]
	if len(reports) == 0 {
		return 0, nil, false
	}
	if m := median(reports); m.Failure != "" {
		return of(m), m, true
	}
	values := make([]float64, len(reports))
	for i, r := range reports {
		values[i] = of(r)
	}
	slices.Sort(values)
	return values[(len(values)-1)/2], median(reports), true
}
