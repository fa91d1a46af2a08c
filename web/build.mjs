// Builds what the browser loads into dist: every file gets a hash of its content into its name, manifest.json maps the plain
// names to them, and what compresses well gets a .gz beside it.
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { basename, extname, join } from 'node:path'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'

process.chdir(import.meta.dirname)

const run = promisify(execFile)
const work = '.build'
const out = 'dist'
await mkdir(work, { recursive: true })
await mkdir(out, { recursive: true })

await run(process.execPath, ['node_modules/@tailwindcss/cli/dist/index.mjs', '--input', 'styles/desk.css', '--output', `${work}/desk.css`])

const bundled = await build({
	entryPoints: [
		{ in: 'scripts/app.js', out: 'app' },
		{ in: 'scripts/theme.js', out: 'theme' },
		{ in: 'scripts/plots.js', out: 'plots' },
		{ in: 'scripts/editor.js', out: 'editor' },
		{ in: 'styles/plots.css', out: 'plots' },
		{ in: 'styles/bundle.css', out: 'app' },
	],
	outdir: out,
	entryNames: '[name]-[hash]',
	assetNames: '[name]-[hash]',
	bundle: true,
	minify: true,
	format: 'iife',
	target: 'es2022',
	loader: { '.woff2': 'file' },
	legalComments: 'none',
	metafile: true,
	write: false,
})

const manifest = {}
const files = new Map(bundled.outputFiles.map((file) => [basename(file.path), Buffer.from(file.contents)]))
for (const [path, info] of Object.entries(bundled.metafile.outputs)) {
	const source = info.entryPoint ? basename(path).replace(/-[^-]+(\.\w+)$/, '$1') : basename(Object.keys(info.inputs)[0])
	manifest[source] = basename(path)
}
add('favicon.svg', await readFile('icons/favicon.svg'))
add('icons.svg', Buffer.from(await sprite()))
files.set('common-passwords.txt', Buffer.from(`\n${(await commonPasswords()).join('\n')}\n`))
for (const name of (await readdir('docs/img')).filter((name) => name.endsWith('.png'))) {
	add(name, await readFile(join('docs/img', name)))
}

for (const [name, content] of files) {
	await writeFile(join(out, name), content)
	if (/\.(css|js|svg)$/.test(name)) {
		await writeFile(join(out, `${name}.gz`), gzipSync(content, { level: 9 }))
	}
}
await writeFile(join(out, 'manifest.json'), JSON.stringify(manifest, null, '\t'))
await removeStale()

function add(plain, content) {
	const hash = createHash('sha256').update(content).digest('hex').slice(0, 8)
	const name = `${basename(plain, extname(plain))}-${hash}${extname(plain)}`
	manifest[plain] = name
	files.set(name, content)
}

// sprite joins the icons that the pages use, so that one cached file serves them all.
async function sprite() {
	const wanted = JSON.parse(await readFile('icons/icons.json', 'utf8'))
	const symbols = await Promise.all(Object.entries(wanted).map(async ([id, lucide]) => {
		const svg = await readFile(`node_modules/lucide-static/icons/${lucide}.svg`, 'utf8')
		const shapes = svg.slice(svg.indexOf('>', svg.indexOf('<svg')) + 1, svg.lastIndexOf('</svg>')).replace(/\s*\n\s*/g, '')
		return `<symbol id="${id}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round">${shapes}</symbol>`
	}))
	return `<svg xmlns="http://www.w3.org/2000/svg">${symbols.join('')}</svg>`
}

// commonPasswords returns the 10,000 most common passwords, and of the rarer ones those that are long enough to be tried here.
async function commonPasswords() {
	const all = JSON.parse(await readFile('node_modules/@zxcvbn-ts/language-common/src/passwords.json', 'utf8'))
	return all.filter((password, i) => i < 10_000 || password.length >= 10).map((password) => password.toLowerCase())
}

// removeStale comes last, so that a Go build that runs meanwhile always finds a whole set.
async function removeStale() {
	for (const name of await readdir(out)) {
		if (name !== 'manifest.json' && !files.has(name.replace(/\.gz$/, ''))) {
			await rm(join(out, name))
		}
	}
}
