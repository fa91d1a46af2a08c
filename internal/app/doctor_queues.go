package app

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"dlqdesk/internal/config"
	"dlqdesk/internal/platform"
	"dlqdesk/internal/queue"
)

// Roles of a process, by its command.
const (
	Serve   = "serve"
	Receive = "receive"
)

// duty is what a role does on a queue.
type duty struct {
	queue, url, region string
	actions            []string
	state              platform.State // what it is that one is denied
}

// duties are those of the table of actions in the README, for the queues of the configuration.
func (a *App) duties(ctx context.Context, role string) []duty {
	reading := []string{queue.MayAsk, queue.MayReceive, queue.MayDelete, queue.MayHide}
	own := a.cfg.Queue
	dlq := duty{"DLQ", own.DLQURL, own.Region, []string{queue.MayAsk, queue.MaySend}, platform.Fail}
	if role != Receive {
		dlq.actions = append(slices.Clone(reading), queue.MaySend)
	}
	list := []duty{
		dlq,
		{
			"processing queue",
			own.ProcessingURL,
			own.Region,
			append(slices.Clone(reading), queue.MaySend),
			platform.Fail,
		},
	}
	if role == Receive {
		return list
	}
	for _, q := range a.cfg.Queues {
		name := "queues." + q.Name
		read := duty{name, q.URL, q.Region, slices.Clone(reading), platform.Fail}
		if q.SourceURL == "" {
			read.actions = append(read.actions, queue.MayListSources)
		}
		list = append(list, read)
		for _, source := range sourcesOf(ctx, q) {
			list = append(list, duty{"redrive from " + name, source, q.Region, []string{queue.MaySend}, platform.Warn})
		}
	}
	return list
}

// sourcesOf answers the queues that a DLQ's messages are redriven to, as far as they are known: that they cannot be
// listed is said where the right to list them is looked at.
func sourcesOf(ctx context.Context, q config.DLQ) []string {
	if q.SourceURL != "" {
		return []string{q.SourceURL}
	}
	ctx, cancel := context.WithTimeout(ctx, checkLimit)
	defer cancel()
	list, err := queue.Sources(ctx, q.URL, q.Region)
	if err != nil {
		return nil
	}
	return list
}

func (a *App) examineQueues(ctx context.Context, s config.Source, e Examination) []platform.Check {
	checks := []platform.Check{a.examineQueue(ctx, "DLQ", a.cfg.Queue.DLQURL)}
	if s.Mode == config.Buffered {
		checks = append(checks, a.examineQueue(ctx, "processing queue", a.cfg.Queue.ProcessingURL))
	}
	for _, d := range a.duties(ctx, e.Role) {
		if d.url != "" {
			checks = append(checks, examinePermissions(ctx, d))
		}
	}
	return checks
}

// examinePermissions asks SQS which actions it denies to the credentials of this command.
func examinePermissions(ctx context.Context, d duty) platform.Check {
	ctx, cancel := context.WithTimeout(ctx, checkLimit)
	defer cancel()
	check := platform.Check{Name: "permissions", State: platform.OK}
	list, err := queue.Permissions(ctx, d.url, d.region, d.actions)
	if err != nil {
		check.State, check.Text = platform.Fail, d.queue+": "+err.Error()
		return check
	}
	var denied []string
	for _, p := range list {
		if p.Err != nil {
			check.State, check.Text = platform.Warn, fmt.Sprintf(
				"%s: it cannot be told whether %s is allowed on %s: %s",
				d.queue,
				p.Action,
				queueName(d.url),
				shortened(p.Err),
			)
			return check
		}
		if p.Denied {
			denied = append(denied, p.Action)
		}
	}
	if len(denied) == 0 {
		check.Text = fmt.Sprintf(
			"%s: SQS denies none of %s on %s",
			d.queue,
			strings.Join(d.actions, ", "),
			queueName(d.url),
		)
		return check
	}
	check.State, check.Text = d.state, fmt.Sprintf(
		"%s: SQS denies %s on %s",
		d.queue,
		strings.Join(denied, ", "),
		queueName(d.url),
	)
	check.Fix = "allow it in the policy of the identity that dlqdesk runs as, and in that of the queue where it is another account's"
	return check
}

func queueName(url string) string { return path.Base(url) }

// longestFault is how much is told of why SQS did not answer, in bytes.
const longestFault = 200

func shortened(err error) string {
	text := err.Error()
	if len(text) > longestFault {
		text = strings.ToValidUTF8(text[:longestFault], "") + "…"
	}
	return text
}

const (
	leastRetention = 4 * 24 * time.Hour
	leastReceives  = 5
)

func (a *App) examineQueue(ctx context.Context, name, url string) platform.Check {
	check := platform.Check{Name: name, State: platform.OK}
	if url == "" {
		check.Text = "embedded in " + a.cfg.DataDir
		return check
	}
	ctx, cancel := context.WithTimeout(ctx, checkLimit)
	defer cancel()
	q, err := queue.NewSQS(ctx, url, a.cfg.Queue.Region)
	if err == nil {
		err = q.Unreached()
	}
	var set queue.Settings
	if err == nil {
		set, err = q.Settings(ctx)
	}
	if err != nil {
		check.State, check.Text = platform.Fail, err.Error()
		return check
	}
	return judge(check, q.Name(), queueName(a.cfg.Queue.DLQURL), set)
}

// judge says what of a queue's settings could lose messages. dlq is the name of the queue whose messages become
// messages.
func judge(check platform.Check, name, dlq string, set queue.Settings) platform.Check {
	check.Text = fmt.Sprintf("%s answers; messages are kept for %s", name, days(set.Retention))
	switch {
	case set.Retention < leastRetention:
		check.State = platform.Warn
		check.Fix = "raise its retention to 14 days: what is not read by then is gone"
	case strings.HasSuffix(set.Redrive, ":"+dlq) && dlq != "" && dlq != name:
		check.Text += fmt.Sprintf(", and what was received %d times becomes a message", set.MaxReceiveCount)
	case set.Redrive != "" && set.MaxReceiveCount < leastReceives:
		check.State = platform.Warn
		check.Text = fmt.Sprintf(
			"%s moves what was received %d times to %s, where dlqdesk does not look",
			name,
			set.MaxReceiveCount,
			set.Redrive,
		)
		check.Fix = fmt.Sprintf("raise maxReceiveCount to %d or more, or remove its RedrivePolicy", leastReceives)
	}
	return check
}

func days(d time.Duration) string {
	if n := int(d / (24 * time.Hour)); n > 1 && d%(24*time.Hour) == 0 {
		return fmt.Sprintf("%d days", n)
	}
	return d.String()
}
