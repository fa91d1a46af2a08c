package bench_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
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

func accepted(m measured) float64 { return m.accepted }

func settled(m measured) float64 { return m.settled }

func p99(m measured) float64 { return millis(m.p99) }

// perWebhook is the processor time for one webhook, in microseconds.
func perWebhook(part func(spending) time.Duration) func(measured) float64 {
	return func(m measured) float64 { return micros(part(m.spent)) / float64(m.webhooks) }
}

func own(s spending) time.Duration { return s.own }

// printTables prints the tables of web/docs/figures.md.
func printTables(all []figures) {
	proxy, tutorial := find(all, "proxy").successes(), find(all, "tutorial").failures()
	printTable("The handler accepts|delivered/s|of the proxy|p99 ms", all, func(f figures) []string {
		return []string{
			cell("%.0f", of(f.success, settled)), cell("%.2f", ratio(f.success, settled, proxy, settled)),
			cell("%.1f", of(f.success, p99)),
		}
	})
	printTable("The handler fails|accepted/s|of its success|of the tutorial|p99 ms|of the tutorial's"+
		"|on the desk/s|of its success|of the tutorial", all, func(f figures) []string {
		return []string{
			cell("%.0f", of(f.failure, accepted)), cell("%.2f", ratio(f.failure, accepted, f.success, settled)),
			cell("%.1f", ratio(f.failure, accepted, tutorial, accepted)),
			cell("%.1f", of(f.failure, p99)), cell("%.2f", ratio(f.failure, p99, tutorial, p99)),
			cell("%.0f", of(f.failure, settled)), cell("%.2f", ratio(f.failure, settled, f.success, settled)),
			cell("%.1f", ratio(f.failure, settled, tutorial, accepted)),
		}
	})
	load := func(s spending) time.Duration { return s.load }
	handler := func(s spending) time.Duration { return s.handler }
	server := func(s spending) time.Duration { return s.server }
	printTable("CPU, µs a webhook|delivered: its own|load|handler|failed: its own|load|handler|SQS server|MiB",
		all, func(f figures) []string {
			row := []string{}
			for _, part := range []func(spending) time.Duration{own, load, handler} {
				row = append(row, cell("%.0f", of(f.success, perWebhook(part))))
			}
			for _, part := range []func(spending) time.Duration{own, load, handler, server} {
				row = append(row, cell("%.0f", of(f.failure, perWebhook(part))))
			}
			return append(row, cell("%.0f", f.memory))
		})
}

// noteAims notes the figures that have an aim.
func noteAims(b *testing.B, all []figures) {
	b.Helper()
	tutorial := find(all, "tutorial").failures()
	for _, f := range all {
		switch f.name {
		case "serve-sqs", "serve-embedded":
			result(b, f.name+": failing / its success", ratio(f.failure, accepted, f.success, settled), 0.45)
			resultBelow(b, f.name+": CPU of a failure, µs", of(f.failure, perWebhook(own)), 600)
			if tutorial != nil {
				result(b, f.name+": failing / tutorial", ratio(f.failure, accepted, tutorial, accepted), 4)
				resultBelow(b, f.name+": p99 / tutorial's", ratio(f.failure, p99, tutorial, p99), 0.2)
			}
		case "receive":
			result(b, f.name+": failing / its success", ratio(f.failure, accepted, f.success, settled), 0.6)
		}
	}
}

func find(all []figures, name string) *figures {
	for i := range all {
		if all[i].name == name {
			return &all[i]
		}
	}
	return nil
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

// cell formats a figure; 0 is one that a contestant does not have.
func cell(format string, figure float64) string {
	if figure == 0 {
		return "–"
	}
	return fmt.Sprintf(format, figure)
}

// of returns the median of a figure; 0 if there is none.
func of(rounds []measured, figure func(measured) float64) float64 {
	return ratio(rounds, figure, rounds, func(measured) float64 { return 1 })
}

// ratio returns the median of the ratios of two figures, each of the same round; 0 if there is none.
func ratio(
	rounds []measured, figure func(measured) float64, to []measured, toFigure func(measured) float64,
) float64 {
	var values []float64
	for i := range min(len(rounds), len(to)) {
		if rounds[i].webhooks > 0 && to[i].webhooks > 0 {
			values = append(values, figure(rounds[i])/toFigure(to[i]))
		}
	}
	if len(values) == 0 {
		return 0
	}
	return median(values)
}
