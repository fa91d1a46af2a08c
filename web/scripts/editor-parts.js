import { defaultKeymap, history, historyKeymap } from '@codemirror/commands'
import { json } from '@codemirror/lang-json'
import { HighlightStyle, bracketMatching, codeFolding, foldGutter, foldKeymap, syntaxHighlighting } from '@codemirror/language'
import { highlightSelectionMatches, search, searchKeymap } from '@codemirror/search'
import { EditorState } from '@codemirror/state'
import { EditorView, drawSelection, highlightActiveLine, highlightSpecialChars, keymap, lineNumbers } from '@codemirror/view'
import { tags } from '@lezer/highlight'

// All colours are the desk's variables, so that an editor follows the theme by itself.
const ink = 'var(--color-base-content)'
const faint = 'var(--ink-faint)'
const paper = 'var(--color-base-200)'
const line = '1px solid var(--line-strong)'
const mix = (colour, share) => `color-mix(in oklab, var(${colour}) ${share}%, transparent)`
const focusRing = { outline: '2px solid var(--color-primary)', outlineOffset: '-2px' }

const look = EditorView.theme({
	'&': { height: '100%', color: ink, backgroundColor: paper, fontSize: '0.75rem' },
	'&.cm-focused': focusRing,
	'.cm-scroller': { fontFamily: 'var(--font-mono)', lineHeight: '1.1875rem' },
	'.cm-content': { padding: '0.625rem 0', caretColor: ink },
	'.cm-cursor': { borderLeftColor: ink },
	'.cm-line': { padding: '0 0.75rem 0 0.375rem' },
	'.cm-gutters': { backgroundColor: paper, color: faint, border: 'none' },
	'.cm-lineNumbers .cm-gutterElement': { minWidth: '2rem', paddingInline: '0.5rem 0.125rem' },
	'.cm-foldGutter .cm-gutterElement': { width: '0.875rem', textAlign: 'center', cursor: 'pointer' },
	'.cm-activeLine': { backgroundColor: mix('--color-base-content', 4) },
	'.cm-foldPlaceholder': { color: 'var(--color-primary)', backgroundColor: 'transparent', border: line, padding: '0 0.375rem', margin: '0 0.125rem' },
	'&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground': { backgroundColor: mix('--color-primary', 25) },
	'&.cm-focused .cm-matchingBracket': { backgroundColor: mix('--color-primary', 20) },
	'&.cm-focused .cm-nonmatchingBracket': { backgroundColor: mix('--tone-red', 25) },
	'.cm-selectionMatch': { backgroundColor: mix('--wash-amber', 20) },
	'.cm-searchMatch': { backgroundColor: mix('--wash-amber', 35) },
	'.cm-searchMatch-selected': { backgroundColor: mix('--wash-amber', 75) },
	'.cm-specialChar': { color: 'var(--tone-red)' },
	'.cm-panels': { color: ink, backgroundColor: 'var(--color-base-100)' },
	'.cm-panels-top': { borderBottom: line },
	'.cm-panel.cm-search': { display: 'flex', flexWrap: 'wrap', alignItems: 'center', gap: '0.25rem 0.375rem', padding: '0.375rem 2rem 0.375rem 0.5rem', fontFamily: 'var(--font-sans)' },
	'.cm-panel.cm-search br': { display: 'none' },
	'.cm-panel.cm-search label': { display: 'inline-flex', alignItems: 'center', gap: '0.25rem', fontSize: '0.75rem', margin: '0' },
	'.cm-panel.cm-search input, .cm-panel.cm-search .cm-button': { margin: '0' },
	'.cm-textfield': { padding: '0.1875rem 0.375rem', color: ink, fontFamily: 'inherit', fontSize: '0.75rem', backgroundColor: 'var(--color-base-100)', border: line, borderRadius: 'var(--radius-field)' },
	'.cm-button': { padding: '0.1875rem 0.5rem', color: ink, fontSize: '0.75rem', fontFamily: 'inherit', backgroundImage: 'none', backgroundColor: paper, border: line, borderRadius: 'var(--radius-field)' },
	'.cm-panel.cm-search [name="close"]': { top: '0.375rem', right: '0.375rem', width: '1.5rem', height: '1.5rem', color: ink, fontSize: '1rem', cursor: 'pointer' },
	'.cm-tooltip': { color: ink, backgroundColor: 'var(--color-base-100)', border: line, borderRadius: 'var(--radius-box)' },
	'.cm-diagnostic-error': { borderLeftColor: 'var(--tone-red)' },
	'.cm-diagnosticText': { fontFamily: 'var(--font-sans)' },
	'.cm-lintRange-error': { backgroundImage: 'none', textDecoration: 'underline wavy var(--tone-red)', textUnderlineOffset: '3px' },
	'.cm-lintPoint-error::after': { borderBottomColor: 'var(--tone-red)' },
	'&.cm-merge-a .cm-changedLine, .cm-deletedChunk': { backgroundColor: mix('--tone-red', 10) },
	'&.cm-merge-b .cm-changedLine': { backgroundColor: mix('--tone-green', 12) },
	'&.cm-merge-a .cm-changedText, .cm-deletedChunk .cm-deletedText': { background: mix('--tone-red', 22) },
	'&.cm-merge-b .cm-changedText': { background: mix('--tone-green', 22) },
	'&.cm-merge-a .cm-changedLineGutter, .cm-deletedLineGutter': { background: 'var(--tone-red)' },
	'&.cm-merge-b .cm-changedLineGutter': { background: 'var(--tone-green)' },
	// A colour of the syntax would be hard to read on that of a change.
	'.cm-changedText, .cm-changedText span, .cm-deletedText, .cm-deletedText span, .cm-deletedChunk span': { color: `${ink} !important` },
	'.cm-collapsedLines': { color: faint, background: 'var(--color-base-300)', fontFamily: 'var(--font-sans)', padding: '0.125rem 0.75rem' },
})

const colours = syntaxHighlighting(HighlightStyle.define([
	{ tag: tags.propertyName, color: 'var(--tone-blue)' },
	{ tag: tags.string, color: 'var(--tone-green)' },
	{ tag: [tags.number, tags.bool, tags.null], color: 'var(--tone-amber)' },
]))

// shadow makes a root for an editor. Its styles are sheets that a script adopts there, which the content security policy allows; in the
// document itself they would be style elements, which it forbids.
export function shadow(host) {
	const root = host.attachShadow({ mode: 'open' })
	const frame = new CSSStyleSheet()
	frame.replaceSync('.cm-mergeView { height: 100%; background: var(--color-base-200) } .cm-mergeViewEditors { min-height: 100% } .cm-mergeViewEditor + .cm-mergeViewEditor { border-inline-start: 1px solid var(--line-strong) }')
	root.adoptedStyleSheets = [frame]
	return root
}

// reading is an editor in which nothing can be changed. It can be reached by keyboard, to scroll, fold and search.
export function reading(label, isJSON) {
	return [common(label, isJSON), EditorState.readOnly.of(true), EditorView.editable.of(false)]
}

// writing is an editor in which a person writes. Tab leaves it, as it leaves every other field.
export function writing(label, isJSON) {
	return [common(label, isJSON), history(), drawSelection(), highlightActiveLine(), bracketMatching(), keymap.of(historyKeymap)]
}

function common(label, isJSON) {
	return [
		look, colours, lineNumbers(), highlightSpecialChars(), codeFolding(), foldGutter({ openText: '▾', closedText: '▸' }),
		search({ top: true }), highlightSelectionMatches(), EditorView.lineWrapping, EditorState.tabSize.of(2), isJSON ? json() : [],
		keymap.of([...searchKeymap, ...foldKeymap, ...defaultKeymap]), EditorView.contentAttributes.of({ 'aria-label': label, tabindex: '0' }),
	]
}
