// Live updates: counts and rows change in place, and a button announces new messages. While messages are selected, updates wait.
// The number of failed messages changes at once, on every page.
import htmx from 'htmx.org/dist/htmx.esm.js'
import { idOf, noun, rowOf, rows } from './rows.js'
import { times } from './times.js'

let root = null // the element with the address of the updates
let source = null
let last = '' // the sequence number of the latest update
let waiting = [] // updates that came while messages were selected
let held = {} // parts that came while a person was at work in them, by id

export function live() {
	document.addEventListener('visibilitychange', () => (document.hidden ? disconnect() : connect()))
	document.addEventListener('selection', applyWaiting)
	document.addEventListener('toggle', () => replaceParts(held), true)
	window.addEventListener('pagehide', disconnect)
	window.addEventListener('pageshow', connect)
}

// showLive follows the list of the page or, on a page without a list, the number of failed messages.
export function showLive() {
	const current = document.querySelector('[data-live]') ?? document.querySelector('[data-live-count]')
	if (current === root) {
		return
	}
	disconnect()
	root = current
	waiting = []
	held = {}
	last = ''
	connect()
}

function disconnect() {
	source?.close()
	source = null
}

function connect() {
	if (!root?.isConnected || source || document.hidden) {
		return
	}
	const url = new URL(root.dataset.live ?? root.dataset.liveCount, location)
	url.searchParams.set('rows', rows().map(idOf).join())
	if (last) {
		url.searchParams.set('after', last)
		url.searchParams.set('again', 'yes')
	}
	source = new EventSource(url)
	source.addEventListener('open', () => showState('on'))
	source.addEventListener('error', reconnect)
	source.addEventListener('over', () => { disconnect(); showState('off') })
	source.addEventListener('update', (event) => {
		last = event.lastEventId
		const update = JSON.parse(event.data)
		showFailed(update.failed)
		waiting.push(update)
		applyWaiting()
	})
}

// reconnect connects again after an error that the browser does not recover from by itself.
function reconnect() {
	showState('off')
	if (source?.readyState === EventSource.CLOSED) {
		source = null
		setTimeout(connect, 5000)
	}
}

const words = { on: () => 'Live', paused: () => `Paused while ${noun()}s are selected`, off: () => 'Not live: connecting again' }

function showState(state) {
	const element = root?.querySelector('[data-live-state]')
	if (element && element.dataset.liveState !== state) {
		element.dataset.liveState = state
		element.querySelector('[data-live-words]').textContent = words[state]()
	}
}

function applyWaiting() {
	if (document.querySelector('[data-selection] [name="item"]:checked')) {
		if (source) {
			showState('paused')
		}
		return
	}
	for (const update of waiting) {
		apply(update)
	}
	waiting = []
	if (source?.readyState === EventSource.OPEN) {
		showState('on')
	}
}

function apply({ tabs, onTheirWay, parts = {}, rows: changed = {}, top = [], new: count, quiet }) {
	replaceParts(parts)
	if (tabs) {
		replace(document.getElementById('status-tabs'), tabs)
	}
	if (onTheirWay) {
		replace(document.getElementById('on-their-way'), onTheirWay)
	}
	for (const [id, html] of Object.entries(changed)) {
		if (html) {
			replace(rowOf(id), html, quiet)
		} else {
			rowOf(id)?.remove()
		}
	}
	for (const { id, html } of top) {
		putOnTop(id, html)
	}
	if (count) {
		const pill = document.getElementById('live-new')
		pill.querySelector('[data-new]').textContent = `${count} new`
		pill.hidden = false
	}
	times()
}

// replaceParts replaces parts of the page. One with an open menu or form waits until that is closed.
function replaceParts(parts) {
	for (const [id, html] of Object.entries(parts)) {
		const old = document.getElementById(id)
		if (old?.querySelector('[data-holds][open]')) {
			held[id] = html
			continue
		}
		delete held[id]
		replace(old, html, true)
	}
}

// showFailed shows the number of failed messages in the navigation and in the title of the tab.
function showFailed(count) {
	const place = document.querySelector('[data-failed-count]')
	if (place) {
		place.textContent = count
		place.parentElement.hidden = count === ''
		document.title = (count && `(${count}) `) + document.title.replace(/^\([^)]*\) /, '')
	}
}

// putOnTop puts a new row on top of the list. While a person reads a row, the rows stay where they are in the window.
function putOnTop(id, html) {
	const first = rows()[0]
	if (!first) {
		document.getElementById('live-new').click() // there is no list yet, so there is no place to keep
		return
	}
	if (rowOf(id)) {
		replace(rowOf(id), html)
		return
	}
	const fresh = parse(html)
	fresh.dataset.changed = ''
	const before = first.getBoundingClientRect().top
	first.before(fresh)
	htmx.process(fresh)
	const moved = first.getBoundingClientRect().top - before
	if (before < 0 || fresh.parentElement.matches(':hover, :focus-within, :has([data-cursor])')) {
		scrollBy({ top: moved, behavior: 'instant' })
	}
}

function parse(html) {
	const template = document.createElement('template')
	template.innerHTML = html
	return template.content.firstElementChild
}

// replace replaces an element, and keeps the focus and the cursor.
function replace(old, html, quiet) {
	const fresh = parse(html)
	if (!old || !fresh) {
		return
	}
	const focused = old.contains(document.activeElement) && (document.activeElement.id ? `#${CSS.escape(document.activeElement.id)}` : '.row-link')
	if ('cursor' in old.dataset) {
		fresh.dataset.cursor = ''
	}
	if (old.matches('tr') && !quiet) {
		fresh.dataset.changed = ''
	}
	old.replaceWith(fresh)
	htmx.process(fresh)
	if (focused) {
		fresh.querySelector(focused)?.focus({ preventScroll: true })
	}
}
