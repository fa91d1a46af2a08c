// Runs before the first paint, so that a page never flashes in the other theme.
//
// A text field is hidden until its editor replaces it, because laying out a large text takes seconds. If the editor does not load, the
// field is shown again.
import { paint } from './paint.js'

document.documentElement.dataset.script = 'on'
document.documentElement.dataset.editors = 'come'
addEventListener('load', () => {
	if (document.querySelector('form:not([data-editor]) textarea[data-editor]')) {
		delete document.documentElement.dataset.editors
	}
})
paint()
