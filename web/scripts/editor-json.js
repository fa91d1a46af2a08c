const blank = /[ \t\r\n]*/y
const scalar = /"(?:[^"\\\u0000-\u001f]+|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*"|(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![\w.+-])/y
const word = /"[^"\n]*"?|[\w.+-]+|[^]/uy

// faultOf returns the place and the cause of the first syntax error, or null for valid JSON. JSON.parse reports no reliable place.
export function faultOf(text) {
	try {
		JSON.parse(text)
		return null
	} catch {
		return scan(text)
	}
}

function scan(text) {
	const open = []
	let want = 'a value'
	for (let at = skip(text, 0); ; at = skip(text, at)) {
		const sign = text[at]
		if (sign === undefined) {
			return fault(text, at, `the text ends where ${want} is expected`)
		}
		if (sign === '}' && want.includes('}') || sign === ']' && want.includes(']')) {
			open.pop()
			at++
		} else if (want === ':') {
			if (sign !== ':') {
				return unexpected(text, at, want)
			}
			want = 'a value'
			at++
			continue
		} else if (want.startsWith(',')) {
			if (sign !== ',') {
				return unexpected(text, at, want)
			}
			want = open.at(-1) === '{' ? 'a name in quotes' : 'a value'
			at++
			continue
		} else if (want.startsWith('a value') && (sign === '{' || sign === '[')) {
			open.push(sign)
			want = sign === '{' ? 'a name in quotes or }' : 'a value or ]'
			at++
			continue
		} else {
			const end = endOf(scalar, text, at)
			if (end < 0 || want.startsWith('a name') && sign !== '"' || want.startsWith('nothing')) {
				return unexpected(text, at, want)
			}
			at = end
			if (want.startsWith('a name')) {
				want = ':'
				continue
			}
		}
		want = { '{': ', or }', '[': ', or ]' }[open.at(-1)] ?? 'nothing more'
	}
}

function skip(text, at) {
	return endOf(blank, text, at)
}

function endOf(pattern, text, at) {
	pattern.lastIndex = at
	return pattern.test(text) ? pattern.lastIndex : -1
}

function unexpected(text, at, want) {
	const end = endOf(word, text, at)
	return fault(text, at, `expected ${want}, but found ${text.slice(at, Math.min(end, at + 24))}`, end)
}

function fault(text, at, why, end = at) {
	return { from: at, to: Math.min(end, text.length), why }
}
