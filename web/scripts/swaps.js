import htmx from 'htmx.org/dist/htmx.esm.js'

// swaps keeps open details open and the focus in place while parts of the page change, announces notices, and never swaps in a
// response that is not from dlqdesk.
export function swaps(refresh) {
	let open = []
	document.addEventListener('htmx:beforeSwap', (event) => {
		open = [...document.querySelectorAll('details[data-keep-open][open]')].map((details) => details.id)
		rejectForeign(event.detail)
	})
	document.addEventListener('htmx:afterSettle', (event) => {
		for (const id of open) {
			document.getElementById(id)?.setAttribute('open', '')
		}
		announce(event.detail.elt)
	})
	for (const name of ['htmx:afterSwap', 'htmx:oobAfterSwap']) {
		document.addEventListener(name, refresh)
	}
	for (const name of ['htmx:sendError', 'htmx:timeout']) {
		document.addEventListener(name, (event) => {
			showNotice('unreachable-notice')
			pollAgain(event.detail.elt)
		})
	}
}

// rejectForeign prevents the swap of a foreign response, such as the error page of a proxy.
function rejectForeign(detail) {
	const { xhr, target } = detail
	const addressed = xhr.getResponseHeader('HX-Retarget') || detail.serverResponse.includes(`id="${target.id}"`)
	if (xhr.status >= 400 && !addressed) {
		detail.shouldSwap = false
		showNotice('unexpected-notice')
	}
}

function pollAgain(element) {
	if (element.matches('[hx-trigger~="again"]')) {
		setTimeout(() => htmx.trigger(element, 'again'), 3000)
	}
}

export function showNotice(template) {
	const place = document.getElementById('notice')
	place.replaceChildren(document.getElementById(template).content.cloneNode(true))
	announce(place)
}

function announce(place) {
	const news = place.matches('[data-announce]') ? place : place.querySelector('[data-announce]')
	const announcer = document.getElementById('announcer')
	if (news && announcer.textContent !== news.textContent) {
		announcer.textContent = news.textContent
	}
	// A part that refreshes itself must not take the focus.
	if (document.activeElement === document.body && !place.matches('[data-quiet]')) {
		const next = news ?? place
		next.tabIndex = -1
		next.focus({ preventScroll: !news })
	}
}
