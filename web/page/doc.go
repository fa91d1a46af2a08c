// Package page has the pages of the desk. Each file has one page, its view model, and the partials that the page
// itself calls and that a handler may render alone for an htmx request.
//
// A view model is plain text, ready to show: formatted, masked, with permissions as reasons. No page reaches a
// service, and none writes a script or a style into the document: the desk is served with `default-src 'self'`.
//
// # Addresses and form fields
//
// Every form works without script: the handler responds to POST with 303 See Other (and a flash), or with the page
// again and 409, 422, 428, 429 or 403. To a request with the header HX-Request it responds with the partial alone and
// the same status. The browser swaps the partial in whatever the status is.
//
//	GET  /signin?next=                     SignIn
//	POST /signin                           name password next
//	POST /signout
//	GET  /setup?token=                     Setup
//	POST /setup                            token name password confirm
//	GET  /account                          Account
//	GET  /account/password                 Password
//	POST /account/password                 current password confirm
//	GET  /overview                         Overview; partial OverviewContent (#overview)
//	                                       range (1h 24h 7d 30d) source
//	GET  /messages                          Messages; partial MessagesTable (#messages)
//	                                       status source queue code outcome type cause from to job result error q
//	                                       sort cursor
//	                                       from and to are UTC, as a datetime-local field writes them:
//	                                       2006-01-02T15:04
//	POST /messages/bulk                     action item* scope back; partial MessagesTable,
//	                                       or JobConfirm for #job-dialog
//	                                       action is replay, edit, archive or restore; item is ID@VERSION;
//	                                       scope=all means every message of back, the query of the list, without "?"
//	GET  /jobs?cursor=                     Jobs
//	GET  /jobs/{job}?back=                 Job; of a draft the form that starts it
//	GET  /jobs/{job}/strip?to=             partial JobStrip; to is the address to come back to
//	GET  /jobs/{job}/new-matches           partial JobNewMatches
//	POST /jobs/{job}/start                 patch reason unknown back; partial MessagesTable, or JobConfirm again
//	POST /jobs/{job}/pause                 to; partial JobStrip; so resume, cancel, undo and hide
//	GET  /messages/{id}?back=&revision=     Message; revision chooses the payload shown
//	GET  /messages/{id}/panel?back=         partial MessagePanel (#message-panel)
//	GET  /messages/{id}/body?revision=      the bytes, as a download
//	POST /messages/{id}/replay              version revision back; partial MessagePanel
//	POST /messages/{id}/archive             version reason back; partial MessagePanel
//	POST /messages/{id}/restore             version back; partial MessagePanel
//	GET  /messages/{id}/edit?revision=&back= Edit
//	POST /messages/{id}/edit                version revision body header-name* header-value* reason back
//	                                       revision is the one that the edit is based on; header-name and
//	                                       header-value come in pairs; an empty name is no header; locked headers
//	                                       are not in the form
//	GET  /sources                          Sources
//	GET  /sources/{name}                   Source
//	GET  /reconciliation                   Reconciliation; partial ReconciliationTable (#reconciliation): source before
//	GET  /reconciliation/acknowledge       Acknowledge: hour source stage kind
//	POST /reconciliation/acknowledge       hour source stage kind amount note
//	GET  /audit                            Audit; partial AuditTable (#audit)
//	                                       actor by action source message from to cursor
//	GET  /audit/export?format=csv|jsonl    the events of a filter, as a download
//
// A handler that cannot render the requested partial (403, 404, 500) responds with ErrorNotice and the headers
// `HX-Retarget: #notice` and `HX-Reswap: innerHTML`, so that the page stays as it was. After the session has
// ended it responds with 401 with `HX-Redirect: /signin?next=…`.
package page
