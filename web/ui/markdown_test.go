package ui_test

import (
	"strings"
	"testing"

	"dlqdesk/web/ui"
)

func TestMarkdownOfNotesIsSafe(t *testing.T) {
	t.Parallel()
	const link = `<a class="link" href="%s" target="_blank" rel="noopener noreferrer nofollow">`
	to := func(url string) string { return strings.Replace(link, "%s", url, 1) }
	for _, test := range []struct{ name, text, want string }{
		{"bold and code", "**a** `b`", "<p><strong>a</strong> <code>b</code></p>\n"},
		{"list", "- a\n- b", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>\n"},
		{"lines", "a\nb", "<p>a<br>\nb</p>\n"},
		{"tags are text", "<script>alert(1)</script>", "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>\n"},
		{"a tag within a line", "a <img src=x onerror=b>", "<p>a &lt;img src=x onerror=b&gt;</p>\n"},
		{"code", "```js\n<b>\n```", "<pre tabindex=\"0\"><code>&lt;b&gt;\n</code></pre>\n"},
		{"headings are text", "# a", "<p># a</p>\n"},
		{"link", "[a](https://b.example/?c&d)", "<p>" + to("https://b.example/?c&amp;d") + "a</a></p>\n"},
		{"bare link", "https://b.example", "<p>" + to("https://b.example") + "https://b.example</a></p>\n"},
		{"page of the desk", "[a](/messages/b)", "<p>" + to("/messages/b") + "a</a></p>\n"},
		{"script as a link", "[a](javascript:alert(1))", "<p>a</p>\n"},
		{"other site without a scheme", "[a](//b.example)", "<p>a</p>\n"},
		{"data as a link", "[a](data:text/html,b)", "<p>a</p>\n"},
		{"picture", "![a](https://b.example/p.png)", "<p>" + to("https://b.example/p.png") + "a</a></p>\n"},
		{
			"quotes in a link", `[a](<https://b.example/"onclick="c>)`,
			"<p>" + to("https://b.example/&#34;onclick=&#34;c") + "a</a></p>\n",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			if err := ui.Markdown(test.text).Render(t.Context(), &out); err != nil {
				t.Fatal(err)
			}
			if out.String() != test.want {
				t.Errorf("got  %s\nwant %s", out.String(), test.want)
			}
		})
	}
}
