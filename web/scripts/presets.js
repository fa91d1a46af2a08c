// Presets of a time range are days in the reader's time zone. Their links, for browsers without scripts, are days in UTC.
export function presets() {
	document.addEventListener('click', (event) => {
		const preset = event.target.closest?.('a[data-days]')
		if (!preset?.dataset.days || event.ctrlKey || event.metaKey || event.shiftKey) {
			return
		}
		event.preventDefault()
		event.stopPropagation()
		const { form, from, to } = fields()
		const on = preset.getAttribute('aria-current') === 'true'
		from.value = on ? '' : days(preset).from
		to.value = on ? '' : days(preset).to
		form.requestSubmit()
	}, true)
}

export function showPresets() {
	for (const preset of document.querySelectorAll('a[data-days]')) {
		if (preset.dataset.days) {
			const { from, to } = fields()
			preset.setAttribute('aria-current', String(from.value === days(preset).from && to.value === days(preset).to))
		}
	}
}

function fields() {
	const form = document.querySelector('form.query')
	return { form, from: form.elements.from, to: form.elements.to }
}

// days are the midnights that a preset begins and ends with, as values of its fields.
function days(preset) {
	const [from, to] = preset.dataset.days.split(' ').map(midnight)
	return { from, to: to ?? '' }
}

function midnight(daysAgo) {
	const now = new Date()
	const at = new Date(now.getFullYear(), now.getMonth(), now.getDate() - daysAgo)
	return new Date(at - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16)
}
