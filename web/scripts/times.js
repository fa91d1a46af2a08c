const minute = 60
const hour = 60 * minute
const day = 24 * hour

const exact = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'long' })
const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' })
const sameYear = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' })
const otherYear = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', year: 'numeric' })

// times turns every time of the page into words. The exact time, local and in UTC, shows on hover.
export function times() {
	for (const element of document.querySelectorAll('time[datetime]')) {
		const at = new Date(element.dateTime)
		if (!element.dataset.utcText) {
			element.dataset.utcText = element.textContent
			element.title = `${exact.format(at)}\n${element.textContent}`
		}
		const words = inContext(element, at, new Date())
		if (element.textContent !== words) {
			element.textContent = words
		}
	}
}

// inContext words a time as its element asks: by the clock, as a due time, or as a distance.
function inContext(element, at, now) {
	if (element.closest('[data-clock]')) {
		return onTheClock(at, now)
	}
	return 'due' in element.dataset && at <= now ? 'due now' : inWords(at, now)
}

// onTheClock is the time of day, with the day if it is not today.
function onTheClock(at, now) {
	if (at.toDateString() === now.toDateString()) {
		return clock.format(at)
	}
	return at.getFullYear() === now.getFullYear() ? sameYear.format(at) : `${otherYear.format(at)}, ${clock.format(at)}`
}

function inWords(at, now) {
	const seconds = Math.round((now - at) / 1000)
	const distance = Math.abs(seconds)
	if (distance >= day) {
		return (at.getFullYear() === now.getFullYear() ? sameYear : otherYear).format(at)
	}
	const amount = inUnits(distance)
	if (distance < 5) {
		return 'now'
	}
	return seconds > 0 ? `${amount} ago` : `in ${amount}`
}

function inUnits(seconds) {
	if (seconds < minute) {
		return `${seconds} s`
	}
	if (seconds < hour) {
		return `${Math.floor(seconds / minute)} min`
	}
	const minutes = Math.floor((seconds % hour) / minute)
	const hours = Math.floor(seconds / hour)
	return hours < 6 && minutes > 0 ? `${hours} h ${minutes} min` : `${hours} h`
}
