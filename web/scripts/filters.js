// Times of a filter are UTC in the address and local in the form.
export function filters() {
	document.addEventListener('change', (event) => {
		if (event.target.matches?.('[data-submit-on-change]')) {
			event.target.form.requestSubmit()
		}
	})
	document.addEventListener('input', (event) => {
		if (event.target.matches?.('[data-narrows]')) {
			narrow(document.querySelector(event.target.dataset.narrows), event.target.value.toLowerCase())
		}
	})
	document.addEventListener('formdata', (event) => {
		asUTC(event.target, event.formData)
		if (event.target.matches('form.query')) {
			tidy(event.formData)
		}
	}, true)
}

// narrow hides the rows of a table that do not contain a text.
function narrow(table, text) {
	for (const row of table.querySelectorAll('tbody tr')) {
		row.hidden = !row.textContent.toLowerCase().includes(text)
	}
}

// asUTC sends the times of a form in UTC that it shows in the reader's zone.
function asUTC(form, data) {
	for (const [name, value] of [...data]) {
		if (value !== '' && form.elements[name]?.dataset?.zoned) {
			data.set(name, new Date(value).toISOString().slice(0, 16))
		}
	}
}

// tidy removes empty fields from the address.
function tidy(data) {
	for (const [name, value] of [...data]) {
		if (value === '') {
			data.delete(name)
		}
	}
}

export function localTimes() {
	for (const input of document.querySelectorAll('input[data-utc]:not([data-zoned])')) {
		input.dataset.zoned = 'yes'
		input.labels[0].querySelector('[data-zone]').textContent = ''
		input.title = `In your time zone: ${Intl.DateTimeFormat().resolvedOptions().timeZone}`
		if (input.value) {
			input.value = asField(new Date(`${input.value}Z`))
		}
	}
}

export function asField(at) {
	return new Date(at - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16)
}
