import { asField } from './filters.js'

// Presets of a time range are days in the reader's time zone. Their links, for browsers without scripts, are days in UTC.
export function presets() {
	document.addEventListener('click', (event) => {
		const preset = event.target.closest?.('a[data-days]')
		if (!preset || !isRange(preset) || event.ctrlKey || event.metaKey || event.shiftKey) {
			return
		}
		event.preventDefault()
		event.stopPropagation()
		const { form, from, to } = fields()
		const on = preset.getAttribute('aria-current') === 'true'
		from.value = on ? '' : range(preset).from
		to.value = on ? '' : range(preset).to
		form.requestSubmit()
	}, true)
}

export function showPresets() {
	for (const preset of document.querySelectorAll('a[data-days]')) {
		if (isRange(preset)) {
			const { from, to } = fields()
			preset.setAttribute('aria-current', String(from.value === range(preset).from && to.value === range(preset).to))
		}
	}
}

function fields() {
	const form = document.querySelector('form.query')
	return { form, from: form.elements.from, to: form.elements.to }
}

function isRange(preset) {
	return preset.dataset.days !== '' || preset.dataset.minutes !== ''
}

// range is what a preset begins and ends with, as values of its fields: midnights, or minutes before now.
function range(preset) {
	if (preset.dataset.minutes) {
		return { from: asField(new Date(Date.now() - preset.dataset.minutes * 60_000)), to: '' }
	}
	const [from, to] = preset.dataset.days.split(' ').map(midnight)
	return { from, to: to ?? '' }
}

function midnight(daysAgo) {
	const now = new Date()
	const at = new Date(now.getFullYear(), now.getMonth(), now.getDate() - daysAgo)
	return asField(at)
}
