package gallery

import (
	"strings"

	"dlqdesk/web/page"
)

func edit() []Example {
	edit := func(name string, change func(*page.EditView)) Example {
		v := editView()
		change(&v)
		return Example{Name: name, Component: page.Edit(v)}
	}
	return []Example{
		edit("edit", func(*page.EditView) {}),
		edit("edit-faults", func(v *page.EditView) {
			v.Body = strings.Replace(v.Body, `"type": "Text"`, `"type": Text`, 1)
			v.BodyError = "This is not valid JSON: line 10, column 11: invalid character 'T' at start of value."
			v.ReasonError = "Say why you edit this message: the reason is kept with it."
			v.HeaderError = "One header cannot be sent as it is."
			v.Headers[1].Name = "User Agent"
		}),
		edit("edit-conflict", func(v *page.EditView) {
			v.Conflict, v.Reason = page.Conflict{
				Text: "ben replayed this message 12 s ago.",
				URL:  "/messages/" + v.ID,
			}, "participant ids added"
		}),
		edit("edit-queue", func(v *page.EditView) { v.RedrivesTo = "orders" }),
		edit("edit-redrive", func(v *page.EditView) {
			v.Title, v.NoReplay, v.RedrivesTo, v.Source, v.Destination = "Edit and redrive", true, "orders", "", ""
		}),
		edit("edit-form", func(v *page.EditView) {
			v.Form, v.Fields = "gzip, form, 4 fields, ISO-8859-1", true
			v.Body = formPayload().Pretty
			v.MaskedNames = nil
		}),
		edit("edit-denied", func(v *page.EditView) { v.Denied = viewer }),
		edit(
			"edit-large",
			func(v *page.EditView) { v.Body = `["` + strings.Repeat(longWord, (1<<20)/len(longWord)) + `"]` },
		),
		edit("edit-long", func(v *page.EditView) {
			v.JSON = false
			v.ID = longWord
			v.Source = longWord
			v.Destination = longWord
			v.Body = longWord + "\n" + rtlText + "\n" + emoji
			v.Reason = longReason()
			v.Headers = append(v.Headers, page.EditHeader{Name: "X-" + longWord, Value: longWord})
			v.MaskedNames = append(v.MaskedNames, longWord)
		}),
	}
}

func editView() page.EditView {
	return page.EditView{
		Chrome:      chrome("Edit and replay", "/messages/"+messageID(1)+"/edit"),
		ID:          messageID(1),
		Version:     "2",
		Back:        listQuery,
		Source:      "genesys",
		Destination: "handler.internal:9090",
		Signature: page.SignatureNote{
			Text: "The handler may refuse an edit: the signature is that of the original. Set verify.resign to " +
				"sign it anew.",
		},
		Base:        "0",
		BaseName:    "the original",
		Body:        prettyBody,
		JSON:        true,
		MaskedNames: []string{"token"},
		Headers: []page.EditHeader{
			{Name: "Content-Type", Value: "application/json; charset=utf-8"},
			{Name: "User-Agent", Value: "GenesysCloud-Webhooks/1.0"},
			{Name: "Authorization", Value: "Bearer •••", Locked: "Credentials are sent as they were received."},
			{
				Name:   "X-Hub-Signature-256",
				Value:  "sha256=•••",
				Locked: "The signature is the platform's, over the body it sent.",
			},
			{Name: "Connection", Value: "keep-alive", Locked: "It belongs to one connection and is never passed on."},
		},
	}
}
