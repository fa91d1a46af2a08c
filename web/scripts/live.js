// A list follows what happens: counts and rows change in place, and messages that are new wait to be asked for. While messages are
// selected nothing moves.
import htmx from 'htmx.org/dist/htmx.esm.js'
import { times } from './times.js'

let root = null // the element that says what is followed
let source = null
let last = '' // the place up to which this page was told
let held = [] // what came while messages were selected

export function live() {
	document.addEventListener('visibilitychange', () => (document.hidden ? hangUp() : connect()))
	document.addEventListener('selection', applyHeld)
	window.addEventListener('pagehide', hangUp)
	window.addEventListener('pageshow', connect)
}

// showLive follows another list when the page has been given one.
export function showLive() {
	const current = document.querySelector('[data-live]')
	if (current === root) {
		return
	}
	hangUp()
	root = current
	held = []
	last = ''
	connect()
}

function hangUp() {
	source?.close()
	source = null
}

function connect() {
	if (!root?.isConnected || source || document.hidden) {
		return
	}
	const url = new URL(root.dataset.live, location)
	url.searchParams.set('rows', [...document.querySelectorAll('tr[data-message]')].map((row) => row.dataset.message).join())
	if (last) {
		url.searchParams.set('after', last)
	}
	source = new EventSource(url)
	source.addEventListener('open', () => say('on'))
	source.addEventListener('error', lose)
	source.addEventListener('over', () => { hangUp(); say('off') })
	source.addEventListener('update', (event) => {
		last = event.lastEventId
		held.push(JSON.parse(event.data))
		applyHeld()
	})
}

// lose says that the list stands still; the browser tries again by itself unless the desk has refused.
function lose() {
	say('off')
	if (source?.readyState === EventSource.CLOSED) {
		source = null
		setTimeout(connect, 5000)
	}
}

const words = { on: 'Live', paused: 'Paused while messages are selected', off: 'Not live: connecting again' }

function say(state) {
	const element = root?.querySelector('[data-live-state]')
	if (element && element.dataset.liveState !== state) {
		element.dataset.liveState = state
		element.querySelector('[data-live-words]').textContent = words[state]
	}
}

function applyHeld() {
	if (document.querySelector('[data-selection] [name="item"]:checked')) {
		if (source) {
			say('paused')
		}
		return
	}
	for (const update of held) {
		apply(update)
	}
	held = []
	if (source?.readyState === EventSource.OPEN) {
		say('on')
	}
}

function apply({ tabs, rows = {}, new: count, need }) {
	const place = document.querySelector('[data-need]')
	if (place && need !== undefined) {
		place.textContent = need
		place.parentElement.hidden = need === ''
	}
	if (tabs) {
		replace(document.getElementById('status-tabs'), tabs)
	}
	for (const [id, html] of Object.entries(rows)) {
		replace(document.querySelector(`tr[data-message="${CSS.escape(id)}"]`), html)
	}
	if (count) {
		const pill = document.getElementById('live-new')
		pill.querySelector('[data-new]').textContent = `${count} new`
		pill.hidden = false
	}
	times()
}

// replace puts an element in another's place, and leaves the focus and the cursor where they are.
function replace(old, html) {
	const template = document.createElement('template')
	template.innerHTML = html
	const fresh = template.content.firstElementChild
	if (!old || !fresh) {
		return
	}
	const focused = old.contains(document.activeElement) && (document.activeElement.id ? `#${CSS.escape(document.activeElement.id)}` : '.row-link')
	if ('cursor' in old.dataset) {
		fresh.dataset.cursor = ''
	}
	if (old.matches('tr')) {
		fresh.dataset.changed = ''
	}
	old.replaceWith(fresh)
	htmx.process(fresh)
	if (focused) {
		fresh.querySelector(focused)?.focus({ preventScroll: true })
	}
}
