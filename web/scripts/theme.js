// Runs before the first paint, so that a page never flashes in the other theme. Chosen is light, dark or nothing: the system.
import { paint } from './paint.js'

document.documentElement.dataset.script = 'on'
paint()
