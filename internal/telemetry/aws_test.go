package telemetry_test

import (
	"fmt"
	"strings"
	"testing"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/telemetry"
)

func TestTraceHeaderMatchesSQS(t *testing.T) {
	t.Parallel()
	for parent, header := range map[string]string{
		"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01": "Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;" +
			"Parent=00f067aa0ba902b7;Sampled=1",
		"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00": "Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;" +
			"Parent=00f067aa0ba902b7;Sampled=0",
	} {
		t.Run(parent, func(t *testing.T) {
			if got := telemetry.ToAWS(parent); got != header {
				t.Errorf("%s is carried as %q", parent, got)
			}
			if got := telemetry.FromAWS(header); got != parent {
				t.Errorf("%s is taken for %q", header, got)
			}
		})
	}
	for header, want := range map[string]string{
		"Self=1-67891234-12456789abcdef012345678a;Root=1-4bf92f35-77b34da6a3ce929d0e0e4736; " +
			"Sampled=1;Lineage=a:1;Parent=00f067aa0ba902b7": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
		"Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;" +
			"Parent=00f067aa0ba902b7;Sampled=?": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00",
		"Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Sampled=1":               "",
		"Root=1-00000000-000000000000000000000000;Parent=00f067aa0ba902b7": "",
		"Root=2-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=00f067aa0ba902b7": "",
		"": "",
	} {
		t.Run(header, func(t *testing.T) {
			if got := telemetry.FromAWS(header); got != want {
				t.Errorf("%s is taken for %q, want %q", header, got, want)
			}
		})
	}
	if got := telemetry.ToAWS("garbage"); got != "" {
		t.Errorf("garbage is carried as %q", got)
	}
}

func FuzzFromAWS(f *testing.F) {
	f.Add("Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=00f067aa0ba902b7;Sampled=1")
	f.Fuzz(func(t *testing.T, header string) {
		parent := telemetry.FromAWS(header)
		if parent != "" && telemetry.FromAWS(telemetry.ToAWS(parent)) != parent {
			t.Errorf("%q is taken for %q, which is not carried", header, parent)
		}
	})
}

// Without a trace of the sender, all deliveries of a message share a trace whose id follows from the message id.
func TestMessageStartsItsOwnTrace(t *testing.T) {
	t.Parallel()
	traceOf := func(id deadletter.ID) string { return strings.Split(telemetry.TraceParent(id, "", nil), "-")[1] }
	for id, want := range map[deadletter.ID]string{
		"01a20f8a-c5e7-7ec7-9eeb-d86611f0f9ed": "01a20f8ac5e77ec79eebd86611f0f9ed",
		"a-1":                                  traceOf("a-1"),
		"":                                     traceOf(""),
	} {
		t.Run(fmt.Sprintf("%q", id), func(t *testing.T) {
			first, second := telemetry.TraceParent(id, "", nil), telemetry.TraceParent(id, "", nil)
			if traceOf(id) != want || !strings.HasPrefix(first, "00-"+want+"-") || first == second ||
				strings.Trim(want, "0") == "" {
				t.Errorf("deliveries of %q are %s and %s", id, first, second)
			}
		})
	}
	if traceOf("a-1") == traceOf("a-2") || strings.Trim(traceOf("00000000-0000-0000-0000-000000000000"), "0") == "" {
		t.Error("messages share a trace, or have none")
	}
}
