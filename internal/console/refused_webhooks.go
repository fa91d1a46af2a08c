package console

import (
	"context"

	"dlqdesk/internal/ledger"
	"dlqdesk/web/page"
	"dlqdesk/web/ui"
)

// refusalRows lists the requests to a source that the receiver refused; for "" those to no configured source.
func (c *Console) refusalRows(ctx context.Context, source string) ([]page.RefusalRow, error) {
	list, err := c.Store.Refusals(ctx, source)
	var rows []page.RefusalRow
	for _, r := range list {
		words := refusalWords(r.Reason)
		rows = append(rows, page.RefusalRow{
			Code:   words.code,
			Reason: words.reason,
			Hint:   words.hint,
			Count:  number(r.Count),
			Since:  ui.At(r.First),
			Latest: ui.At(r.LatestAt),
			Why:    printable(sentence(r.Why)),
		})
	}
	return rows, err
}

// refusalText says of a reason what the sender got, what happened and what to do.
type refusalText struct{ code, reason, hint string }

func refusalWords(reason ledger.RefusalReason) refusalText {
	switch reason {
	case ledger.RefusedUnproven:
		return refusalText{"401", "No signature or credential", "Set the secret at the platform."}
	case ledger.RefusedMismatch:
		return refusalText{"401", "Wrong signature or credential", "Compare the secret here and at the platform."}
	case ledger.RefusedStale:
		return refusalText{"401", "Signed too long ago", "Compare the clocks, or raise verify.tolerance."}
	case ledger.RefusedMalformed:
		return refusalText{"401", "Unreadable signature or credential", "Check verify.scheme."}
	case ledger.RefusedHandshake:
		return refusalText{"403", "Wrong handshake", "Check handshake and its secrets."}
	case ledger.RefusedTooLarge:
		return refusalText{"413", "Body too large", "Raise max_body of the source."}
	case ledger.RefusedIncomplete:
		return refusalText{"400", "Body did not arrive whole", "Look for a proxy or a network that cuts connections."}
	case ledger.RefusedUnknownSource:
		return refusalText{"404", "Unknown source", "Compare the URL at the platform with the names above."}
	case ledger.RefusedMethod:
		return refusalText{"405", "Method other than POST", "Set the method POST at the platform."}
	case ledger.RefusedUnstored:
		return refusalText{"500", "Could not be stored", "The platform was told to send it again. See the log."}
	}
	return refusalText{"", string(reason), ""}
}
