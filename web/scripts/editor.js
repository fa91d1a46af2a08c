// The payload editor, a separate script that only pages with a payload load.
import { comparison } from './editor-compare.js'
import { editing } from './editor-edit.js'
import { payload } from './editor-payload.js'

payload()
editing()
comparison()
