package console

import (
	"strings"

	"dlqdesk/internal/deadletter"
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
	if e.Action == desk.RefusedAction && e.TargetKind == messageTarget {
		if e.Actor == deadletter.ActorSystem {
			return "refused an action on"
		}
		return "was refused an action on"
	}
	if e.Actor == deadletter.ActorSystem {
		if refused := refusalVerb(e.Action); refused != "" {
			return refused
		}
	}
	if e.Action == "destination.probe" && e.TargetKind == jobTarget {
		return "probed a destination with a message of job"
	}
	return eventVerb(e.Action)
}

// refusalVerb returns the verb phrase of refusals in which the program is the actor: several at once, or one that a
// link may have caused. It returns "" for other actions.
func refusalVerb(action string) string {
	switch action {
	case desk.RefusedSignIn:
		return "refused sign-ins"
	case desk.RefusedPassword:
		return "refused changes of passwords"
	case desk.RefusedTooMany:
		return "refused too many attempts to sign in"
	case desk.RefusedLink:
		return "refused a link that is not valid"
	case desk.RefusedSite:
		return "refused forms from other sites"
	case desk.RefusedAction:
		return "refused an action of"
	}
	return ""
}

func eventVerb(action string) string {
	switch action {
	case "message.received":
		return "received"
	case "message.arrived_again":
		return "received again"
	case "message.separate":
		return "made an arrival a message of its own:"
	case "message.replay":
		return "requested a replay of"
	case "message.returned":
		return "received back after a redrive"
	case "message.source":
		return "assigned the source of its queue to"
	case "message.drain":
		return "drained to a queue"
	case "message.redrive":
		return "requested a redrive of"
	case "message.edit_redrive":
		return "edited and requested a redrive of"
	case "message.edit":
		return "edited and requested a replay of"
	case "message.unmask":
		return "unmasked values of"
	case "message.mask_again":
		return "masked values again of"
	case "message.archive":
		return "archived"
	case "message.restore":
		return "restored"
	case "destination.probe":
		return "probed a destination with"
	case "attempt.started":
		return "started to deliver"
	case "job.start":
		return "started job"
	case "job.pause":
		return "paused job"
	case "job.resume":
		return "resumed job"
	case "job.cancel":
		return "cancelled job"
	case "job.done":
		return "finished job"
	case "user.add":
		return "added"
	case "user.role":
		return "changed the role of"
	case "user.disable":
		return "disabled"
	case "user.enable":
		return "enabled"
	case "user.delete":
		return "deleted"
	case "user.end_sessions":
		return "ended sessions of"
	case "user.password_link":
		return "made a password link for"
	case "user.set_password":
		return "set the password of"
	case "user.sign_in":
		return "signed in"
	case desk.RefusedSignIn:
		return "failed to sign in"
	case desk.RefusedPassword:
		return "gave a wrong current password"
	case desk.RefusedTooMany:
		return "made too many attempts to sign in"
	case desk.RefusedLink:
		return "used a link that is not valid"
	case desk.RefusedSite:
		return "sent a form from another site"
	case desk.RefusedAction:
		return "was refused an action"
	case "user.sign_out":
		return "signed out"
	case "user.password":
		return "changed their password"
	case "setup.use":
		return "used the set-up link"
	case "config.reload":
		return "reloaded"
	case "config.reload_refused":
		return "refused the changes of"
	case "ledger.acknowledge":
		return "acknowledged an imbalance of"
	case store.ActionAccept:
		return "accepted the audit trail as it is, on the order of a person"
	case store.ActionRekey:
		return "gave the audit trail a new key, on the order of a person"
	case "audit.export":
		return "exported the audit trail"
	}
	return action
}
