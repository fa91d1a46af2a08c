// Which letters are selected: click, shift-click for a range, all of the page.
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
		if (event.target.matches?.('[data-select-all]')) {
			for (const box of boxes()) {
				box.checked = event.target.checked
			}
			showSelection()
		}
	})
	// A browser that goes back keeps the ticks, and tells nobody.
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
	const words = selected === 1 ? '1 letter' : `${selected} letters`
	const selectAll = document.querySelector('[data-select-all]')
	if (!selectAll) {
		return
	}
	selectAll.checked = selected > 0 && selected === all.length
	selectAll.indeterminate = selected > 0 && selected < all.length
	document.querySelector('[data-selected-count]').textContent = selected === 0 ? 'Select all' : `${selected} selected`
	for (const button of document.querySelectorAll('[data-many]')) {
		button.disabled = selected === 0
		if (button.dataset.many) {
			button.querySelector('[data-label]').textContent = selected === 0 ? button.dataset.many : `${button.dataset.many} ${words}`
		}
	}
	for (const element of document.querySelectorAll('[data-count-words]')) {
		element.textContent = words
	}
}
