package gallery

import (
	"strings"

	"dlqdesk/web/page"
	"dlqdesk/web/ui"
)

func compare() []Example {
	compare := func(name string, change func(*page.CompareView)) Example {
		v := compareView()
		change(&v)
		return Example{Name: "compare-" + name, Component: page.Compare(v)}
	}
	return []Example{
		compare("revisions", func(*page.CompareView) {}),
		compare("other", func(v *page.CompareView) { v.Other, v.After.Name = true, "message "+messageID(2) }),
		compare("delivered", func(v *page.CompareView) {
			v.Other, v.BodyOnly, v.After.Name = true, true, "webhook delivered 2026-03-02 10:15:05 UTC"
			v.With.NearestURL = "/messages/" + messageID(1) + "/compare?delivered=7"
		}),
		compare("choices", func(v *page.CompareView) {
			v.With.Asked, v.With.NearestURL = true, "/messages/"+messageID(1)+"/compare?delivered=7"
			for i := range 5 {
				id := messageID(i + 2)
				v.With.Messages = append(v.With.Messages, page.CompareMessage{
					ID: id, URL: "/messages/" + messageID(1) + "/compare?with=" + id,
				})
			}
		}),
		compare("choices-none", func(v *page.CompareView) { v.With.Asked = true }),
		compare("same", func(v *page.CompareView) {
			v.After.Body, v.After.Size, v.Headers, v.SameNote = v.Before.Body, v.Before.Size, nil,
				"The bodies are the same."
		}),
		compare("binary", func(v *page.CompareView) {
			v.Text, v.Masked, v.SameNote = false, false, "Binary bodies cannot be compared here. "+
				"Download both."
		}),
		compare("long", func(v *page.CompareView) {
			v.ID = longWord
			v.Before.Body = longWord + "\n" + rtlText + "\n" + emoji
			v.After.Body = longWord + rtlText + "\n" + longReason()
			v.Before.JSON, v.After.JSON, v.After.Name = false, false, "edit 2 by "+longWord
			v.After.Options[0].Label = v.After.Name
			v.Headers = []page.HeaderChange{{Name: "X-" + longWord, Old: longWord, New: rtlText}}
		}),
		compare("large", func(v *page.CompareView) {
			v.Before.Body = strings.Repeat(prettyBody+"\n", 500)
			v.After.Body = strings.Replace(v.Before.Body, `"retries": 3`, `"retries": 4`, 40)
		}),
	}
}

func compareView() page.CompareView {
	options := func(chosen string) []ui.Option {
		return []ui.Option{
			{Value: "2", Label: "edit 2 by anna", Selected: chosen == "2"},
			{Value: "1", Label: "edit 1 by ben", Selected: chosen == "1"},
			{Value: "0", Label: "original", Selected: chosen == "0"},
		}
	}
	edited := strings.NewReplacer(
		`"type": "Text",`, "\"type\": \"Text\",\n  \"participants\": [\n    { \"id\": \"7c1e\" }\n  ],",
		`"urgent": false`, `"urgent": true`,
	).
		Replace(prettyBody)
	return page.CompareView{
		Chrome: chrome("Compare revisions", "/messages/"+messageID(1)+"/compare"),
		ID:     messageID(1),
		Back:   listQuery,
		Masked: true,
		Text:   true,
		With:   page.CompareChoices{PasteURL: "/messages/" + messageID(1) + "/compare", Back: listQuery},
		Before: page.CompareSide{
			Options: options("0"),
			Name:    "original",
			Size:    "1.2 KiB",
			Body:    prettyBody,
			JSON:    true,
		},
		After: page.CompareSide{
			Options: options("2"),
			Name:    "edit 2 by anna",
			Size:    "1.3 KiB",
			Body:    edited,
			JSON:    true,
		},
		Headers: []page.HeaderChange{{Name: "X-Tenant", Old: "acme", New: "acme-eu"}, {Name: "X-Retry", New: "1"}},
	}
}
