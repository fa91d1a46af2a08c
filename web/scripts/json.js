// Colours for JSON by the highlight API: no element is added, so that a payload costs what its text costs.
const largest = 128 * 1024
const token = /("(?:[^"\\]|\\.)*")(\s*:)?|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\b(?:true|false|null)\b/g

export function colourJSON() {
	const block = document.querySelector('[data-json]')
	const text = block?.firstChild
	if (!globalThis.Highlight || !text || text.length > largest) {
		return
	}
	const kinds = { 'json-name': new Highlight(), 'json-text': new Highlight(), 'json-other': new Highlight() }
	for (const match of text.data.matchAll(token)) {
		const [whole, string, colon] = match
		const range = new StaticRange({
			startContainer: text, startOffset: match.index, endContainer: text, endOffset: match.index + (string ?? whole).length,
		})
		kinds[string === undefined ? 'json-other' : colon ? 'json-name' : 'json-text'].add(range)
	}
	for (const [name, highlight] of Object.entries(kinds)) {
		CSS.highlights.set(name, highlight)
	}
}
