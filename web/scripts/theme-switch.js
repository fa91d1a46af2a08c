import { chosenTheme, onSystemChange, paint } from './paint.js'

export function themeSwitch() {
	for (const radio of document.querySelectorAll('[name="theme"]')) {
		radio.checked = radio.value === chosenTheme()
		radio.addEventListener('change', () => {
			if (radio.value === 'system') {
				localStorage.removeItem('theme')
			} else {
				localStorage.setItem('theme', radio.value)
			}
			paint()
		})
	}
	onSystemChange(paint)
	// Another tab of the desk changed it.
	window.addEventListener('storage', paint)
}
