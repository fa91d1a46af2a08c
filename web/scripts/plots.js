import uPlot from 'uplot'

// The plots of the overview and of a cause. Failures are above the zero line and recoveries below it, and recoveries by people are
// hatched, so that colour is not the only difference. Marks are moments that may explain a change. The overview refreshes while it is
// visible; plots keep their elements and get new figures.
const refreshInterval = 15_000
const breakerRefreshInterval = 3_000 // while a circuit breaker is not closed
const plots = new Map()
const hour = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' })
const dayAndHour = new Intl.DateTimeFormat(undefined, { weekday: 'short', day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' })

const widths = new ResizeObserver((entries) => {
	for (const { target } of entries) {
		plots.get(target.id)?.plot.setSize(sizeOf(target))
	}
})
let refreshed = Date.now()

drawAll()
document.addEventListener('htmx:afterSwap', drawAll)
new MutationObserver(() => plots.forEach(({ plot }) => plot.redraw(true))).observe(document.documentElement, { attributeFilter: ['data-theme'] })
setInterval(refresh, 1000)

function refresh() {
	const interval = document.querySelector('[data-breakers]') ? breakerRefreshInterval : refreshInterval
	if (document.visibilityState === 'visible' && Date.now() - refreshed >= interval) {
		refreshed = Date.now()
		document.getElementById('overview-refresh')?.dispatchEvent(new Event('refresh'))
	}
}

function drawAll() {
	for (const time of document.querySelectorAll('time[data-clock]')) {
		time.textContent = dayAndHour.format(new Date(time.dateTime))
	}
	widths.disconnect()
	const hosts = [...document.querySelectorAll('[data-plot]')]
	for (const host of hosts) {
		draw(host)
		widths.observe(host)
	}
	for (const [id, { plot }] of plots) {
		if (!hosts.some((host) => host.id === id)) {
			plot.destroy()
			plots.delete(id)
		}
	}
}

function draw(host) {
	const figures = JSON.parse(host.dataset.plot)
	const old = plots.get(host.id)
	if (old && old.figures.step === figures.step) {
		host.replaceChildren(old.plot.root)
		old.figures = figures
		old.plot.setData(columns(figures))
		return
	}
	old?.plot.destroy()
	const entry = { figures }
	entry.plot = new uPlot(options(host, entry), columns(figures), host)
	plots.set(host.id, entry)
}

// columns are the data of uPlot. Recoveries by people are drawn below those by retries, as one stack. A cause counts them as one.
function columns({ from, step, failed, recovered, byRetries = recovered, byPeople }) {
	return [
		failed.map((_, i) => (from + i * step) / 1000),
		failed.map(drawn),
		byRetries.map((n, i) => byPeople ? drawn(-n - byPeople[i]) : null),
		byRetries.map((n) => drawn(-n)),
	]
}

// drawn returns null for zero, because a bar without height would be a line.
function drawn(n) {
	return n || null
}

function options(host, entry) {
	const small = 'small' in host.dataset
	const bars = uPlot.paths.bars({ size: [0.82, 60, 1], align: 1 })
	const bar = (name, fill) => ({ fill: (plot) => fill(plot), width: 0, paths: bars, points: { show: false }, label: name })
	return {
		...sizeOf(host),
		legend: { show: false },
		padding: small ? [2, 0, 2, 0] : [8, 18, 0, 0],
		cursor: { y: false, points: { show: false }, drag: { setScale: false, x: false, y: false } },
		scales: {
			x: { range: () => [entry.figures.from / 1000, (entry.figures.from + entry.figures.step * entry.figures.failed.length) / 1000] },
			y: { range: (_, low, high) => rangeOf(low, high, small) },
		},
		series: [{}, bar('failed', () => ink('--tone-red')), bar('by people', hatch), bar('by retries', () => ink('--tone-green'))],
		axes: small ? [{ show: false }, { show: false }] : [timeAxis(), countAxis()],
		hooks: {
			ready: [(plot) => plot.over.addEventListener('click', () => open(entry.figures, plot.cursor.idx))],
			setCursor: [(plot) => showReadout(host, entry.figures, plot.cursor.idx)],
			drawAxes: [zeroLine],
			draw: [(plot) => drawMarks(plot, entry.figures)],
		},
	}
}

// rangeOf keeps the zero line inside, also where there are no figures.
function rangeOf(low, high, small) {
	const above = Math.max(high ?? 0, 0)
	const below = Math.min(low ?? 0, 0)
	if (above - below === 0) {
		return [-1, 1]
	}
	const air = small ? 1 : 1.08
	return [below * air, Math.max(above * air, (above - below) * 0.02)]
}

function timeAxis() {
	return { ...axis(), space: 70, values: [
		[86400, '{D} {MMM}', null, null, null, null, null, null, 1],
		[60, '{HH}:{mm}', '\n{D} {MMM}', null, '\n{D} {MMM}', null, null, null, 1],
	] }
}

function countAxis() {
	const whole = (plot, splits) => splits.map((n) => Number.isInteger(n) ? Math.abs(n).toLocaleString() : null)
	return { ...axis(), size: 44, space: 28, values: whole }
}

function axis() {
	const line = { stroke: () => ink('--line'), width: 1 }
	return { stroke: () => ink('--ink-faint'), font: '11px "Geist Variable", sans-serif', grid: line, ticks: { ...line, size: 4 } }
}

function zeroLine(plot) {
	const y = Math.round(plot.valToPos(0, 'y', true)) + 0.5
	const { left, width } = plot.bbox
	plot.ctx.save()
	plot.ctx.strokeStyle = ink('--line-strong')
	plot.ctx.lineWidth = devicePixelRatio
	plot.ctx.beginPath()
	plot.ctx.moveTo(left, y)
	plot.ctx.lineTo(left + width, y)
	plot.ctx.stroke()
	plot.ctx.restore()
}

// drawMarks draws a dashed line, with a flag on top, at each marked moment. One line stands for those so close together
// that their flags would touch.
function drawMarks(plot, { from, step, failed, marks = [] }) {
	const { top, height } = plot.bbox
	const { ctx } = plot
	ctx.save()
	ctx.strokeStyle = ctx.fillStyle = ink('--tone-violet')
	ctx.lineWidth = devicePixelRatio
	const flag = 5 * devicePixelRatio
	let last = -flag
	for (const { at } of marks.filter(({ at }) => at >= from && at < from + step * failed.length).sort((a, b) => a.at - b.at)) {
		const x = Math.round(plot.valToPos(at / 1000, 'x', true)) + 0.5
		if (x - last <= flag) {
			continue
		}
		last = x
		ctx.setLineDash([3 * devicePixelRatio, 3 * devicePixelRatio])
		ctx.beginPath()
		ctx.moveTo(x, top)
		ctx.lineTo(x, top + height)
		ctx.stroke()
		ctx.beginPath()
		ctx.moveTo(x, top)
		ctx.lineTo(x + flag, top + flag / 2)
		ctx.lineTo(x, top + flag)
		ctx.fill()
	}
	ctx.restore()
}

function ink(name) {
	return getComputedStyle(document.documentElement).getPropertyValue(name)
}

function hatch(plot) {
	const size = Math.round(5 * devicePixelRatio)
	const tile = new OffscreenCanvas(size, size)
	const pen = tile.getContext('2d')
	pen.strokeStyle = ink('--tone-blue')
	pen.lineWidth = 2 * devicePixelRatio
	for (const shift of [-size, 0, size]) {
		pen.moveTo(shift, size)
		pen.lineTo(shift + size, 0)
	}
	pen.stroke()
	return plot.ctx.createPattern(tile, 'repeat')
}

function sizeOf(host) {
	return { width: Math.max(host.clientWidth, 50), height: host.clientHeight }
}

function showReadout(host, figures, index) {
	const place = document.querySelector(`[data-readout="${host.id}"]`)
	if (!place) {
		return
	}
	if (index == null || figures.failed[index] === undefined) {
		place.textContent = ''
		return
	}
	const begin = new Date(figures.from + index * figures.step)
	const end = new Date(begin.getTime() + figures.step)
	const recovered = figures.recovered ? `${figures.recovered[index]} recovered`
		: `${figures.byRetries[index]} recovered by retries, ${figures.byPeople[index]} by people`
	const marks = (figures.marks ?? []).filter(({ at }) => at >= begin && at < end)
	const texts = marks.length > 2 ? ` · ${marks.length} marked moments` : marks.map(({ text }) => ` · ${text}`).join('')
	place.textContent = `${dayAndHour.format(begin)} – ${hour.format(end)}: ${figures.failed[index]} failed, ${recovered}${texts}`
}

// open opens the messages that were received in a step.
function open({ from, step, failed, url }, index) {
	if (url && index != null && failed[index] > 0) {
		const time = (ms) => new Date(ms).toISOString().slice(0, 16)
		location.assign(`${url}&from=${time(from + index * step)}&to=${time(from + (index + 1) * step)}`)
	}
}
