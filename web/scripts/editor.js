// The editor of payloads, a script of its own: only the pages that show a payload load it.
import { comparison } from './editor-compare.js'
import { editing } from './editor-edit.js'
import { payload } from './editor-payload.js'

payload()
editing()
comparison()
