import { MergeView, unifiedMergeView } from '@codemirror/merge'
import { EditorState } from '@codemirror/state'
import { EditorView } from '@codemirror/view'
import { reading, shadow } from './editor-parts.js'

const collapseUnchanged = { margin: 3, minSize: 6 }
const diffConfig = { scanLimit: 10_000, timeout: 500 } // milliseconds, after which a difference is told in larger pieces
const narrow = matchMedia('(max-width: 48rem)') // no room for two texts

// comparison puts the differences of two revisions in the place of their texts.
export async function comparison() {
	const box = document.querySelector('[data-comparison]')
	if (!box) {
		return
	}
	const plain = [...box.querySelectorAll('pre')]
	const height = Math.max(...plain.map((pre) => pre.offsetHeight))
	const [before, after] = await Promise.all(plain.map(textOf))
	const host = document.createElement('div')
	host.className = 'compare-host'
	host.style.height = `${height}px`
	box.after(host)
	box.dataset.editor = ''
	const root = shadow(host)
	let mounted
	const show = () => {
		mounted?.destroy()
		mounted = differences(root, before, { doc: after.text, extensions: reading(after.label, after.isJSON) })
	}
	show()
	narrow.addEventListener('change', show)
}

// textOf is the text of a revision, all of it, even where the page shows its beginning. What cannot be read stays as it is shown.
async function textOf(pre) {
	const side = { label: pre.getAttribute('aria-label'), text: pre.textContent, isJSON: 'json' in pre.dataset }
	if (pre.dataset.text) {
		const answer = await fetch(pre.dataset.text).catch(() => null)
		if (answer?.ok) {
			side.text = await answer.text()
			pre.parentElement.querySelector('[data-cut]').remove()
		}
	}
	return side
}

// differences shows what differs between a text that cannot be changed and the state of another: beside it, or, where there is no
// room, within it. It answers what is to be destroyed at the end, and has the view of the other text.
export function differences(root, before, after) {
	if (narrow.matches) {
		const unified = unifiedMergeView({ original: before.text, mergeControls: false, collapseUnchanged, diffConfig })
		const view = new EditorView({ root, parent: root, state: EditorState.create({ doc: after.doc, extensions: [after.extensions, unified] }) })
		return { view, destroy: () => view.destroy() }
	}
	const both = new MergeView({
		root, parent: root, collapseUnchanged, diffConfig,
		a: { doc: before.text, extensions: reading(before.label, before.isJSON) }, b: after,
	})
	return { view: both.b, destroy: () => both.destroy() }
}
