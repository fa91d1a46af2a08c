import { MergeView, unifiedMergeView } from '@codemirror/merge'
import { EditorState } from '@codemirror/state'
import { EditorView } from '@codemirror/view'
import { reading, shadow } from './editor-parts.js'

const collapseUnchanged = { margin: 3, minSize: 6 }
const diffConfig = { scanLimit: 1000, timeout: 500 } // milliseconds, after which a difference is told in larger pieces
const narrow = matchMedia('(max-width: 48rem)')

// comparison puts the differences of two revisions in the place of their texts.
export function comparison() {
	const box = document.querySelector('[data-comparison]')
	if (!box) {
		return
	}
	const [before, after] = [...box.querySelectorAll('pre')].map((pre) => ({
		label: pre.getAttribute('aria-label'), text: pre.textContent, isJSON: 'json' in pre.dataset,
	}))
	const host = document.createElement('div')
	host.className = 'compare-host'
	host.style.height = `${box.offsetHeight}px`
	box.after(host)
	const root = shadow(host)
	let mounted
	const show = () => {
		mounted?.destroy()
		mounted = narrow.matches ? oneBelowTheOther(root, before, after) : sideBySide(root, before, { doc: after.text, extensions: reading(after.label, after.isJSON) })
	}
	show()
	box.dataset.editor = ''
	narrow.addEventListener('change', show)
}

// sideBySide shows a text that cannot be changed on the left, and the state of another on the right.
export function sideBySide(root, before, after) {
	return new MergeView({
		root, parent: root, collapseUnchanged, diffConfig,
		a: { doc: before.text, extensions: reading(before.label, before.isJSON) }, b: after,
	})
}

// oneBelowTheOther is for a window that has no room for two texts.
function oneBelowTheOther(root, before, after) {
	const extensions = [
		reading(after.label, after.isJSON),
		unifiedMergeView({ original: before.text, mergeControls: false, collapseUnchanged, diffConfig }),
	]
	return new EditorView({ root, parent: root, state: EditorState.create({ doc: after.text, extensions }) })
}
