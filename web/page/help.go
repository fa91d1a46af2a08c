package page

// shortcut is what keys do; several keys are pressed one after the other, or mean two things of a kind.
type shortcut struct {
	keys []string
	does string
}

type shortcutGroup struct {
	name string
	list []shortcut
}

// shortcuts are those of keys.js.
func shortcuts() []shortcutGroup {
	return []shortcutGroup{
		{"Anywhere", []shortcut{
			{[]string{"g", "l"}, "Go to the messages"},
			{[]string{"g", "o"}, "Go to the overview"},
			{[]string{"g", "j"}, "Go to the jobs"},
			{[]string{"g", "s"}, "Go to the sources"},
			{[]string{"g", "a"}, "Go to the audit trail"},
			{[]string{"g", "b"}, "Go to the ledger (books)"},
			{[]string{"/"}, "Search"},
			{[]string{"?"}, "Show this"},
			{[]string{"Esc"}, "Close, or let go of the selection"},
		}},
		{"Messages", []shortcut{
			{[]string{"j", "k"}, "Next, previous message"},
			{[]string{"x"}, "Select the message"},
			{[]string{"X"}, "Select the page, then all that match"},
			{[]string{"Enter"}, "Open it"},
		}},
		{"The message, or all that are selected", []shortcut{
			{[]string{"r"}, "Replay"},
			{[]string{"d"}, "Redrive"},
			{[]string{"e"}, "Edit and replay"},
			{[]string{"a"}, "Archive, or restore"},
			{[]string{"u"}, "Back to where it came from"},
			{[]string{"Ctrl", "Enter"}, "Save the edit and replay"},
		}},
	}
}
