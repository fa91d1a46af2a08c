package page

import "github.com/a-h/templ"

// follows makes the box of a trial preview the recipe a moment after it has changed.
func (v JobTrial) follows() templ.Attributes {
	const typed = "input changed delay:600ms from:#"
	return templ.Attributes{
		"hx-post": "/jobs/" + v.ID + "/preview",
		"hx-trigger": typed + "patch, " + typed + "table, change from:#kind, restored from:#job-confirm, " +
			"discard from:#patch",
		"hx-target": "#job-trial",
		"hx-swap":   "outerHTML",
		"hx-sync":   "this:replace",
	}
}

// order makes a button try the recipe of its form, which need not be complete for that.
func (v JobTrial) order(what string) templ.Attributes {
	return trialOrder("/jobs/" + v.ID + "/" + what)
}

// cancel makes a button stop a dry run.
func (v DryRun) cancel() templ.Attributes { return trialOrder("/jobs/" + v.Job + "/dry-run/cancel") }

func trialOrder(url string) templ.Attributes {
	return templ.Attributes{
		"formaction": url, "formnovalidate": true, "hx-post": url, "hx-target": "#job-trial", "hx-swap": "outerHTML",
		"hx-sync": "#job-trial-box:replace",
	}
}

// polls makes a dry run at work look again after a second. One that has ended just now has its trial shown again.
func (v DryRun) polls() templ.Attributes {
	switch {
	case v.State == "running":
		return templ.Attributes{
			"hx-get": "/jobs/" + v.Job + "/dry-run", "hx-trigger": "load delay:1s, again", "hx-target": "this",
			"hx-swap": "outerHTML", "hx-sync": "this:drop", "data-poll": "",
		}
	case v.Refreshes:
		return templ.Attributes{
			"hx-post": "/jobs/" + v.Job + "/preview", "hx-trigger": "load", "hx-target": "#job-trial",
			"hx-swap": "outerHTML", "hx-sync": "#job-trial-box:drop",
		}
	}
	return templ.Attributes{}
}

func (v DryRun) title() string {
	switch v.State {
	case "running":
		return "Dry run at work:"
	case "cancelled":
		return "Dry run cancelled:"
	}
	return "Dry run:"
}

func (v DryRun) icon() string {
	switch {
	case v.State == "running":
		return "spinner"
	case v.State == "cancelled":
		return "ban"
	case v.Outdated:
		return "warn"
	}
	return "check"
}

// oob makes a part of a page swap itself in, wherever the rest of the response goes.
func oob(swaps bool) templ.Attributes {
	if !swaps {
		return templ.Attributes{}
	}
	return templ.Attributes{"hx-swap-oob": "true"}
}
