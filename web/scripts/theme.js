// Runs before the first paint, so that a page never flashes in the other theme. Chosen is light, dark or nothing: the system.
//
// A text field that an editor is to take the place of is hidden until then, because a large text takes seconds to be laid out. It is
// shown again where no editor came.
import { paint } from './paint.js'

document.documentElement.dataset.script = 'on'
document.documentElement.dataset.editors = 'come'
addEventListener('load', () => {
	if (document.querySelector('form:not([data-editor]) textarea[data-editor]')) {
		delete document.documentElement.dataset.editors
	}
})
paint()
