import { historyField } from '@codemirror/commands'
import { forceLinting, linter, lintKeymap } from '@codemirror/lint'
import { EditorState } from '@codemirror/state'
import { EditorView, keymap } from '@codemirror/view'
import { differences } from './editor-compare.js'
import { faultOf } from './editor-json.js'
import { shadow, writing } from './editor-parts.js'

// editing covers the text field of the form by an editor. The field gets every change, and the form sends it.
export function editing() {
	const field = document.querySelector('textarea[data-editor]')
	if (!field) {
		return
	}
	const host = document.createElement('div')
	host.className = 'edit-host'
	field.after(host)
	const editor = { field, host, root: shadow(host), isJSON: 'json' in field.dataset }
	open(editor)
	field.closest('form').dataset.editor = ''
	// Focus the editor, unless a notice or an invalid field comes first.
	if (document.activeElement === document.body && !document.querySelector('.notice, [aria-invalid="true"]')) {
		editor.view.focus()
	}
	field.labels[0].addEventListener('click', () => editor.view.focus())
	field.addEventListener('discard', () => open(editor))
	const compare = document.querySelector('[data-compare]')
	compare.addEventListener('change', ({ target }) => target.value === 'compare' ? compareWithOriginal(editor, compare) : open(editor))
	if (field.getAttribute('aria-invalid')) {
		forceLinting(editor.view)
	}
}

// extensions are those of the edited text. Its undo history moves along from one view to the next.
function extensions({ field, isJSON, view }) {
	const sync = EditorView.updateListener.of((update) => {
		if (update.docChanged) {
			field.value = update.state.doc.toString()
			field.dispatchEvent(new Event('input', { bubbles: true }))
		}
	})
	const past = view?.state.field(historyField, false)
	const send = keymap.of([{ key: 'Mod-Enter', run: () => (field.form.requestSubmit(), true) }])
	return [send, past ? historyField.init(() => past) : [], writing('Body', isJSON), sync, isJSON ? [linter(lint, { delay: 250 }), keymap.of(lintKeymap)] : []]
}

function open(editor) {
	const state = EditorState.create({ doc: editor.field.value, extensions: extensions(editor) })
	replace(editor, () => {
		const view = new EditorView({ parent: editor.root, root: editor.root, state })
		return { view, destroy: () => view.destroy() }
	})
}

// compareWithOriginal shows the edited text beside the received one.
async function compareWithOriginal(editor, compare) {
	const place = document.getElementById('compare-fault')
	place.textContent = ''
	try {
		editor.original ??= await received(compare.dataset.compare)
	} catch {
		place.textContent = 'Could not load the original. Try again in a moment.'
		compare.querySelector('[value="edit"]').checked = true
		return
	}
	if (compare.querySelector('[value="compare"]').checked) {
		const mine = { doc: editor.field.value, extensions: extensions(editor) }
		const original = { label: 'Original', text: editor.original, isJSON: editor.isJSON }
		replace(editor, () => differences(editor.root, original, mine))
	}
}

async function received(url) {
	const response = await fetch(url)
	if (!response.ok) {
		throw new Error(response.statusText)
	}
	return await response.text()
}

function replace(editor, make) {
	editor.mounted?.destroy()
	editor.mounted = make()
	editor.view = editor.mounted.view
}

// lint shows the first syntax error in the text and below it.
function lint(view) {
	const fault = faultOf(view.state.doc.toString())
	const place = document.getElementById('body-check')
	if (!fault) {
		place.textContent = 'Valid JSON'
		place.dataset.valid = 'yes'
		return []
	}
	const line = view.state.doc.lineAt(fault.from)
	place.textContent = `Line ${line.number}, column ${fault.from - line.from + 1}: ${fault.why}`
	place.dataset.valid = 'no'
	return [{ from: fault.from, to: fault.to, severity: 'error', message: fault.why }]
}
