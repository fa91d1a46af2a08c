package console

import (
	"cmp"
	"strings"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/delivery"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/store"
)

// eventSentence returns the verb phrase of an event. The name of its target may follow.
func eventSentence(e store.EventRow) string {
	if attempt, ok := strings.CutPrefix(e.Action, "attempt."); ok && attempt != "started" {
		switch {
		case e.Action == "attempt.redriven":
			return "redrove"
		case strings.HasPrefix(attempt, "redrive_"):
			return "tried to redrive"
		case e.Actor == deadletter.ActorSystem:
			return "retried"
		}
		return "replayed"
	}
	if facts, ok := e.CopyFacts(); ok {
		return copySentence(e.Action, facts)
	}
	if e.Action == desk.RefusedAction && e.TargetKind == messageTarget {
		if e.Actor == deadletter.ActorSystem {
			return "refused an action on"
		}
		return "was refused an action on"
	}
	if e.Actor == deadletter.ActorSystem {
		if refused := refusalVerbs[e.Action]; refused != "" {
			return refused
		}
	}
	if e.Action == "destination.probe" && e.TargetKind == jobTarget {
		return "probed a destination with a message of job"
	}
	return cmp.Or(eventVerbs[e.Action], e.Action)
}

// refusalVerbs are the verb phrases of refusals in which the program is the actor: several at once, or one that a link
// may have caused.
var refusalVerbs = map[string]string{
	desk.RefusedSignIn:   "refused sign-ins",
	desk.RefusedPassword: "refused changes of passwords",
	desk.RefusedTooMany:  "refused too many attempts to sign in",
	desk.RefusedLink:     "refused a link that is not valid",
	desk.RefusedToken:    "refused a token that is not valid",
	desk.RefusedSite:     "refused forms from other sites",
	desk.RefusedAction:   "refused an action of",
}

// eventVerbs are the verb phrases of actions.
var eventVerbs = map[string]string{
	"message.received":      "received",
	"message.arrived_again": "received again",
	"message.separate":      "made an arrival a message of its own:",
	"message.replay":        "requested a replay of",
	"message.returned":      "received back after a redrive",
	"message.source":        "assigned the source of its queue to",
	"message.drain":         "drained to a queue",
	"message.redrive":       "requested a redrive of",
	"message.edit_redrive":  "edited and requested a redrive of",
	"message.edit":          "edited and requested a replay of",
	"message.unmask":        "unmasked values of",
	"message.mask_again":    "masked values again of",
	"message.archive":       "archived",
	"message.restore":       "restored",
	"destination.probe":     "probed a destination with",

	delivery.ActionBreakerOpen:    "opened the circuit breaker of",
	delivery.ActionBreakerRecover: "let deliveries through again, by the circuit breaker of",

	"attempt.started":       "started to deliver",
	"cause.claim":           "claimed",
	"cause.release":         "released",
	"cause.claim_ended":     "ended the claim of",
	"cause.mute":            "muted",
	"cause.unmute":          "unmuted",
	"cause.mute_ended":      "ended the mute of",
	"cause.known":           "marked as known:",
	"cause.unmark":          "took the ticket from",
	"cause.opened":          "no longer calls new:",
	"cause.reopened":        "reopened",
	"cause.resolved":        "resolved",
	"cause.regressed":       "found that this came back:",
	"cause.merge":           "merged other causes into",
	"cause.split":           "split",
	"cause.rule":            "made a rule that groups the messages of",
	"cause.rule_undo":       "undid a merge, a split or a rule of",
	"cause.note":            "wrote a note about",
	"cause.note_edit":       "edited a note about",
	"alert.test":            "tested the alerts to",
	"rule.create":           "made rule",
	"rule.change":           "changed rule",
	"rule.shadow":           "put into shadow rule",
	"rule.on":               "switched on rule",
	"rule.off":              "switched off rule",
	"rule.away":             "put away rule",
	"job.start":             "started job",
	"job.pause":             "paused job",
	"job.resume":            "resumed job",
	"job.cancel":            "cancelled job",
	"job.done":              "finished job",
	"job.begin":             "began job",
	"job.step":              "began the next step of job",
	"job.pace":              "changed the pace of job",
	"job.export":            "exported the messages of job",
	"recipe.save":           "saved the recipe",
	"recipe.archive":        "archived the recipe",
	"recipe.restore":        "restored the recipe",
	"suggestion.make":       "let an assistant make the suggestion",
	"suggestion.start":      "started the suggestion",
	"suggestion.dismiss":    "dismissed the suggestion",
	"token.add":             "made the token",
	"token.revoke":          "revoked the token",
	"token.grant":           "signed in a program with the token",
	"token.refuse":          "refused to sign in a program with the token",
	"user.add":              "added",
	"user.role":             "changed the role of",
	"user.disable":          "disabled",
	"user.enable":           "enabled",
	"user.delete":           "deleted",
	"user.end_sessions":     "ended sessions of",
	"user.password_link":    "made a password link for",
	"user.set_password":     "set the password of",
	"user.sign_in":          "signed in",
	desk.RefusedSignIn:      "failed to sign in",
	desk.RefusedPassword:    "gave a wrong current password",
	desk.RefusedTooMany:     "made too many attempts to sign in",
	desk.RefusedLink:        "used a link that is not valid",
	desk.RefusedToken:       "used a token that is not valid",
	desk.RefusedSite:        "sent a form from another site",
	desk.RefusedAction:      "was refused an action",
	"user.sign_out":         "signed out",
	"user.password":         "changed their password",
	"setup.use":             "used the set-up link",
	"config.reload":         "reloaded",
	"config.reload_refused": "refused the changes of",
	"ledger.acknowledge":    "acknowledged an imbalance of",
	store.ActionAccept:      "accepted the audit trail as it is, on the order of a person",
	store.ActionRekey:       "gave the audit trail a new key, on the order of a person",
	"audit.export":          "exported the audit trail",
}
