import htmx from 'htmx.org/dist/htmx.esm.js'

// jobs opens the dialog of a job draft once it is loaded, and stops polling while the tab is hidden.
export function jobs() {
	document.addEventListener('htmx:afterSwap', ({ detail: { target } }) => {
		if (target.id === 'job-dialog' && !target.open) {
			target.showModal()
			loadScript(target.querySelector('[data-script-src]')?.dataset.scriptSrc)
			target.querySelector('textarea, [name="reason"], [type="submit"]')?.focus()
		}
	})
	// A closed dialog must not poll.
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

// loadScript loads the script that a dialog needs and its page has not loaded: htmx runs none that comes with a part of a page.
function loadScript(src) {
	if (src && !document.querySelector(`script[src="${src}"]`)) {
		document.head.append(Object.assign(document.createElement('script'), { src }))
	}
}
