package page

import "dlqdesk/web/ui"

// unknown returns the warning that the outcome of the last delivery is unknown.
func (v MessagePanelView) unknown() ui.Notice {
	if v.LastWasRedrive {
		return ui.Notice{
			Kind: ui.Warn,
			Text: "This message may already be back on its queue.",
			Hint: "SQS did not confirm the redrive. After another redrive the consumer may receive it twice.",
		}
	}
	return ui.Notice{
		Kind: ui.Warn,
		Text: "This webhook may already have been processed.",
		Hint: "It was sent, but no response came in time. A replay may have it processed twice, unless the " +
			"destination detects duplicates.",
	}
}

// confirms has the question that an order asks before it goes on, and the label and icon of its button.
var confirms = map[string]struct{ question, label, icon string }{
	"replay":  {"Replay it anyway?", "Replay anyway", "replay"},
	"redrive": {"Redrive it anyway?", "Redrive anyway", "redrive"},
	"probe":   {"Probe with it anyway?", "Probe anyway", "plug"},
}
