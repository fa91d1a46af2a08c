// Reads the Adaptive Card in each file that it is given, with the library of those who define them, and prints all that
// the library finds wrong.
const fs = require("fs");
const cards = require("adaptivecards/dist/adaptivecards.js");

let faults = 0;
for (const file of process.argv.slice(2)) {
	const context = new cards.SerializationContext(cards.Versions.v1_4);
	const card = new cards.AdaptiveCard();
	card.parse(JSON.parse(fs.readFileSync(file, "utf8")), context);
	const found = [];
	for (let i = 0; i < context.eventCount; i++) {
		found.push(context.getEventAt(i).message);
	}
	found.push(...card.validateProperties().validationEvents.map((e) => e.message));
	for (const message of found) {
		console.log(file + ": " + message);
		faults++;
	}
	if (card.getItemCount() === 0) {
		console.log(file + ": the card is empty");
		faults++;
	}
}
process.exit(faults === 0 ? 0 : 1);
