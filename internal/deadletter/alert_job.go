package deadletter

import (
	"fmt"
	"time"
)

// HaltedAlert returns what is to be told of a job that dlqdesk paused.
func (j Job) HaltedAlert() Alert {
	a := j.alert(AlertJobHalted)
	a.Title, a.Text = fmt.Sprintf("Job %d halted", j.ID), j.PauseReason
	return a
}

// DoneAlert returns what is to be told of a job that is done, with the sources of its messages. It ends at once.
func (j Job) DoneAlert(sources []string, at time.Time) Alert {
	a := j.alert(AlertJobDone)
	a.Title, a.Sources = fmt.Sprintf("Job %d is done", j.ID), sources
	a.RaisedAt, a.ResolvedAt, a.Severity = at, at, a.Kind.Severity()
	return a
}

func (j Job) alert(kind AlertKind) Alert {
	return Alert{
		Kind: kind, Key: "job:" + j.ID.String(), Job: j.ID,
		Facts: []AlertFact{
			{"Action", string(j.Action)},
			{"Started by", j.By.Name},
			{"Succeeded", fmt.Sprint(j.Items.Done)},
			{"Failed", fmt.Sprint(j.Items.Failed)},
			{"Left", fmt.Sprint(j.Items.Pending + j.Items.InFlight)},
		},
	}
}
