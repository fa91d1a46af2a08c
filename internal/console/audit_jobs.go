package console

import (
	"context"
	"net/url"
	"slices"
	"strconv"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
	"dlqdesk/web/page"
)

// everyEvent is the value of the field jobs that lists the events of messages which jobs caused, too.
const everyEvent = "each"

// foldsJobs reports whether a page of the trail has the events of jobs in place of those of their messages.
func foldsJobs(query url.Values, f store.EventFilter) bool {
	return f.FoldsJobs() && query.Get("jobs") != everyEvent
}

// maxUnderWay is how many jobs are named that had begun before the time of a page.
const maxUnderWay = 10

// addFolded adds, to a page that folds jobs, what each job came to: to the rows of those who started or resumed it, and
// above the rows for the jobs that began before the time of the page.
func (c *Console) addFolded(
	ctx context.Context, v *page.AuditTableView, query url.Values, events []store.EventRow,
) error {
	filter, err := eventFilter(query)
	if err != nil || !foldsJobs(query, filter) {
		return err
	}
	v.EachURL = address("/audit", replaceParam(query, "jobs", everyEvent))
	rows := map[deadletter.JobID][]int{}
	for i, e := range events {
		id, err := strconv.ParseInt(e.Target, 10, 64)
		if err == nil && e.TargetKind == jobTarget && (e.Action == "job.start" || e.Action == "job.resume") {
			rows[deadletter.JobID(id)] = append(rows[deadletter.JobID(id)], i)
		}
	}
	ids := make([]deadletter.JobID, 0, len(rows))
	for id := range rows {
		ids = append(ids, id)
	}
	found, err := c.Store.JobsAmong(ctx, ids)
	if err != nil {
		return err
	}
	for _, j := range found {
		for _, i := range rows[j.ID] {
			v.Rows[i].Job = auditJob(j, nil)
		}
	}
	if filter.From.IsZero() {
		return nil
	}
	before, err := c.Store.JobsUnderWay(ctx, filter.From, maxUnderWay)
	if err != nil {
		return err
	}
	others := filter.By != "" && filter.By != deadletter.System().Name
	for _, j := range slices.DeleteFunc(before, func(j deadletter.Job) bool { return others && j.By.Name != filter.By }) {
		v.UnderWay = append(v.UnderWay, auditJob(j, query))
	}
	return nil
}

// auditJob returns what a job came to, with the address of its events that match a query.
func auditJob(j deadletter.Job, query url.Values) *page.AuditJob {
	return &page.AuditJob{
		ID: j.ID.String(), URL: jobPath(j.ID), Title: jobTitle(j), Parts: jobParts(j),
		EventsURL: address("/audit", replaceParam(query, "job", j.ID.String())),
	}
}
