// The selection of messages: click, shift-click for a range, all of the page.
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
	const words = showMatching(selected === all.length) ?? (selected === 1 ? '1 message' : `${selected} messages`)
	selectAll.checked = selected > 0 && selected === all.length
	selectAll.indeterminate = selected > 0 && selected < all.length
	document.querySelector('[data-selected-count]').textContent = selected === 0 ? 'Select all' : `${words.split(' ')[0]} selected`
	for (const button of document.querySelectorAll('[data-bulk]')) {
		button.disabled = selected === 0
		button.querySelector('[data-label]').textContent = selected === 0 ? button.dataset.bulk : `${button.dataset.bulk} ${words}`
	}
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
