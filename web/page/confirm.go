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

// confirmQuestion returns the question that a replay, redrive or probe asks before it goes on.
func (v MessagePanelView) confirmQuestion() string {
	switch v.Confirm {
	case "redrive":
		return v.unknown().Text + " Redrive it anyway?"
	case "probe":
		return v.unknown().Text + " Probe with it anyway?"
	}
	return v.unknown().Text + " Replay it anyway?"
}

// confirmLabel returns the label of the button that confirms it.
func (v MessagePanelView) confirmLabel() string {
	switch v.Confirm {
	case "redrive":
		return "Redrive anyway"
	case "probe":
		return "Probe anyway"
	}
	return "Replay anyway"
}

func (v MessagePanelView) confirmIcon() string {
	if v.Confirm == "probe" {
		return "plug"
	}
	return v.Confirm
}
