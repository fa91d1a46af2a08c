const system = matchMedia('(prefers-color-scheme: dark)')

export function chosenTheme() {
	const theme = localStorage.getItem('theme')
	return theme === 'light' || theme === 'dark' ? theme : 'system'
}

export function paint() {
	const chosen = chosenTheme()
	const followed = system.matches ? 'dark' : 'light'
	document.documentElement.dataset.theme = chosen === 'system' ? followed : chosen
}

export function onSystemChange(listener) {
	system.addEventListener('change', listener)
}
