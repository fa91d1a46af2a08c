import htmx from 'htmx.org/dist/htmx.esm.js'

// jobs opens the dialog that asks about a job once it is there, and lets what looks again by itself rest while nobody sees it.
export function jobs() {
	document.addEventListener('htmx:afterSwap', ({ detail: { target } }) => {
		if (target.id === 'job-dialog' && !target.open) {
			target.showModal()
			target.querySelector('textarea, [name="reason"], [type="submit"]')?.focus()
		}
	})
	// What nobody looks at any more asks nobody.
	document.addEventListener('close', ({ target }) => {
		if (target.id === 'job-dialog') {
			target.replaceChildren()
		}
	}, true)
	document.addEventListener('htmx:beforeRequest', (event) => {
		if (document.hidden && event.detail.elt.matches('[data-poll]')) {
			event.preventDefault()
		}
	})
	document.addEventListener('visibilitychange', () => {
		if (!document.hidden) {
			for (const element of document.querySelectorAll('[data-poll]')) {
				htmx.trigger(element, 'again')
			}
		}
	})
}
