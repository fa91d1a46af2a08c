package api_test

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
)

// Every sample is a command that runs as it stands, and does what it says where it finds what it is about.
func TestSamplesRunAsTheyStand(t *testing.T) {
	t.Parallel()
	b := setup(t)
	m := b.receive(t, "a-1", "genesys")
	for range 3 { // drafts
		b.ask(t, b.tokens["olga"], "POST", "/jobs", `{"action":"replay","messages":["a-1"]}`)
	}
	b.ask(t, b.tokens["olga"], "POST", "/causes/"+m.Fingerprint+"/notes", `{"text":"seen before"}`)
	var doc struct {
		Paths map[string]map[string]struct {
			OperationID string
			Samples     []struct{ Lang, Source string } `json:"x-codeSamples"`
		}
	}
	if err := json.Unmarshal([]byte(b.ask(t, "", "GET", "/openapi.json", "").text), &doc); err != nil {
		t.Fatal(err)
	}
	// These find what they are about here. The others are refused for a reason, but not for their form.
	works := " list-messages get-message list-attempts list-revisions get-body replay-message list-causes get-cause " +
		"claim-cause mute-cause known-cause archive-message edit-message add-note list-notes list-jobs get-job " +
		"draft-job start-job list-sources list-events whoami request-token follow-events "
	for path, methods := range doc.Paths {
		for _, operation := range methods {
			if len(operation.Samples) != 1 || operation.Samples[0].Lang != "Shell" {
				t.Errorf("%s has the samples %+v", operation.OperationID, operation.Samples)
				continue
			}
			id := "1"
			switch strings.Split(path, "/")[1] {
			case "messages": // each order finds its own as it was received
				id = operation.OperationID
				b.receive(t, id, "genesys")
			case "causes":
				id = m.Fingerprint
			case "tokens": // not the one that it runs with
				id = "999"
			}
			const bounded = `curl() { command curl -sS --max-time 5 -w '\nstatus %{http_code}' "$@"; }
				uuidgen() { echo `
			run := exec.CommandContext(t.Context(), "sh", "-c",
				bounded+operation.OperationID+"; }\n"+operation.Samples[0].Source)
			run.Dir = t.TempDir()
			token := b.token(t, "adam", deadletter.TokenInput{Name: "sample", Role: deadletter.Admin})
			run.Env = append(run.Environ(), "DLQDESK_URL="+b.server.URL, "DLQDESK_TOKEN="+token, "ID="+id,
				"NAME=genesys", "NUMBER=0", "NOTE=1")
			if operation.OperationID == "follow-events" {
				time.AfterFunc(time.Second, b.api.CloseStreams)
			}
			out, err := run.CombinedOutput()
			_, status, _ := strings.Cut(string(out), "\nstatus ")
			status = strings.Fields(status + " -")[0]
			switch {
			case strings.Contains(works, " "+operation.OperationID+" "):
				if err != nil {
					t.Errorf("%s\nends with %v: %s", operation.Samples[0].Source, err, out)
				}
			case status[0] == '5' || strings.Contains(string(out), `"field":"body"`):
				t.Errorf("%s\nis answered %s", operation.Samples[0].Source, out)
			}
			b.clock.Add(time.Second) // within the rate of the token
		}
	}
}
