// The rows of the list on a page, of messages or of causes.
export function rows() {
	return [...document.querySelectorAll('[data-selection] tr:is([data-message], [data-cause])')]
}

export function idOf(row) {
	return row.dataset.message ?? row.dataset.cause
}

export function rowOf(id) {
	return rows().find((row) => idOf(row) === id)
}

// noun is what one row is.
export function noun() {
	return document.querySelector('[data-selection]')?.dataset.noun ?? 'message'
}
