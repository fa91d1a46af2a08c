// Menus, dialogs and copy buttons.
export function menus() {
	document.addEventListener('click', (event) => {
		for (const menu of document.querySelectorAll('details[data-menu][open]')) {
			if (!menu.contains(event.target)) {
				menu.open = false
			}
		}
		const opener = event.target.closest?.('[data-opens]')
		if (opener) {
			event.preventDefault()
			document.querySelector(opener.dataset.opens).showModal()
		}
		const dialog = event.target.closest?.('[data-closes]')?.closest('dialog')
		if (dialog) {
			event.preventDefault()
			dialog.close()
		}
		const copier = event.target.closest?.('[data-copy]')
		if (copier) {
			copy(copier)
		}
	})
	document.addEventListener('keydown', (event) => {
		const menu = event.key === 'Escape' && document.querySelector('details[data-menu][open]')
		if (menu) {
			menu.open = false
			menu.querySelector('summary').focus()
		}
	})
}

async function copy(button) {
	const label = button.querySelector('[data-label]')
	const before = label.dataset.before ?? label.textContent
	label.dataset.before = before
	try {
		await navigator.clipboard.writeText(document.querySelector(button.dataset.copy).textContent)
		label.textContent = 'Copied'
	} catch {
		// Without HTTPS a page has no clipboard: select the text instead.
		getSelection().selectAllChildren(document.querySelector(button.dataset.copy))
		label.textContent = 'Press Ctrl+C'
	}
	setTimeout(() => { label.textContent = before }, 2000)
}
