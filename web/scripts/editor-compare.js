import { MergeView, unifiedMergeView } from '@codemirror/merge'
import { EditorState } from '@codemirror/state'
import { EditorView } from '@codemirror/view'
import { reading, shadow } from './editor-parts.js'

const collapseUnchanged = { margin: 3, minSize: 6 }
const diffConfig = { scanLimit: 10_000, timeout: 500 } // milliseconds, after which a difference is told in larger pieces
const narrow = matchMedia('(max-width: 48rem)')

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
		mounted = narrow.matches ? oneBelowTheOther(root, before, after) : sideBySide(root, before, { doc: after.text, extensions: reading(after.label, after.isJSON) })
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
