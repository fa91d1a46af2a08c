package api

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/queue"
)

// Queue is a queue of this program with its depth.
type Queue struct {
	Name             string     `json:"name"`
	Holds            string     `json:"holds" doc:"What waits on it, in words."`
	Visible          int        `json:"visible" doc:"Wait to be received."`
	InFlight         int        `json:"inFlight"`
	Delayed          int        `json:"delayed"`
	Oldest           *time.Time `json:"oldest,omitempty" doc:"When its oldest message was sent; absent if it is empty, or does not report it."`
	RetentionSeconds int64      `json:"retentionSeconds,omitempty" doc:"After which it forgets a message; absent: never."`
	UnconfirmedSince *time.Time `json:"unconfirmedSince,omitempty" doc:"Since when it confirms nothing: messages wait on disk."`
	Unreadable       bool       `json:"unreadable" doc:"Its depth could not be read: the numbers are not known."`
	Shared           bool       `json:"shared" doc:"Other receivers may deliver from it."`
	Listable         bool       `json:"listable" doc:"Its messages can be listed."`
}

// QueuedMessage is a message that waits on a queue.
type QueuedMessage struct {
	ID           string     `json:"id" doc:"Of the message that it becomes."`
	Source       string     `json:"source"`
	Reason       string     `json:"reason" doc:"Why its delivery failed."`
	Size         int        `json:"size" doc:"In bytes."`
	TooLarge     bool       `json:"tooLarge" doc:"Only its id is shown."`
	QueuedAt     time.Time  `json:"queuedAt"`
	ReceiveCount int        `json:"receiveCount"`
	HiddenUntil  *time.Time `json:"hiddenUntil,omitempty" doc:"Of one in flight."`
}

func (a *API) queueOperations(described huma.API) {
	huma.Register(described, operation("list-queues", http.MethodGet, "/queues", "Queues",
		"The queues of this program, with how many messages wait"),
		handler(a, func(ctx context.Context, by deadletter.Actor, _ *struct{}) (*pageResponse[Queue], error) {
			views, err := a.Desk.Queues(ctx, by, a.Queues)
			return respondWhole(views, err, queueOf)
		}))
	huma.Register(described, operation("list-queue-messages", http.MethodGet, "/queues/{name}/messages", "Queues",
		"The messages of a queue that is not SQS, oldest first", http.StatusNotFound), handler(a, a.listQueueMessages))
}

func queueOf(v desk.QueueView) Queue {
	q := Queue{
		Name: v.Name, Holds: v.Holds, Visible: v.Now.Visible, InFlight: v.Now.InFlight, Delayed: v.Now.Delayed,
		Oldest: optional(v.Now.Oldest), RetentionSeconds: int64(v.Now.Retention.Seconds()), Unreadable: v.Err != nil,
		Shared: v.Shared, Listable: v.Browse != nil,
	}
	if v.UnconfirmedSince != nil {
		q.UnconfirmedSince = optional(v.UnconfirmedSince())
	}
	return q
}

type queueMessagesInput struct {
	List
	Name     string `path:"name" maxLength:"200"`
	InFlight bool   `query:"inFlight" doc:"Those that were received and not deleted, instead of those that wait."`
}

func (a *API) listQueueMessages(
	ctx context.Context, by deadletter.Actor, in *queueMessagesInput,
) (*pageResponse[QueuedMessage], error) {
	asked := queue.BrowseQuery{InFlight: in.InFlight, Limit: in.Limit + 1}
	if in.Cursor != "" {
		var err error
		if asked.After, err = strconv.ParseInt(in.Cursor, 10, 64); err != nil || asked.After < 0 {
			return nil, deadletter.Errorf(deadletter.Invalid, "the cursor %q is no place in this queue", in.Cursor)
		}
	}
	list, err := a.Desk.QueuedMessages(ctx, by, desk.ListableQueue(a.Queues, in.Name), asked)
	out := PageOf[QueuedMessage]{Items: []QueuedMessage{}}
	if len(list) > in.Limit {
		list = list[:in.Limit]
		out.Next = strconv.FormatInt(list[in.Limit-1].Number, 10)
	}
	for _, m := range list {
		out.Items = append(out.Items, QueuedMessage{
			m.ID, m.Source, m.Reason, m.Size, m.TooLarge, m.SentAt.UTC(), m.ReceiveCount, optional(m.HiddenUntil),
		})
	}
	return &pageResponse[QueuedMessage]{out}, err
}
