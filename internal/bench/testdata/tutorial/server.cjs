// A receiver as tutorials have it: Express forwards each webhook to the handler, and sends one message to a queue for each that fails.
const http = require("node:http");
const { randomUUID } = require("node:crypto");
const AWS = require("aws-sdk");
const axios = require("axios");
const express = require("express");

const { HANDLER_URL, SQS_DLQ_URL } = process.env;

const handlerAgent = new http.Agent({ keepAlive: true });
const sqs = new AWS.SQS({ httpOptions: { agent: new http.Agent({ keepAlive: true }) } });

const app = express();
app.use(express.json({ limit: "1mb" }));

app.post("/webhooks/:source", async (req, res) => {
	try {
		await axios.post(`${HANDLER_URL}/${req.params.source}`, req.body, {
			httpAgent: handlerAgent, timeout: 10_000, headers: { "Content-Type": "application/json" },
		});
		res.status(200).json({ status: "accepted" });
	} catch (error) {
		const messageId = randomUUID();
		const message = {
			messageId,
			timestamp: new Date().toISOString(),
			originalPayload: req.body,
			originalHeaders: req.headers,
			errorReason: error.message,
			retryCount: 0,
		};
		try {
			await sqs.sendMessage({ QueueUrl: SQS_DLQ_URL, MessageBody: JSON.stringify(message) }).promise();
			res.status(200).json({ status: "queued_for_retry", messageId });
		} catch (lost) {
			console.error(lost);
			res.status(500).json({ error: "Internal Server Error" });
		}
	}
});

const server = app.listen(0, "127.0.0.1", () => console.log(`Listening at http://127.0.0.1:${server.address().port}`));
