package ui

import (
	"bytes"
	"context"
	"fmt"
	"html"
	"io"
	"net/url"
	"slices"

	"github.com/a-h/templ"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer"
	goldhtml "github.com/yuin/goldmark/renderer/html"
	"github.com/yuin/goldmark/util"
)

// markdown reads what people write. It knows no HTML, so that tags are shown as text, and no headings or pictures.
var markdown = goldmark.New(
	goldmark.WithParser(parser.NewParser(
		parser.WithBlockParsers(
			util.Prioritized(parser.NewThematicBreakParser(), 200),
			util.Prioritized(parser.NewListParser(), 300),
			util.Prioritized(parser.NewListItemParser(), 400),
			util.Prioritized(parser.NewCodeBlockParser(), 500),
			util.Prioritized(parser.NewFencedCodeBlockParser(), 700),
			util.Prioritized(parser.NewBlockquoteParser(), 800),
			util.Prioritized(parser.NewParagraphParser(), 1000),
		),
		parser.WithInlineParsers(
			util.Prioritized(parser.NewCodeSpanParser(), 100),
			util.Prioritized(parser.NewLinkParser(), 200),
			util.Prioritized(parser.NewAutoLinkParser(), 300),
			util.Prioritized(parser.NewEmphasisParser(), 500),
		),
		parser.WithParagraphTransformers(parser.DefaultParagraphTransformers()...),
	)),
	goldmark.WithExtensions(extension.Strikethrough, extension.NewLinkify(
		extension.WithLinkifyAllowedProtocols([]string{"https:", "http:"}),
	)),
	goldmark.WithRendererOptions(
		goldhtml.WithHardWraps(), renderer.WithNodeRenderers(util.Prioritized(noteNodes{}, 100)),
	),
)

// Markdown shows a text that a person wrote in Markdown. HTML in it is shown as text, a picture as a link, and links
// leave the desk without telling where from.
func Markdown(text string) templ.Component {
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		var out bytes.Buffer
		if err := markdown.Convert([]byte(text), &out); err != nil {
			return fmt.Errorf("render Markdown: %w", err)
		}
		_, err := out.WriteTo(w)
		return err
	})
}

// noteNodes writes the nodes that leave the desk.
type noteNodes struct{}

// RegisterFuncs names them.
func (noteNodes) RegisterFuncs(r renderer.NodeRendererFuncRegisterer) {
	r.Register(ast.KindLink, func(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
		return writeLink(w, string(n.(*ast.Link).Destination), entering)
	})
	r.Register(ast.KindCodeBlock, writeCode)
	r.Register(ast.KindFencedCodeBlock, writeCode)
	r.Register(ast.KindImage, func(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
		return writeLink(w, string(n.(*ast.Image).Destination), entering)
	})
	r.Register(ast.KindAutoLink, func(w util.BufWriter, src []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		link := n.(*ast.AutoLink)
		if _, err := writeLink(w, string(link.URL(src)), true); err != nil {
			return ast.WalkStop, err
		}
		_, _ = w.WriteString(html.EscapeString(string(link.Label(src))))
		return writeLink(w, string(link.URL(src)), false)
	})
}

// writeCode writes a block of code, which can be scrolled by the keyboard.
func writeCode(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if entering {
		text := html.EscapeString(string(n.Lines().Value(source)))
		_, err := fmt.Fprintf(w, `<pre tabindex="0"><code>%s</code></pre>`+"\n", text)
		return ast.WalkSkipChildren, err
	}
	return ast.WalkContinue, nil
}

// writeLink writes the begin or the end of a link; its text alone where it leads to no page.
func writeLink(w util.BufWriter, to string, entering bool) (ast.WalkStatus, error) {
	if !leadsToPage(to) {
		return ast.WalkContinue, nil
	}
	if !entering {
		_, err := w.WriteString("</a>")
		return ast.WalkContinue, err
	}
	_, err := fmt.Fprintf(
		w, `<a class="link" href="%s" target="_blank" rel="noopener noreferrer nofollow">`, html.EscapeString(to),
	)
	return ast.WalkContinue, err
}

// leadsToPage reports whether an address is a web page, a mailbox, or a page of the desk.
func leadsToPage(to string) bool {
	u, err := url.Parse(to)
	if err != nil {
		return false
	}
	if u.Scheme == "" {
		return u.Host == "" && len(u.Path) > 0 && u.Path[0] == '/'
	}
	return slices.Contains([]string{"https", "http", "mailto"}, u.Scheme)
}
