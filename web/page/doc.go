// Package page has the pages of the desk. Each file has one page, its view model, and the partials that the page
// itself calls and that a handler may render alone for an htmx request.
//
// A view model is plain text, ready to show: formatted, masked, with permissions as reasons. No page reaches a
// service, and none writes a script or a style into the document: the desk is served with `default-src 'self'`.
//
// # Forms and partials
//
// Every form works without script: the handler responds to POST with 303 See Other (and a flash), or with the page
// again and 409, 422, 428, 429 or 403. To a request with the header HX-Request it responds with the partial alone and
// the same status. The browser swaps the partial in whatever the status is. Some fields need an example:
//
//	from, to  UTC, as a datetime-local field writes them: 2006-01-02T15:04
//	item      ID@VERSION of a selected message
//	scope     all: every message of the list that back names
//	back      the query of the list to go back to, without "?"
//	revision  of an edit: the one that it is based on
//	header-*  header-name and header-value come in pairs; an empty name is no header; locked headers are not sent
//
// A handler that cannot render the requested partial (403, 404, 500) responds with ErrorNotice and the headers
// `HX-Retarget: #notice` and `HX-Reswap: innerHTML`, so that the page stays as it was. After the session has
// ended it responds with 401 with `HX-Redirect: /signin?next=…`.
package page
