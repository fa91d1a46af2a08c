// Keyboard shortcuts, which are off while the user types. An element with data-key is clicked by that key.
import { idOf, rowOf, rows } from './rows.js'
import { showSelection } from './selection.js'

const places = { c: '/causes', m: '/messages', o: '/overview', l: '/alerts', a: '/audit', r: '/reconciliation', j: '/jobs', s: '/sources' }
const sequenceTimeout = 1500 // milliseconds between g and the next key

let sequenceStarted = 0

export function keys() {
	document.addEventListener('keydown', (event) => {
		if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing || typing(event.composedPath()[0])) {
			return
		}
		if (document.querySelector('dialog[open]')) {
			return
		}
		if (press(event.key)) {
			event.preventDefault()
		}
	})
}

function typing(element) {
	return element.isContentEditable || element.matches?.('textarea, select, input:not([type="checkbox"], [type="radio"], [type="button"], [type="submit"])')
}

// press runs the shortcut of a key, and reports whether there is one.
function press(key) {
	const second = Date.now() - sequenceStarted < sequenceTimeout
	sequenceStarted = 0
	if (second) {
		return go(key)
	}
	switch (key) {
	case 'g':
		sequenceStarted = Date.now()
		return true
	case '?':
		document.getElementById('help').showModal()
		return true
	case '/':
		return focusSearch()
	case 'j':
	case 'k':
		return move(key === 'j' ? 1 : -1) || click(key)
	case 'x':
		return tick(cursorRow())
	case 'X':
		return tickAll()
	case 'Enter':
		return openRow()
	case 'Escape':
		return clear()
	case 'r':
	case 'd':
	case 'a':
	case 'e':
	case 'c':
	case 'm':
		return applyAction(key)
	}
	return click(key)
}

function go(key) {
	const link = places[key] && document.querySelector(`.bar a[href="${places[key]}"]`)
	link?.click()
	return Boolean(link)
}

function focusSearch() {
	const field = document.querySelector('form.query [type="search"]')
	field?.focus()
	field?.select()
	return Boolean(field)
}

// click clicks the element of a key, if it is visible and enabled.
function click(key) {
	const element = [...document.querySelectorAll(`[data-key="${CSS.escape(key)}"]`)].find((one) => one.checkVisibility() && !one.disabled)
	element?.click()
	return Boolean(element)
}

function cursorRow() {
	return document.querySelector('[data-selection] tr[data-cursor]')
}

// move moves the cursor by a number of rows.
function move(by) {
	const all = rows()
	if (all.length === 0) {
		return false
	}
	const at = all.indexOf(cursorRow())
	setCursor(all[at < 0 ? 0 : Math.min(Math.max(at + by, 0), all.length - 1)])
	return true
}

function setCursor(row) {
	cursorRow()?.removeAttribute('data-cursor')
	row.dataset.cursor = ''
	row.querySelector('.row-link').focus({ preventScroll: true })
	row.scrollIntoView({ block: 'nearest' })
	sessionStorage.setItem('cursor', idOf(row))
}

// showCursor restores the cursor after a swap and after the way back from a message.
export function showCursor() {
	const row = !cursorRow() && rowOf(sessionStorage.getItem('cursor'))
	if (row) {
		row.dataset.cursor = ''
		row.scrollIntoView({ block: 'nearest' })
	}
}

function openRow() {
	const row = document.activeElement === document.body && cursorRow()
	row?.querySelector?.('.row-link').click()
	return Boolean(row)
}

function tick(row) {
	const box = row?.querySelector('[name="item"]')
	box?.click()
	return Boolean(box)
}

// tickAll selects the whole page and, the second time, all messages that match.
function tickAll() {
	const page = document.querySelector('[data-select-all]')
	const all = document.querySelector('#scope-all')
	const box = page?.checked && all && !all.checked ? all : page
	box?.click()
	return Boolean(box)
}

function clear() {
	const ticked = document.querySelectorAll('[data-selection] [name="item"]:checked')
	const row = cursorRow()
	row?.removeAttribute('data-cursor')
	sessionStorage.removeItem('cursor')
	for (const box of ticked) {
		box.checked = false
	}
	showSelection()
	return ticked.length > 0 || Boolean(row)
}

// applyAction applies the action of a key to the selected rows, or to the row under the cursor if none is selected.
function applyAction(key) {
	const row = cursorRow()
	if (!row || document.querySelector('[data-selection] [name="item"]:checked')) {
		return click(key)
	}
	if (key === 'e' && row.dataset.message) {
		const to = new URL(row.querySelector('.row-link').href)
		to.pathname += '/edit'
		location.assign(to)
		return true
	}
	row.querySelector('[name="item"]').checked = true
	showSelection()
	return click(key)
}
