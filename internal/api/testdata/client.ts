// What a program does with a client that is generated from the OpenAPI document. It prints what it was answered.
import { followEvents, getMessage, listMessages, replayMessage } from './generated'
import { client } from './generated/client.gen'
import type { Message, MessageView, Problem } from './generated'

declare const process: { env: Record<string, string>; exit(code: number): never }

client.setConfig({ baseUrl: `${process.env['DLQDESK_URL']}/api/v1`, auth: () => process.env['DLQDESK_TOKEN'] })

const { stream } = await followEvents({ query: { kind: ['message'] }, headers: { 'Last-Event-ID': 1 } })
const event = await stream.next()

const listed = await listMessages({ query: { q: 'source:genesys', status: 'failed' }, throwOnError: true })
const first: Message | undefined = listed.data.items[0]
if (!first) {
	throw new Error('no message is listed')
}

const order = { path: { id: first.id }, headers: { 'Idempotency-Key': 'generated-1', 'If-Match': `"${first.version}"` } }
const replayed = await replayMessage({ ...order, throwOnError: true })
const after: MessageView = replayed.data
const again = await replayMessage({ ...order, throwOnError: true })

const missing = await getMessage({ path: { id: 'none' } })
const problem: Problem | undefined = missing.error

console.log(JSON.stringify({
	total: listed.data.counts['failed'],
	id: first.id,
	status: after.status,
	allowed: after.allowed,
	etag: replayed.response.headers.get('ETag'),
	repeated: again.response.headers.get('Idempotent-Replayed'),
	same: JSON.stringify(again.data) === JSON.stringify(after),
	missing: problem?.type,
	missingStatus: problem?.status,
	missingContent: missing.response?.headers.get('Content-Type'),
	event: event.value,
}))
process.exit(0)
