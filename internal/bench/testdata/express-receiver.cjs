// A receiver as many have one: Express in front of the handler, and one SendMessage for each webhook whose delivery fails.
const { randomUUID } = require("node:crypto");
const express = require("express");
const { SQSClient, SendMessageCommand } = require("@aws-sdk/client-sqs");

const { DESTINATION, QUEUE_URL } = process.env;
const sqs = new SQSClient({ useQueueUrlAsEndpoint: false });
const app = express();
app.disable("x-powered-by");
app.use(express.json({ limit: "1mb" }));

app.post("/webhooks/:source", async (req, res) => {
	try {
		const answer = await fetch(DESTINATION, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(req.body) });
		await answer.text();
		if (!answer.ok) throw new Error(`The handler answered ${answer.status}`);
		res.json({ status: "accepted" });
	} catch (fault) {
		const messageId = randomUUID();
		const message = {
			messageId, timestamp: new Date().toISOString(), originalPayload: req.body, originalHeaders: req.headers, errorReason: fault.message, retryCount: 0,
		};
		try {
			await sqs.send(new SendMessageCommand({ QueueUrl: QUEUE_URL, MessageBody: JSON.stringify(message) }));
			res.json({ status: "queued_for_retry", messageId });
		} catch {
			res.status(500).json({ error: "Internal Server Error" });
		}
	}
});

const server = app.listen(0, "127.0.0.1", () => console.log(`Listening at http://127.0.0.1:${server.address().port}`));
// Longer than the default of 5 s, because it waits while others are measured.
server.keepAliveTimeout = 600_000;
