// Sign-in in place: a session that has ended is begun again in a dialog, and the page stays as it is.
import htmx from 'htmx.org/dist/htmx.esm.js'

export function signIn() {
	document.addEventListener('htmx:beforeOnLoad', (event) => {
		if (event.detail.xhr.status === 401 && askToSignIn()) {
			event.preventDefault()
		}
	})
	document.addEventListener('submit', (event) => {
		if (event.target.matches('#signin-dialog form')) {
			event.preventDefault()
			send(event.target)
		}
	})
}

// signedIn reports whether the session is still valid. It throws if dlqdesk cannot be reached.
export async function signedIn() {
	const response = await fetch('/account', { method: 'HEAD', redirect: 'manual', cache: 'no-store' })
	if (response.status >= 500) {
		throw new Error(response.statusText) // of a proxy before it
	}
	return response.type !== 'opaqueredirect' && response.status !== 401
}

// askToSignIn opens the dialog. It returns false on a page without one.
export function askToSignIn() {
	const dialog = document.getElementById('signin-dialog')
	if (dialog && !dialog.open) {
		dialog.showModal()
	}
	return Boolean(dialog)
}

async function send(form) {
	const fault = document.getElementById('signin-fault')
	fault.textContent = ''
	try {
		const response = await fetch(form.action, { method: 'POST', body: new URLSearchParams(new FormData(form)), redirect: 'manual' })
		if (response.type === 'opaqueredirect') {
			finish(form)
			return
		}
		const page = new DOMParser().parseFromString(await response.text(), 'text/html')
		fault.textContent = page.querySelector('.notice')?.textContent.trim() || 'Sign-in did not work. Try again in a moment.'
	} catch {
		fault.textContent = 'Could not reach dlqdesk. Try again in a moment.'
	}
	form.elements.password.select()
}

function finish(form) {
	form.reset()
	form.closest('dialog').close()
	document.getElementById('notice').replaceChildren(document.getElementById('signed-in-notice').content.cloneNode(true))
	for (const element of document.querySelectorAll('[hx-trigger~="again"]')) {
		htmx.trigger(element, 'again')
	}
}
