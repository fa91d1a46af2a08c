package gallery

import (
	"slices"
	"strings"
	"time"

	"dlqdesk/web/docs"
	"dlqdesk/web/page"
	"dlqdesk/web/ui"

	"github.com/a-h/templ"
)

// Example is one page in one state.
type Example struct {
	Name      string // of a file: messages-nothing
	Component templ.Component
	Partial   bool // it has no page around it
}

// Examples returns every page in every state, with made-up data.
func Examples() []Example {
	return slices.Concat(
		account(),
		users(), tokens(), device(),
		causes(),
		cause(),
		grouping(),
		overview(),
		queue(),
		messages(),
		message(),
		differences(),
		compare(),
		edit(),
		jobs(),
		recipes(),
		rules(),
		suggestions(),
		alerts(),
		sources(),
		audit(),
		reconciliation(),
		manual(),
		errors(),
	)
}

// The texts that break layouts.
const (
	longWord = "customer_reference_number_that_was_generated_without_a_single_space_in_it" +
		"_and_that_goes_on_for_ever_and_ever_0123456789"
	rtlText = "فشل التحقق من صحة الحقل \"رقم العميل\" في الطلب"
	emoji   = "🚚📦 Paket nicht zustellbar: Größe 「特大」 unbekannt 👩‍👩‍👧‍👦"
	viewer  = "Viewers cannot change messages. Ask an administrator for the operator role."
)

func longReason() string {
	return strings.Repeat("upstream connect error or disconnect/reset before headers; retried and the latest "+
		"reset reason: connection timeout; ", 5)[:500]
}

// ago returns a time before the gallery's noon, or after it if minutes is negative.
func ago(minutes float64) ui.Moment {
	noon := time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC)
	return ui.At(noon.Add(-time.Duration(minutes * float64(time.Minute))))
}

func chrome(title, path string) page.Chrome {
	return page.Chrome{Title: title, Path: path, User: "anna", Role: "operator", FailedCount: "214"}
}

// chromeOf is the frame of a page in a state. Nothing has failed where there is nothing.
func chromeOf(state, title, path string) page.Chrome {
	c := chrome(title, path)
	if strings.HasSuffix(state, "nothing") {
		c.FailedCount = ""
	}
	return c
}

func stranger(title string) page.Chrome { return page.Chrome{Title: title} }

func account() []Example {
	rule := "At least 10 characters. Four random words are better than one with signs in it."
	wait := "Too many tries: wait 40 seconds."
	return []Example{
		{Name: "signin", Component: page.SignIn(page.SignInView{Chrome: stranger("Sign in"), Next: "/messages"})},
		{
			Name: "signin-wrong",
			Component: page.SignIn(
				page.SignInView{Chrome: stranger("Sign in"), Name: "anna", Error: "The name or the password is wrong."},
			),
		},
		{
			Name:      "signin-wait",
			Component: page.SignIn(page.SignInView{Chrome: stranger("Sign in"), Name: "anna", Wait: wait}),
		},
		{Name: "setup", Component: page.Setup(page.SetupView{Chrome: stranger("Set up"), Token: "t0ken", Rule: rule})},
		{Name: "setup-faults", Component: page.Setup(page.SetupView{
			Chrome:        stranger("Set up"),
			Token:         "t0ken",
			Rule:          rule,
			Name:          "a b",
			NameError:     "Use a–z, A–Z, 0–9, dots, dashes and underscores.",
			PasswordError: "This password has 7 characters: use at least 10.",
			ConfirmError:  "The two passwords differ.",
		})},
		{
			Name: "setup-used",
			Component: page.Setup(
				page.SetupView{Chrome: stranger("Set up"), LinkError: "This set-up link was already used."},
			),
		},
		{Name: "account", Component: page.Account(page.AccountView{
			Chrome:     chrome("Account", "/account"),
			May:        []string{"see messages and the audit trail", "replay, edit, archive and restore messages"},
			MayNot:     []string{"manage users"},
			PasswordAt: ago(60 * 24 * 40),
			Sessions:   sessions()[:1],
		})},
		{Name: "account-sessions", Component: page.Account(page.AccountView{
			Chrome:     chrome("Account", "/account"),
			May:        []string{"see messages and the audit trail", "replay, edit, archive and restore messages"},
			MayNot:     []string{"manage users"},
			PasswordAt: ago(60 * 24 * 40),
			Sessions:   sessions(),
			Others:     true,
		})},
		{Name: "account-long-name", Component: page.Account(page.AccountView{
			Chrome: page.Chrome{
				Title:       "Account",
				Path:        "/account",
				User:        longWord,
				Role:        "viewer",
				FailedCount: "1,000+",
				Flash:       ui.Notice{Kind: ui.Done, Text: "The password is changed."},
			},
			May: []string{
				"see messages and the audit trail",
			},
			MayNot: []string{"replay, edit, archive and restore messages", "manage users"},
			Sessions: []page.SessionView{
				{
					ID:       "a",
					Browser:  longWord,
					Addr:     "2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff",
					OpenedAt: ago(9),
					SeenAt:   ago(1),
					Current:  true,
				},
				{
					ID:       "b",
					Browser:  rtlText,
					Addr:     "2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff",
					OpenedAt: ago(900),
					SeenAt:   ago(100),
				},
			},
			Others: true,
		})},
		{Name: "choose", Component: page.PasswordLink(page.PasswordLinkView{
			Chrome: stranger("Choose a password"), Token: "t0ken", Name: "olga", Rule: rule,
		})},
		{Name: "choose-faults", Component: page.PasswordLink(page.PasswordLinkView{
			Chrome:        stranger("Choose a password"),
			Token:         "t0ken",
			Name:          longWord,
			Rule:          rule,
			PasswordError: "This password has 7 characters: use at least 10.",
			ConfirmError:  "The two passwords differ.",
		})},
		{Name: "choose-used", Component: page.PasswordLink(page.PasswordLinkView{
			Chrome:    stranger("Choose a password"),
			LinkError: "This link was used already, was replaced, or has expired: ask an administrator for a new one.",
		})},
		{
			Name: "password",
			Component: page.Password(
				page.PasswordView{Chrome: chrome("Change password", "/account/password"), Rule: rule},
			),
		},
		{Name: "password-faults", Component: page.Password(page.PasswordView{
			Chrome:        chrome("Change password", "/account/password"),
			Rule:          rule,
			CurrentError:  "This is not your current password.",
			PasswordError: "This is one of the most common passwords.",
			ConfirmError:  "The two passwords differ.",
		})},
		{
			Name: "password-wait",
			Component: page.Password(
				page.PasswordView{Chrome: chrome("Change password", "/account/password"), Rule: rule, Wait: wait},
			),
		},
	}
}

func sessions() []page.SessionView {
	return []page.SessionView{
		{ID: "a", Browser: "Firefox on Linux", Addr: "203.0.113.7", OpenedAt: ago(42), SeenAt: ago(1), Current: true},
		{ID: "b", Browser: "Chrome on Android", Addr: "198.51.100.23", OpenedAt: ago(60 * 24 * 2), SeenAt: ago(60 * 3)},
		{ID: "c", Browser: "curl", Addr: "2001:db8::7", OpenedAt: ago(60 * 24 * 4), SeenAt: ago(60 * 11)},
	}
}

func errors() []Example {
	failure := func(status, heading, text string) page.ErrorView {
		return page.ErrorView{
			Chrome:    chrome(heading, ""),
			Status:    status,
			Heading:   heading,
			Text:      text,
			RequestID: "01JQ7W3N9V5T",
		}
	}
	missing := failure(
		"404", "Message not found", "It may have been deleted after its retention time. Check the address.",
	)
	broken := failure("500", "Something went wrong", "Nothing was changed. The log has the details.")
	broken.RetryURL = "/messages"
	return []Example{
		{Name: "error-403", Component: page.Error(failure("403", "Not permitted", viewer))},
		{Name: "error-404", Component: page.Error(missing)},
		{
			Name: "error-409",
			Component: page.Error(
				failure(
					"409", "Changed by someone else",
					"ben archived this message 12 s ago. Your change was not applied.",
				),
			),
		},
		{Name: "error-500", Component: page.Error(broken)},
		{Name: "error-signed-out", Component: page.Error(page.ErrorView{
			Chrome:  stranger("Page not found"),
			Status:  "404",
			Heading: "Page not found",
			Text:    "Check the address.",
			BackURL: "/signin",
		})},
		{Name: "error-notice", Component: page.ErrorNotice(broken), Partial: true},
	}
}

// manual shows every page of the manual, and what a search finds in it.
func manual() []Example {
	var list []Example
	for _, p := range docs.Pages() {
		v := page.DocsView{Chrome: chrome(p.Title, p.URL()), Page: p}
		list = append(list, Example{Name: "docs-" + p.Name, Component: page.Docs(v)})
	}
	index, _ := docs.Find(docs.Index)
	found := page.DocsView{
		Chrome: chrome("Manual", docs.Path), Page: index, Query: "retry", Hits: docs.Search("retry", 10),
	}
	nothing := page.DocsView{Chrome: chrome("Manual", docs.Path), Page: index, Query: longWord}
	return append(list, Example{Name: "docs-found", Component: page.Docs(found)}, Example{
		Name: "docs-found-nothing", Component: page.Docs(nothing),
	}, Example{Name: "docs-api-messages", Component: page.APIReference(apiReference())})
}

// apiReference is a page of operations, one of them with as much as there can be.
func apiReference() page.APIReferenceView {
	v := page.APIReferenceView{Tag: "Messages", DeskURL: "https://desk.example.com"}
	v.Page, _ = docs.Find("api")
	v.Chrome = chrome("API: Messages", page.APIPath+"/messages")
	v.Tags = []page.APITag{{Name: "Causes", Slug: "causes"}, {Name: "Messages", Slug: "messages", Current: true}}
	problems := []page.APIProblem{
		{Status: "404", Names: []string{"not-found"}},
		{Status: "409", Names: []string{"conflict", "needs-confirmation"}},
	}
	v.Operations = []page.APIOperation{
		{
			ID: "get-message", Method: "GET", Path: "/messages/{id}", Summary: "One message", Sample: "curl $URL",
			Answers: []page.APIAnswer{{Status: "204", Text: "No Content"}}, Problems: problems,
		},
		{
			ID:          "long",
			Method:      "POST",
			Path:        "/" + longWord + "/{id}",
			Summary:     longReason(),
			Problems:    problems,
			Description: "A `field` and " + longReason(),
			Sample:      "curl --fail-with-body -X POST " + longWord + longWord,
			Parameters:  []page.APIField{{Name: "id", Place: "path", Type: "text", Required: true}},
			Body: []page.APIField{{
				Name: longWord, Type: "list of text", Text: longReason(), Values: []string{"failed", longWord},
				Default: longWord, Example: longWord,
			}},
			Answers: []page.APIAnswer{
				{
					Status: "200",
					Text:   "OK",
					Type:   "application/json",
					Fields: []page.APIField{
						{Name: "items[].id", Type: "text", Required: true},
						{Name: "next", Type: "text"},
					},
				},
			},
		},
	}
	return v
}
