import htmx from 'htmx.org/dist/htmx.esm.js'

// swaps keeps the page whole while parts of it change: nothing that a person opened closes, the focus stays, what is new is
// read aloud, and an answer that is not for this page never replaces a part of it.
export function swaps(refresh) {
	let open = []
	document.addEventListener('htmx:beforeSwap', (event) => {
		open = [...document.querySelectorAll('details[data-keep-open][open]')].map((details) => details.id)
		refuseStranger(event.detail)
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
			say('unreachable-notice')
			pollAgain(event.detail.elt)
		})
	}
}

// refuseStranger keeps out what is no answer to the request, such as the error page of a proxy in between.
function refuseStranger(detail) {
	const { xhr, target } = detail
	const addressed = xhr.getResponseHeader('HX-Retarget') || detail.serverResponse.includes(`id="${target.id}"`)
	if (xhr.status >= 400 && !addressed) {
		detail.shouldSwap = false
		say('unexpected-notice')
	}
}

function pollAgain(element) {
	if (element.matches('[hx-trigger~="again"]')) {
		setTimeout(() => htmx.trigger(element, 'again'), 3000)
	}
}

function say(template) {
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
	// What changes by itself takes no focus.
	if (document.activeElement === document.body && !place.matches('[data-quiet]')) {
		const next = news ?? place
		next.tabIndex = -1
		next.focus({ preventScroll: !news })
	}
}
