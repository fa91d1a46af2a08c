// Drafts: what a person types into a form with data-draft stays in this browser until the form is accepted or the person signs out.
// It survives a session that has ended, a server that has stopped, and a page that was left.
import { askToSignIn, signedIn } from './signin.js'
import { showNotice } from './swaps.js'

const prefix = 'draft '
const maxAge = 7 * 24 * 3600 * 1000
const pause = 300 // milliseconds without a key until a draft is stored
const rendered = new WeakMap() // by form: its fields as the server filled them in
let due = null // the form whose draft is not stored yet
let timer = 0
let leaving = false // the person has agreed, or a form is being sent

export function drafts() {
	dropOld()
	document.addEventListener('input', ({ target }) => target.form?.matches('[data-draft]') && later(target.form))
	document.addEventListener('submit', submit, true)
	document.addEventListener('click', ({ target }) => target.closest?.('[data-discard-draft]') && discard(target.closest('form')))
	document.addEventListener('htmx:beforeOnLoad', ({ detail: { elt, xhr, requestConfig } }) => {
		const form = elt.closest('form[data-draft]')
		if (form && xhr.status < 300 && requestConfig.triggeringEvent?.type === 'submit') {
			forget(form)
		}
	})
	window.addEventListener('pagehide', store)
	window.addEventListener('beforeunload', (event) => {
		if (!leaving && forms().some(changed)) {
			event.preventDefault()
		}
	})
	window.addEventListener('pageshow', () => { leaving = false })
}

// showDrafts fills the drafts of this person into the forms that have appeared.
export function showDrafts() {
	dropSent()
	for (const form of forms()) {
		if (!rendered.has(form)) {
			rendered.set(form, typed(form))
			restore(form)
		}
	}
}

function forms() {
	return [...document.querySelectorAll('form[data-draft]')]
}

function keyOf(form) {
	return `${prefix}${document.body.dataset.user} ${form.dataset.draft}`
}

const kept = 'textarea, select, input[type="text"], input[type="datetime-local"], input:not([type])'

// fields are those that a person fills in. A password is never stored.
function fields(form) {
	return [...form.elements].filter((field) => field.name && !field.disabled && field.matches(kept))
}

function typed(form) {
	return JSON.stringify(fields(form).map((field) => [field.name, field.value]))
}

function changed(form) {
	return rendered.has(form) && rendered.get(form) !== typed(form)
}

function later(form) {
	clearTimeout(timer)
	due = form
	timer = setTimeout(store, pause)
}

function store() {
	clearTimeout(timer)
	const form = due
	due = null
	if (!form) {
		return
	}
	if (!changed(form)) {
		localStorage.removeItem(keyOf(form))
		return
	}
	try {
		localStorage.setItem(keyOf(form), JSON.stringify({ at: Date.now(), fields: typed(form) }))
	} catch {
		localStorage.removeItem(keyOf(form)) // too large for this browser: leaving the page still asks
	}
}

function read(key) {
	try {
		return JSON.parse(localStorage.getItem(key)) ?? {}
	} catch {
		return {}
	}
}

function restore(form) {
	const draft = read(keyOf(form))
	if (!draft.fields) {
		return
	}
	if (draft.fields === rendered.get(form)) {
		rendered.set(form, '') // refused: what is in the form is the person's, and is nowhere else
		return
	}
	const places = fields(form)
	for (const [name, value] of JSON.parse(draft.fields)) {
		const i = places.findIndex((field) => field.name === name) // another form may have more fields
		if (i >= 0) {
			fill(form, places.splice(i, 1)[0], value)
		}
	}
	const notice = document.getElementById('draft-notice').content.cloneNode(true)
	const at = notice.querySelector('time')
	at.dateTime = new Date(draft.at).toISOString()
	at.textContent = new Date(draft.at).toLocaleString()
	form.prepend(notice)
	setTimeout(() => form.dispatchEvent(new Event('restored')), 100) // once htmx knows the form
}

// fill sets a field, and unfolds what hides it.
function fill(form, field, value) {
	const box = field.closest('details')
	if (field.value !== value && form.contains(box)) {
		box.open = true
	}
	field.value = value
}

function forget(form) {
	if (due === form) {
		due = null
	}
	localStorage.removeItem(keyOf(form))
	rendered.set(form, typed(form))
}

// discard shows the form as the server has it.
function discard(form) {
	const values = JSON.parse(rendered.get(form))
	for (const [i, field] of fields(form).entries()) {
		field.value = values[i]?.[1] ?? '' // some came with a later part of the form
		field.dispatchEvent(new Event('discard'))
	}
	form.querySelector('.draft-notice').remove()
	forget(form)
}

// submit sends a form with a draft once it is certain that there is a session to accept it. Scripts send their forms themselves.
async function submit(event) {
	const { target: form, submitter } = event
	if (form.matches('[action="/signout"]')) {
		dropAll()
		leaving = true
	}
	if (!form.matches('[data-draft]') || leaving) {
		return
	}
	due = form
	store()
	if (form.matches('[hx-post]')) {
		return
	}
	event.preventDefault()
	if (!await reachable()) {
		return
	}
	const draft = read(keyOf(form))
	if (draft.fields) {
		localStorage.setItem(keyOf(form), JSON.stringify({ ...draft, sent: true }))
	}
	leaving = true
	form.requestSubmit(submitter)
}

async function reachable() {
	try {
		if (await signedIn()) {
			return true
		}
		askToSignIn()
	} catch {
		showNotice('unreachable-notice')
	}
	return false
}

// dropSent removes the drafts of forms that were accepted: the response was a page of the desk without that form.
function dropSent() {
	if (!document.querySelector('header.bar') || document.querySelector('.error-status')) {
		return
	}
	const shown = forms().map(keyOf)
	for (const key of all()) {
		const { sent, ...draft } = read(key)
		if (sent && shown.includes(key)) {
			localStorage.setItem(key, JSON.stringify(draft)) // it was refused
		} else if (sent) {
			localStorage.removeItem(key)
		}
	}
}

function all() {
	return Object.keys(localStorage).filter((key) => key.startsWith(prefix))
}

function dropAll() {
	due = null
	for (const key of all()) {
		localStorage.removeItem(key)
	}
}

function dropOld() {
	for (const key of all()) {
		if (!(read(key).at > Date.now() - maxAge)) {
			localStorage.removeItem(key)
		}
	}
}
