// A mail server for tests: STARTTLS (TLS from the beginning with IMPLICIT_TLS, none at all with PLAIN), sign-in, and
// recipients that it refuses. It posts every e-mail that it accepts to RECEIVED.
const fs = require("fs");
const { SMTPServer } = require("smtp-server");

const env = process.env;
const refused = (code, text) => Object.assign(new Error(text), { responseCode: code });

const server = new SMTPServer({
	secure: env.IMPLICIT_TLS === "yes",
	key: fs.readFileSync(env.TLS_KEY),
	cert: fs.readFileSync(env.TLS_CERT),
	authOptional: env.PASSWORD === "",
	disabledCommands: env.PLAIN === "yes" ? ["STARTTLS"] : [],
	disableReverseLookup: true,
	logger: false,
	onAuth(auth, _session, done) {
		if (auth.username === "desk" && auth.password === env.PASSWORD) {
			return done(null, { user: auth.username });
		}
		done(refused(535, "no such user or password: " + auth.username + " " + auth.password));
	},
	onRcptTo(address, _session, done) {
		if (address.address.startsWith("unknown@")) {
			return done(refused(550, "there is no mailbox " + address.address));
		}
		if (address.address.startsWith("busy@")) {
			return done(refused(451, "the mailbox is locked"));
		}
		done();
	},
	onData(stream, session, done) {
		const parts = [];
		stream.on("data", (part) => parts.push(part));
		stream.on("end", async () => {
			const to = session.envelope.rcptTo.map((r) => r.address);
			if (to.some((a) => a.startsWith("silent@"))) {
				return;
			}
			await fetch(env.RECEIVED, {
				method: "POST",
				headers: {
					"X-From": session.envelope.mailFrom.address,
					"X-To": to.join(","),
					"X-Secure": String(session.secure),
					"X-User": session.user || "",
				},
				body: Buffer.concat(parts),
			});
			done();
		});
	},
});
server.on("error", () => {}); // a client that breaks off is part of the tests
server.listen(0, "127.0.0.1", () => console.log("Listening at http://127.0.0.1:" + server.server.address().port));
