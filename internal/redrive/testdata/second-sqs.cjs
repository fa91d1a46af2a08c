// An SQS server that, unlike the other one of the tests, knows which queues a DLQ serves.
const { createSqsServer } = require("local-aws-sqs");

createSqsServer({ port: 0, hostname: "127.0.0.1", region: "eu-central-1" }).then((server) => {
	console.log(`Listening at http://127.0.0.1:${server.address().port}`);
});
