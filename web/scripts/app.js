import { drafts, showDrafts } from './drafts.js'
import { filters, localTimes } from './filters.js'
import { jobs } from './jobs.js'
import { keys, showCursor } from './keys.js'
import { live, showLive } from './live.js'
import { menus } from './menus.js'
import { presets, showPresets } from './presets.js'
import { search, showSearch } from './search.js'
import { selection, showSelection } from './selection.js'
import { signIn } from './signin.js'
import { swaps } from './swaps.js'
import { themeSwitch } from './theme-switch.js'
import { times } from './times.js'

themeSwitch()
selection()
search()
filters()
menus()
keys()
live()
presets()
jobs()
drafts()
signIn()
swaps(refresh)
refresh()
document.querySelector('.bar-link[aria-current="page"]')?.scrollIntoView({ block: 'nearest', inline: 'center' })
setInterval(times, 5000)

function refresh() {
	times()
	localTimes()
	showPresets()
	showSelection()
	showSearch()
	showCursor()
	showLive()
	showDrafts()
}
