package gallery

import "dlqdesk/web/page"

// differences are those of a cause, in every state.
func differences() []Example {
	differ := func(name string, change func(*page.DifferencesView)) Example {
		v := messageView()
		v.Differences = differencesView()
		change(&v.Differences)
		return Example{Name: "differences-" + name, Component: page.Message(v)}
	}
	state := func(s page.DifferencesState, delivered int) func(*page.DifferencesView) {
		return func(v *page.DifferencesView) {
			v.State, v.Rows, v.Delivered, v.Others, v.Unread = s, nil, delivered, 0, 0
		}
	}
	return []Example{
		differ("many", func(*page.DifferencesView) {}),
		differ("one", func(v *page.DifferencesView) { v.Rows = v.Rows[:1] }),
		differ("few", func(v *page.DifferencesView) {
			v.Delivered, v.Others, v.Unread, v.Rows = 3, 0, 0, v.Rows[:1]
			v.Rows[0].There, v.Rows[0].UsualIn, v.Rows[0].Delivered = 0, 3, 3
		}),
		differ("message", func(v *page.DifferencesView) { *v = oneMessage() }),
		differ("all-types", func(v *page.DifferencesView) { v.AllTypes, v.EventType = true, "" }),
		differ("long", func(v *page.DifferencesView) {
			v.EventType = longWord
			for i := range v.Rows {
				v.Rows[i].Path = longWord + "." + rtlText + v.Rows[i].Path
			}
			v.Rows[2].Value = longWord + emoji
		}),
		differ("none", state(page.DifferencesNone, 9998)),
		differ("none-few", state(page.DifferencesNone, 3)),
		differ("no-delivered", state(page.DifferencesNoDelivered, 0)),
		differ("unread", state(page.DifferencesUnread, 10_000)),
		differ("off", state(page.DifferencesOff, 0)),
	}
}

func differencesView() page.DifferencesView {
	v := page.DifferencesView{
		EventType: "v2.conversations.chats", Failed: 410, Delivered: 10_000, Others: 12, Unread: 3,
		Rows: []page.Difference{
			{Kind: "missing", Path: "customer.id", Here: 410, There: 2, UsualIn: 9998},
			{Kind: "type", Path: "amount", Value: "text", Usual: "number", Here: 410, There: 3, UsualIn: 9990},
			{Kind: "value", Path: "channel", Value: "sms", Here: 410, There: 204},
			{Kind: "number", Path: "items[].price", Bound: "10,000", Limit: "over", Here: 380, There: 0},
			{Kind: "text", Path: "note", Bound: "0", Limit: "at most", Here: 240, There: 31},
			{Kind: "list", Path: "participants", Bound: "50", Limit: "over", Here: 170, There: 12},
			{Kind: "extra", Path: `["legacy id"]`, Here: 121, There: 0},
		},
	}
	for i := range v.Rows {
		v.Rows[i].Of, v.Rows[i].Delivered = v.Failed, v.Delivered
	}
	return v
}

func oneMessage() page.DifferencesView {
	v := differencesView()
	v.OneMessage, v.Failed, v.Others, v.Unread = true, 1, 0, 0
	compare := "/messages/" + messageID(1) + "/compare"
	v.NearestURL, v.PasteURL = compare+"?delivered=7", compare+"?paste=yes"
	v.Rows = v.Rows[:4]
	for i := range v.Rows {
		v.Rows[i].Here, v.Rows[i].Of = 1, 1
	}
	return v
}
