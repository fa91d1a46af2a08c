package doctor

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

// usage lists the actions of a role on a queue.
type usage struct {
	queue, url, region string
	actions            []string
	ifDenied           platform.State
}

// usages returns the actions of a role on the queues of the configuration: the table in the documentation.
func usages(ctx context.Context, cfg config.Config, role Role) []usage {
	reading := []string{
		queue.ActionGetAttributes, queue.ActionReceive, queue.ActionDelete, queue.ActionChangeVisibility,
	}
	readAndSend := append(slices.Clone(reading), queue.ActionSend)
	own := cfg.Queue
	dlq := usage{"DLQ", own.DLQURL, own.Region, []string{queue.ActionGetAttributes, queue.ActionSend}, platform.Fail}
	if role != Receive {
		dlq.actions = readAndSend
	}
	list := []usage{dlq, {"processing queue", own.ProcessingURL, own.Region, readAndSend, platform.Fail}}
	if role == Receive {
		return list
	}
	for _, q := range cfg.Queues {
		name := "queues." + q.Name
		read := usage{name, q.URL, q.Region, slices.Clone(reading), platform.Fail}
		if q.SourceQueueURL == "" {
			read.actions = append(read.actions, queue.ActionListSources)
		}
		list = append(list, read)
		for _, source := range sourceQueues(ctx, q) {
			list = append(
				list, usage{"redrive from " + name, source, q.Region, []string{queue.ActionSend}, platform.Warn},
			)
		}
	}
	return list
}

// sourceQueues returns the queues that a DLQ's messages are redriven to, as far as they are known. If they cannot be
// listed, the check of MayListSources reports it.
func sourceQueues(ctx context.Context, q config.DLQ) []string {
	if q.SourceQueueURL != "" {
		return []string{q.SourceQueueURL}
	}
	ctx, cancel := context.WithTimeout(ctx, checkLimit)
	defer cancel()
	list, err := queue.SourceQueues(ctx, q.URL, q.Region)
	if err != nil {
		return nil
	}
	return list
}

func (e *examination) checkQueues(ctx context.Context) []platform.Check {
	checks := []platform.Check{e.checkQueue(ctx, "DLQ", e.cfg.Queue.DLQURL)}
	if e.source.Mode == config.Buffered {
		checks = append(checks, e.checkQueue(ctx, "processing queue", e.cfg.Queue.ProcessingURL))
	}
	for _, u := range usages(ctx, e.cfg, e.Role) {
		if u.url != "" {
			checks = append(checks, u.check(ctx))
		}
	}
	return checks
}

// check tries which actions SQS denies to the credentials of this process.
func (u usage) check(ctx context.Context) platform.Check {
	ctx, cancel := context.WithTimeout(ctx, checkLimit)
	defer cancel()
	check := platform.Check{Name: "permissions", State: platform.OK}
	list, err := queue.CheckPermissions(ctx, u.url, u.region, u.actions)
	if err != nil {
		check.State, check.Text = platform.Fail, u.queue+": "+err.Error()
		return check
	}
	name := queueName(u.url)
	var denied []string
	for _, p := range list {
		if p.Err != nil {
			const unknown = "%s: not known whether %s is allowed on %s: %s"
			check.State, check.Text = platform.Warn, fmt.Sprintf(unknown, u.queue, p.Action, name, shortened(p.Err))
			return check
		}
		if p.Denied {
			denied = append(denied, p.Action)
		}
	}
	if len(denied) == 0 {
		check.Text = fmt.Sprintf("%s: SQS denies none of %s on %s", u.queue, strings.Join(u.actions, ", "), name)
		return check
	}
	check.State = u.ifDenied
	check.Text = fmt.Sprintf("%s: SQS denies %s on %s", u.queue, strings.Join(denied, ", "), name)
	check.Fix = "allow it in the policy of the identity that dlqdesk runs as, " +
		"and in that of the queue if it belongs to another account"
	return check
}

func queueName(url string) string { return path.Base(url) }

// maxErrorText bounds the part of an error of SQS that is shown, in bytes.
const maxErrorText = 200

func shortened(err error) string {
	text := err.Error()
	if len(text) > maxErrorText {
		text = strings.ToValidUTF8(text[:maxErrorText], "") + "…"
	}
	return text
}

// Below these settings a queue may lose messages.
const (
	minRetention = 4 * 24 * time.Hour
	minReceives  = 5
)

func (e *examination) checkQueue(ctx context.Context, name, url string) platform.Check {
	check := platform.Check{Name: name, State: platform.OK}
	if url == "" {
		check.Text = "embedded in " + e.cfg.DataDir
		return check
	}
	ctx, cancel := context.WithTimeout(ctx, checkLimit)
	defer cancel()
	q, err := queue.NewSQS(ctx, url, e.cfg.Queue.Region)
	if err == nil {
		err = q.StartError()
	}
	var settings queue.Settings
	if err == nil {
		settings, err = q.Settings(ctx)
	}
	if err != nil {
		check.State, check.Text = platform.Fail, err.Error()
		return check
	}
	return judgeSettings(check, q.Name(), queueName(e.cfg.Queue.DLQURL), settings)
}

// judgeSettings completes the check of a queue by which of its settings could lose messages. dlq is the name of the
// queue that dlqdesk reads.
func judgeSettings(check platform.Check, name, dlq string, s queue.Settings) platform.Check {
	check.Text = fmt.Sprintf("%s responds; it keeps messages for %s", name, days(s.Retention))
	switch {
	case s.Retention < minRetention:
		check.State = platform.Warn
		check.Fix = "raise its retention to 14 days: a message that is not read by then is gone"
	case strings.HasSuffix(s.Redrive, ":"+dlq) && dlq != "" && dlq != name:
		check.Text += fmt.Sprintf(", and moves to the DLQ what was received %d times", s.MaxReceiveCount)
	case s.Redrive != "" && s.MaxReceiveCount < minReceives:
		check.State = platform.Warn
		check.Text = fmt.Sprintf("%s moves what was received %d times to %s, which dlqdesk does not read",
			name, s.MaxReceiveCount, s.Redrive)
		check.Fix = fmt.Sprintf("raise maxReceiveCount to %d or more, or remove its RedrivePolicy", minReceives)
	}
	return check
}

func days(d time.Duration) string {
	if n := int(d / (24 * time.Hour)); n > 1 && d%(24*time.Hour) == 0 {
		return fmt.Sprintf("%d days", n)
	}
	return d.String()
}
