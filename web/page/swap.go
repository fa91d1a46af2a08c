package page

import (
	"dlqdesk/web/ui"

	"github.com/a-h/templ"
)

// swapForm makes a filter form swap its list alone, where a script runs; the newest query wins.
func swapForm(url, target string) templ.Attributes {
	attributes := ui.Swap(url, target)
	attributes["hx-sync"] = "this:replace"
	return attributes
}

// swapAction makes a button post its form and swap the answer in. A second click while the first is under way does
// nothing.
func swapAction(url, target string) templ.Attributes {
	return templ.Attributes{"hx-post": url, "hx-target": target, "hx-swap": "outerHTML", "hx-sync": "this:drop"}
}

func ariaCurrent(current bool) string {
	if current {
		return "page"
	}
	return "false"
}

// faultAttributes ties a field to its fault.
func faultAttributes(id, fault string) templ.Attributes {
	if fault == "" {
		return templ.Attributes{}
	}
	return templ.Attributes{"aria-invalid": "true", "aria-describedby": id + "-fault"}
}
