const system = matchMedia('(prefers-color-scheme: dark)')
const paper = matchMedia('print')

export function chosenTheme() {
	const theme = localStorage.getItem('theme')
	return theme === 'light' || theme === 'dark' ? theme : 'system'
}

// paint sets the theme: the chosen one, or that of the system. Paper is light.
export function paint() {
	const chosen = chosenTheme()
	const followed = system.matches ? 'dark' : 'light'
	document.documentElement.dataset.theme = paper.matches ? 'light' : chosen === 'system' ? followed : chosen
}

export function onSystemChange(listener) {
	system.addEventListener('change', listener)
	paper.addEventListener('change', listener)
}
