// The selection of rows: click, shift-click for a range, all of the page.
import { noun } from './rows.js'

let anchor = null

export function selection() {
	document.addEventListener('click', (event) => {
		const box = event.target.closest?.('[data-selection] [name="item"]')
		if (!box) {
			return
		}
		if (event.shiftKey && anchor?.isConnected) {
			selectBetween(anchor, box)
		}
		anchor = box
		showSelection()
	})
	document.addEventListener('change', (event) => {
		if (event.target.matches?.('#scope-all')) {
			if (event.target.checked) {
				for (const box of boxes()) {
					box.checked = true
				}
			}
			showSelection()
		}
		if (event.target.matches?.('[data-select-all]')) {
			for (const box of boxes()) {
				box.checked = event.target.checked
			}
			showSelection()
		}
	})
	// A browser that goes back restores the checkboxes without an event.
	window.addEventListener('pageshow', showSelection)
}

function boxes() {
	return [...document.querySelectorAll('[data-selection] [name="item"]')]
}

function selectBetween(from, to) {
	const all = boxes()
	const [first, last] = [all.indexOf(from), all.indexOf(to)].sort((a, b) => a - b)
	for (const box of all.slice(first, last + 1)) {
		box.checked = to.checked
	}
}

export function showSelection() {
	const all = boxes()
	const selected = all.filter((box) => box.checked).length
	document.dispatchEvent(new Event('selection'))
	const selectAll = document.querySelector('[data-select-all]')
	if (!selectAll) {
		return
	}
	const matching = showMatching(selected === all.length)
	const words = matching ?? (selected === 1 ? `1 ${noun()}` : `${selected} ${noun()}s`)
	selectAll.checked = selected > 0 && selected === all.length
	selectAll.indeterminate = selected > 0 && selected < all.length
	document.querySelector('[data-selected-count]').textContent = selected === 0 ? 'Select all' : `${words.split(' ')[0]} selected`
	// Of messages on other pages the server counts what is not possible.
	const refusals = matching === null ? refusalsOf(all.filter((box) => box.checked)) : []
	for (const button of document.querySelectorAll('[data-bulk]')) {
		const refused = refusals.filter((refusal) => refusal.actions.includes(button.value))
		const possible = selected - refused.reduce((sum, refusal) => sum + refusal.count, 0)
		button.disabled = selected === 0 || possible === 0
		const which = possible > 0 && possible < selected ? `${possible} of ${selected}` : words
		button.querySelector('[data-label]').textContent = selected === 0 ? button.dataset.bulk : `${button.dataset.bulk} ${which}`
		button.setAttribute('aria-describedby', refused.length > 0 ? 'bulk-refused' : '')
	}
	showRefusals(refusals, selected)
}

// refusalsOf counts the reasons for which the selected messages refuse actions that the page offers, the most frequent first.
function refusalsOf(selected) {
	const offered = [...document.querySelectorAll('[data-bulk]')].map((button) => button.value)
	const counts = new Map()
	for (const box of selected) {
		for (const { actions, reason } of JSON.parse(box.dataset.refused || '[]')) {
			const named = offered.filter((name) => actions.includes(name))
			if (named.length > 0) {
				const key = JSON.stringify([named, reason])
				const refusal = counts.get(key) ?? { actions: named, reason, count: 0 }
				refusal.count++
				counts.set(key, refusal)
			}
		}
	}
	return [...counts.values()].sort((a, b) => b.count - a.count || offered.indexOf(a.actions[0]) - offered.indexOf(b.actions[0]))
}

const mostReasons = 3

function showRefusals(refusals, selected) {
	const box = document.querySelector('[data-refusals]')
	if (!box) {
		return
	}
	box.hidden = refusals.length === 0
	const lines = refusals.slice(0, mostReasons).map(({ actions, reason, count }) => {
		const line = document.createElement('li')
		const names = document.createElement('strong')
		names.textContent = actions.map((name) => document.querySelector(`[data-bulk][value="${name}"]`).dataset.bulk).join(', ')
		line.append(names, count === selected ? ': not possible. ' : `: not for ${count} of ${selected}. `, reason)
		return line
	})
	if (refusals.length > mostReasons) {
		const line = document.createElement('li')
		const more = refusals.length - mostReasons
		line.textContent = more === 1 ? 'and 1 more reason' : `and ${more} more reasons`
		lines.push(line)
	}
	box.querySelector('ul').replaceChildren(...lines)
}

// showMatching offers all messages of the filter once the whole page is selected. It returns their number if they are selected.
function showMatching(wholePage) {
	const offer = document.querySelector('[data-all-matching]')
	if (!offer) {
		return null
	}
	const box = offer.querySelector('input')
	box.checked &&= wholePage
	offer.hidden = !wholePage
	return box.checked ? offer.dataset.allMatching : null
}
