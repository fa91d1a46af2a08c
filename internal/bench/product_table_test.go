package bench_test

import (
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"
)

// figures are what a contestant did in all rounds.
type figures struct {
	name             string
	memory           float64 // the most it had, in MiB
	success, failure []measured
}

func (f *figures) add(success, failure measured) {
	f.success, f.failure = append(f.success, success), append(f.failure, failure)
}

// printTables prints the tables of web/docs/figures.md.
func printTables(all []figures) {
	find := func(name string) *figures {
		for i := range all {
			if all[i].name == name {
				return &all[i]
			}
		}
		return nil
	}
	proxy, tutorial := find("proxy").successes(), find("tutorial").failures()
	accepted := func(m measured) float64 { return m.accepted }
	settled := func(m measured) float64 { return m.settled }
	p99 := func(m measured) float64 { return millis(m.p99) }
	printTable("The handler accepts|delivered/s|of the proxy|p99 ms", all, func(f figures) []string {
		return []string{
			of(f.success, settled, "%.0f"),
			ratio(f.success, settled, proxy, settled),
			of(f.success, p99, "%.1f"),
		}
	})
	printTable("The handler fails|accepted/s|of its success|of the tutorial|p99 ms|of the tutorial's"+
		"|on the desk/s|of its success|of the tutorial", all, func(f figures) []string {
		return []string{
			of(f.failure, accepted, "%.0f"), ratio(f.failure, accepted, f.success, settled),
			ratio(f.failure, accepted, tutorial, accepted),
			of(f.failure, p99, "%.1f"), ratio(f.failure, p99, tutorial, p99),
			of(f.failure, settled, "%.0f"), ratio(f.failure, settled, f.success, settled),
			ratio(f.failure, settled, tutorial, accepted),
		}
	})
	own := func(s spending) time.Duration { return s.own }
	load := func(s spending) time.Duration { return s.load }
	handler := func(s spending) time.Duration { return s.handler }
	server := func(s spending) time.Duration { return s.server }
	printTable("CPU seconds per 10,000|delivered: its own|load|handler|failed: its own|load|handler|SQS server|MiB",
		all, func(f figures) []string {
			return []string{
				seconds(f.success, own),
				seconds(f.success, load),
				seconds(f.success, handler),
				seconds(
					f.failure,
					own,
				),
				seconds(f.failure, load),
				seconds(f.failure, handler),
				seconds(f.failure, server),
				fmt.Sprintf("%.0f", f.memory),
			}
		})
}

func (f *figures) successes() []measured {
	if f == nil {
		return nil
	}
	return f.success
}

func (f *figures) failures() []measured {
	if f == nil {
		return nil
	}
	return f.failure
}

// printTable prints a Markdown table.
func printTable(head string, all []figures, row func(figures) []string) {
	fmt.Println()
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 1, ' ', 0)
	columns := strings.Split(head, "|")
	fmt.Fprintf(out, "| %s\t|\n", strings.Join(columns, "\t| "))
	fmt.Fprintf(out, "| %s\t|\n", strings.Repeat("---\t| ", len(columns)-1)+"---")
	for _, f := range all {
		fmt.Fprintf(out, "| %s\t| %s\t|\n", f.name, strings.Join(row(f), "\t| "))
	}
	_ = out.Flush() // to the standard output
}

// none stands for a figure that a contestant does not have.
const none = "–"

// of formats the median of a figure.
func of(rounds []measured, figure func(measured) float64, format string) string {
	var values []float64
	for _, m := range rounds {
		if m.webhooks > 0 {
			values = append(values, figure(m))
		}
	}
	if len(values) == 0 || median(values) == 0 {
		return none
	}
	return fmt.Sprintf(format, median(values))
}

// ratio formats the median of the ratios of two figures, each of the same round.
func ratio(
	rounds []measured, figure func(measured) float64, to []measured, toFigure func(measured) float64,
) string {
	var values []float64
	for i := range min(len(rounds), len(to)) {
		if rounds[i].webhooks > 0 && to[i].webhooks > 0 && figure(rounds[i]) > 0 {
			values = append(values, figure(rounds[i])/toFigure(to[i]))
		}
	}
	if len(values) == 0 {
		return none
	}
	return fmt.Sprintf("%.2f", median(values))
}

// seconds formats the median of the processor time for 10,000 webhooks.
func seconds(rounds []measured, part func(spending) time.Duration) string {
	return of(rounds, func(m measured) float64 {
		return part(m.spent).Seconds() / float64(m.webhooks) * 10_000
	}, "%.2f")
}
