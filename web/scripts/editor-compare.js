import { MergeView, unifiedMergeView } from '@codemirror/merge'
import { EditorState } from '@codemirror/state'
import { EditorView } from '@codemirror/view'
import { reading, shadow } from './editor-parts.js'

const collapseUnchanged = { margin: 3, minSize: 6 }
const diffConfig = { scanLimit: 10_000, timeout: 500 } // milliseconds, after which the diff gets coarser
const narrow = matchMedia('(max-width: 48rem)') // too narrow for two texts side by side

// comparison replaces the texts of two revisions by their diff, wherever a page shows such, and in parts that come later.
export function comparison() {
	compareAll()
	document.addEventListener('htmx:afterSwap', compareAll)
}

function compareAll() {
	for (const box of document.querySelectorAll('[data-comparison=""]')) {
		box.dataset.comparison = 'done'
		compare(box)
	}
}

async function compare(box) {
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

// textOf is the full text of a revision, or the shown beginning if the full text cannot be loaded.
async function textOf(pre) {
	const side = { label: pre.getAttribute('aria-label'), text: pre.textContent, isJSON: 'json' in pre.dataset }
	if (pre.dataset.text) {
		const response = await fetch(pre.dataset.text).catch(() => null)
		if (response?.ok) {
			side.text = await response.text()
			pre.parentElement.querySelector('[data-cut]').remove()
		}
	}
	return side
}

// differences shows the diff of a read-only text and the state of another: side by side, or unified on a narrow screen. It returns
// the view of the other text, and a function that removes the diff.
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
