import { foldAll, unfoldAll } from '@codemirror/language'
import { openSearchPanel, searchPanelOpen } from '@codemirror/search'
import { EditorState } from '@codemirror/state'
import { EditorView } from '@codemirror/view'
import { reading, shadow } from './editor-parts.js'

// payload replaces the plain text of the payload by an editor of the same size.
export function payload() {
	const box = document.querySelector('[data-payload]')
	const plain = box && shown(box)
	if (!plain) {
		return
	}
	const host = document.createElement('div')
	host.className = 'payload-host'
	host.style.height = `${plain.offsetHeight}px`
	const root = shadow(host)
	const grow = EditorView.updateListener.of(({ state }) => host.classList.toggle('searching', searchPanelOpen(state)))
	const view = new EditorView({ parent: root, root, state: stateOf(plain, grow) })
	box.append(host)
	box.closest('section').dataset.editor = ''
	const show = () => view.setState(stateOf(shown(box), grow))
	tools(box.closest('section'), view, show)
}

// shown is the element of the chosen form: pretty or raw.
function shown(box) {
	const raw = box.closest('section').querySelector('[name="payload-form"][value="raw"]:checked')
	return box.querySelector(raw ? 'pre[data-form="raw"]' : 'pre[data-form]')
}

function stateOf(plain, extension) {
	return EditorState.create({ doc: plain.textContent, extensions: [reading(plain.getAttribute('aria-label'), 'json' in plain.dataset), extension] })
}

function tools(section, view, show) {
	const commands = { search: openSearchPanel, fold: foldAll, unfold: unfoldAll }
	section.addEventListener('change', ({ target }) => target.name === 'payload-form' && show())
	section.addEventListener('click', ({ target }) => {
		const command = target.closest('[data-editor-command]')
		if (command) {
			commands[command.dataset.editorCommand](view)
		}
		const full = target.closest('[data-full]')
		if (full) {
			fetchFull(section, full, show)
		}
	})
}

// fetchFull loads the full payload, which is too large to come with the page.
async function fetchFull(section, button, show) {
	const note = button.closest('.payload-note').querySelector('[data-note]')
	button.disabled = true
	try {
		const response = await fetch(button.dataset.full)
		if (!response.ok) {
			throw new Error(response.statusText)
		}
		const plain = section.querySelector('pre[data-form]')
		plain.textContent = await response.text()
		plain.setAttribute('aria-label', 'Payload')
		show()
		note.textContent = 'The full payload is shown.'
	} catch {
		note.textContent = 'Could not load the full payload. Try again in a moment.'
	}
	button.disabled = false
}
