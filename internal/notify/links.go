package notify

import (
	"net/url"

	"dlqdesk/internal/deadletter"
)

// links returns where the desk shows what an alert is about, and where people act on it.
func links(desk string, a deadletter.Alert) []Link {
	if desk == "" {
		return nil
	}
	var list []Link
	add := func(label, path string) { list = append(list, Link{label, desk + path}) }
	switch a.Kind {
	case deadletter.AlertNewCause, deadletter.AlertRegressedCause, deadletter.AlertGrowingCause:
		if a.Cause != "" {
			page := "/causes/" + url.PathEscape(a.Cause)
			add("Open", page)
			add("Claim", page+"?open=claim")
			add("Mute", page+"?open=mute")
			add("Test batch", page+"?open=test")
		}
	case deadletter.AlertDestination, deadletter.AlertBreaker, deadletter.AlertSilent:
		for _, source := range a.Sources {
			add("Source", "/sources/"+url.PathEscape(source))
		}
	case deadletter.AlertJobHalted, deadletter.AlertJobDone:
		add("Job", "/jobs/"+a.Job.String())
	case deadletter.AlertReconciliation:
		add("Reconciliation", "/reconciliation")
	case deadletter.AlertAudit:
		add("Audit trail", "/audit")
	case deadletter.AlertSpool, deadletter.AlertSpoolFull, deadletter.AlertExpiring, deadletter.AlertDisk:
		add("Overview", "/overview")
	}
	if a.ID == 0 {
		add("Alerts", "/alerts")
	} else {
		add("Alert", "/alerts/"+a.ID.String())
	}
	return list
}
