package desk

import (
	"net/url"

	"dlqdesk/internal/deadletter"
)

// AlertLink leads to the page of what an alert is about, or to an action there. Example:
//
//	AlertLink{Label: "Claim", Path: "/causes/1f0c?open=claim"}
type AlertLink struct{ Label, Path string }

// AlertLinks returns where the console shows what an alert is about, and where people act on it.
func AlertLinks(a deadletter.Alert) (list []AlertLink) {
	add := func(label, path string) { list = append(list, AlertLink{label, path}) }
	switch a.Kind {
	case deadletter.AlertNewCause, deadletter.AlertRegressedCause, deadletter.AlertGrowingCause:
		if a.Cause != "" {
			page := "/causes/" + url.PathEscape(a.Cause)
			add("Cause", page)
			add("Claim", page+"?open=claim")
			add("Mute", page+"?open=mute")
			add("Test batch", page+"?open=test")
		}
	case deadletter.AlertDestination, deadletter.AlertBreaker, deadletter.AlertSilent:
		for _, source := range a.Sources {
			add("Source "+source, "/sources/"+url.PathEscape(source))
		}
	case deadletter.AlertJobHalted, deadletter.AlertJobDone:
		add("Job "+a.Job.String(), "/jobs/"+a.Job.String())
	case deadletter.AlertReconciliation:
		add("Reconciliation", "/reconciliation")
	case deadletter.AlertAudit:
		add("Audit trail", "/audit")
	case deadletter.AlertSpool, deadletter.AlertSpoolFull, deadletter.AlertExpiring, deadletter.AlertDisk:
		add("Overview", "/overview")
	}
	return list
}
