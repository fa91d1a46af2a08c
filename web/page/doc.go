// Package page holds the pages of the desk. Each file has one page, its view model, and the partials that the page itself
// calls and that a handler may answer alone to an htmx request.
//
// A view model is plain text, ready to show: formatted, masked, with permissions as reasons. No page reaches a service, and
// none writes a script or a style into the document: the desk is served with `default-src 'self'`.
//
// # Addresses and form fields
//
// Every form works without script: the handler answers POST with 303 See Other (and a flash), or with the page again and
// 409, 422, 429 or 403. To a request with the header HX-Request it answers the partial alone, with the same status; the
// browser swaps whatever the status is.
//
//	GET  /signin?next=                     SignIn
//	POST /signin                           name password next
//	POST /signout
//	GET  /setup?token=                     Setup
//	POST /setup                            token name password confirm
//	GET  /account                          Account
//	GET  /account/password                 Password
//	POST /account/password                 current password confirm
//	GET  /overview                         Overview; partial OverviewFigure (#overview): range (1h 24h 7d 30d) source
//	GET  /letters                          Letters; partial LettersTable (#letters)
//	                                       status source code outcome from to job result q cursor
//	                                       from and to are UTC, as a datetime-local field writes them: 2006-01-02T15:04
//	POST /letters/bulk                     action item* scope back; partial LettersTable, or JobConfirm for the dialog #job-dialog
//	                                       action is replay, edit, archive or restore; item is ID@VERSION, once per letter;
//	                                       scope=all means every letter of back, the query of the list, without "?"
//	GET  /jobs?cursor=                     Jobs
//	GET  /jobs/{job}?back=                 Job; of a draft the form that starts it
//	GET  /jobs/{job}/strip?to=             partial JobStrip; to is the address to come back to
//	GET  /jobs/{job}/late                  partial JobLate
//	POST /jobs/{job}/start                 patch reason unknown back; partial LettersTable, or JobConfirm again
//	POST /jobs/{job}/pause                 to; partial JobStrip; so resume, cancel, undo and hide
//	GET  /letters/{id}?back=&revision=     Letter; revision chooses the payload shown
//	GET  /letters/{id}/panel?back=         partial LetterPanel (#letter-panel)
//	GET  /letters/{id}/body?revision=      the bytes, as a download
//	POST /letters/{id}/replay              version revision back; partial LetterPanel
//	POST /letters/{id}/archive             version reason back; partial LetterPanel
//	POST /letters/{id}/restore             version back; partial LetterPanel
//	GET  /letters/{id}/edit?revision=&back= Edit
//	POST /letters/{id}/edit                version revision body header-name* header-value* reason back
//	                                       revision is the one that the edit is based on; header-name and header-value come in
//	                                       pairs; a pair with an empty name is no header; locked headers are not in the form
//	GET  /sources                          Sources
//	GET  /sources/{name}                   Source
//	GET  /ledger                           Ledger; partial LedgerTable (#ledger): source before
//	GET  /audit                            Audit; partial AuditTable (#audit)
//	                                       actor by action source letter from to cursor
//	GET  /audit/export?format=csv|jsonl    the events of a filter, as a download
//
// A handler that cannot answer the partial asked for (403, 404, 500) answers ErrorNotice with the headers
// `HX-Retarget: #notice` and `HX-Reswap: innerHTML`, so that the page the person was on stays. One whose session has ended
// answers 401 with `HX-Redirect: /signin?next=…`.
package page
