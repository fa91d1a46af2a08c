// The search box completes names and values. Its list comes from the server; without a script it is a plain field.
const pause = 120 // milliseconds without a key before the list is asked for

let timer
let asked // the request under way

export function search() {
	document.addEventListener('input', (event) => {
		const box = boxOf(event.target)
		if (box && !event.isComposing) {
			clearTimeout(timer)
			timer = setTimeout(() => open(box), pause)
		}
	})
	document.addEventListener('keydown', (event) => {
		const box = boxOf(event.target)
		if (box && !event.isComposing && press(box, event.key)) {
			event.preventDefault()
			event.stopPropagation()
		}
	}, true)
	document.addEventListener('mousedown', (event) => {
		const option = event.target.closest?.('[data-complete] [role="option"]')
		if (option) {
			event.preventDefault() // the focus stays in the field
			choose(option.closest('[data-complete]'), option)
		}
	})
	document.addEventListener('focusout', (event) => {
		const box = boxOf(event.target)
		if (box) {
			close(box)
		}
	})
	document.addEventListener('submit', (event) => {
		const box = event.target.querySelector?.('[data-complete]')
		if (box) {
			close(box)
		}
	}, true)
}

// showSearch tells screen readers that a field has a list.
export function showSearch() {
	for (const box of document.querySelectorAll('[data-complete]')) {
		const { field, list } = parts(box)
		field.setAttribute('role', 'combobox')
		field.setAttribute('aria-autocomplete', 'list')
		field.setAttribute('aria-controls', list.id)
		field.setAttribute('aria-expanded', String(!list.hidden))
		number(list)
	}
}

function boxOf(element) {
	return element.matches?.('[data-complete] input') ? element.closest('[data-complete]') : null
}

function parts(box) {
	return { field: box.querySelector('input'), list: box.querySelector('[role="listbox"]') }
}

function options(list) {
	return [...list.querySelectorAll('[role="option"]')]
}

function number(list) {
	for (const [n, option] of options(list).entries()) {
		option.id = `${list.id}-${n}`
	}
}

async function open(box) {
	const { field, list } = parts(box)
	const text = field.value
	const caret = [...text.slice(0, field.selectionStart ?? text.length)].length
	asked?.abort()
	const request = new AbortController()
	asked = request
	try {
		const response = await fetch(`${box.dataset.complete}?${new URLSearchParams({ q: text, at: caret })}`, { signal: request.signal })
		if (!response.ok || response.redirected || document.activeElement !== field || field.value !== text) {
			return
		}
		list.innerHTML = await response.text() // the server has escaped it
		number(list)
		list.hidden = options(list).length === 0
		field.setAttribute('aria-expanded', String(!list.hidden))
		activate(box, null)
	} catch {
		if (asked === request) {
			close(box) // a field without a list still searches
		}
	}
}

function close(box) {
	clearTimeout(timer)
	asked?.abort()
	const { field, list } = parts(box)
	list.hidden = true
	field.setAttribute('aria-expanded', 'false')
	activate(box, null)
}

function activate(box, option) {
	const { field, list } = parts(box)
	for (const one of options(list)) {
		one.setAttribute('aria-selected', String(one === option))
	}
	if (option) {
		field.setAttribute('aria-activedescendant', option.id)
		option.scrollIntoView({ block: 'nearest' })
	} else {
		field.removeAttribute('aria-activedescendant')
	}
}

// press handles a key in the field, and reports whether it did.
function press(box, key) {
	const { list } = parts(box)
	if (list.hidden) {
		if (key === 'ArrowDown') {
			open(box)
		}
		return key === 'ArrowDown'
	}
	const all = options(list)
	const at = all.findIndex((one) => one.getAttribute('aria-selected') === 'true')
	switch (key) {
	case 'ArrowDown':
		activate(box, all[(at + 1) % all.length])
		return true
	case 'ArrowUp':
		activate(box, all[at <= 0 ? all.length - 1 : at - 1])
		return true
	case 'Escape':
		close(box)
		return true
	case 'Enter':
	case 'Tab':
		if (at >= 0) {
			choose(box, all[at])
		}
		return at >= 0
	}
	return false
}

function choose(box, option) {
	const { field } = parts(box)
	const { query, caret } = option.dataset
	field.value = query
	const place = [...query].slice(0, Number(caret)).join('').length
	field.setSelectionRange(place, place)
	close(box)
	if (!query.slice(0, place).endsWith(' ')) { // a name: its values come next
		open(box)
	}
}
