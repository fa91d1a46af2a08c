package docs

import (
	"bytes"
	"fmt"
	"html"
	"path"
	"strings"
	"unicode"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	east "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"

	"dlqdesk/web"
)

// markdown writes no HTML that stands in a file, and no style attribute, which the content security policy forbids.
func markdown() goldmark.Markdown {
	return goldmark.New(
		goldmark.WithExtensions(
			extension.NewTable(extension.WithTableCellAlignMethod(extension.TableCellAlignNone)),
		),
		goldmark.WithParserOptions(parser.WithAutoHeadingID()),
		goldmark.WithRendererOptions(renderer.WithNodeRenderers(util.Prioritized(nodes{}, 1))),
	)
}

// render returns a page, and the names of the pages that it links to, in order.
func render(name string, source []byte) (Page, []string) {
	md := markdown()
	ctx := parser.NewContext(parser.WithIDs(&anchors{used: map[string]int{}}))
	doc := md.Parser().Parse(text.NewReader(source), parser.WithContext(ctx))
	links := relink(doc)
	var out bytes.Buffer
	if err := md.Renderer().Render(&out, source, doc); err != nil {
		return Page{Name: name, Title: name}, nil // a buffer takes whatever it is given
	}
	p := Page{Name: name, HTML: out.String(), Sections: sections(doc, source)}
	if len(p.Sections) > 0 {
		p.Title = p.Sections[0].Heading
	}
	return p, links
}

// relink turns links between files, sqs.md#cost, into links of the desk, /docs/sqs#cost.
func relink(doc ast.Node) []string {
	var names []string
	_ = ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		link, ok := n.(*ast.Link)
		if !ok || !entering {
			return ast.WalkContinue, nil
		}
		file, anchor, _ := strings.Cut(string(link.Destination), "#")
		name, isPage := strings.CutSuffix(file, ".md")
		if !isPage || strings.Contains(name, "/") {
			return ast.WalkContinue, nil
		}
		names = append(names, name)
		to := pageURL(name)
		if anchor != "" {
			to += "#" + anchor
		}
		link.Destination = []byte(to)
		return ast.WalkContinue, nil
	})
	return names
}

// sections returns the headings of a page with the plain text below each.
func sections(doc ast.Node, source []byte) []Section {
	var list []Section
	for block := doc.FirstChild(); block != nil; block = block.NextSibling() {
		if heading, ok := block.(*ast.Heading); ok {
			s := Section{Heading: plain(heading, source), Level: heading.Level}
			if id, ok := heading.AttributeString("id"); ok && heading.Level > 1 {
				s.Anchor = string(id.([]byte))
			}
			list = append(list, s)
			continue
		}
		if len(list) > 0 {
			last := &list[len(list)-1]
			last.Text = strings.TrimSpace(last.Text + " " + plain(block, source))
		}
	}
	return list
}

// plain returns the text of a node in one line.
func plain(n ast.Node, source []byte) string {
	var b strings.Builder
	_ = ast.Walk(n, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		switch n := n.(type) {
		case *ast.Text:
			if entering {
				b.Write(n.Segment.Value(source))
				if n.SoftLineBreak() || n.HardLineBreak() {
					b.WriteByte(' ')
				}
			}
		case *ast.FencedCodeBlock:
			if entering {
				b.Write(n.Lines().Value(source))
			}
		case *ast.ListItem, *east.TableCell, *ast.Paragraph:
			b.WriteByte(' ')
		}
		return ast.WalkContinue, nil
	})
	return strings.Join(strings.Fields(b.String()), " ")
}

// anchors makes the ids of headings as GitHub does, so that a link works in the repository and in the desk.
type anchors struct{ used map[string]int }

// Generate returns the id of a heading.
func (a *anchors) Generate(value []byte, _ ast.NodeKind) []byte {
	id := strings.Map(func(r rune) rune {
		switch {
		case unicode.IsLetter(r) || unicode.IsDigit(r) || r == '-' || r == '_': // words:ok, of the alphabet
			return unicode.ToLower(r)
		case r == ' ':
			return '-'
		}
		return -1
	}, strings.TrimSpace(string(value)))
	n := a.used[id]
	a.used[id]++
	if n > 0 {
		id = fmt.Sprintf("%s-%d", id, n)
	}
	return []byte(id)
}

// Put notes an id that a heading has already.
func (a *anchors) Put(value []byte) { a.used[string(value)]++ }

// nodes writes the nodes that the desk shows in a way of its own.
type nodes struct{}

// RegisterFuncs names them.
func (nodes) RegisterFuncs(r renderer.NodeRendererFuncRegisterer) {
	r.Register(ast.KindHeading, heading)
	r.Register(ast.KindImage, image)
	r.Register(ast.KindCodeBlock, code)
	r.Register(ast.KindFencedCodeBlock, code)
	r.Register(east.KindTable, table)
}

func heading(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	h := n.(*ast.Heading)
	id, _ := h.AttributeString("id")
	if entering {
		fmt.Fprintf(w, `<h%d id="%s">`, h.Level, id)
		return ast.WalkContinue, nil
	}
	if h.Level > 1 {
		fmt.Fprintf(w, ` <a class="manual-anchor" href="#%s" aria-label="Link to this section">#</a>`, id)
	}
	fmt.Fprintf(w, "</h%d>\n", h.Level)
	return ast.WalkContinue, nil
}

// code can be scrolled by the keyboard.
func code(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if entering {
		lines := n.Lines().Value(source)
		fmt.Fprintf(w, `<pre tabindex="0"><code>%s</code></pre>`+"\n", html.EscapeString(string(lines)))
	}
	return ast.WalkSkipChildren, nil
}

// table can be scrolled within its width.
func table(w util.BufWriter, _ []byte, _ ast.Node, entering bool) (ast.WalkStatus, error) {
	if entering {
		_, _ = w.WriteString(`<div class="manual-scroll" tabindex="0" role="region" aria-label="Table"><table>` + "\n")
	} else {
		_, _ = w.WriteString("</table></div>\n")
	}
	return ast.WalkContinue, nil
}

// image shows a picture from the assets, and puts a drawing into the page, so that it has the page's colours. A drawing
// that stands alone, as GitHub shows it, brings its own in a style element, which the page must not have.
func image(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		return ast.WalkContinue, nil
	}
	img := n.(*ast.Image)
	to := string(img.Destination)
	alt := html.EscapeString(plain(img, source))
	if drawing, err := files.ReadFile(path.Clean(to)); err == nil {
		before, rest, _ := strings.Cut(string(drawing), "<style>")
		_, after, _ := strings.Cut(rest, "</style>")
		svg := strings.Replace(before+after, "<svg ", `<svg role="img" aria-label="`+alt+`" `, 1)
		fmt.Fprintf(w, `<span class="manual-drawing" tabindex="0">%s</span>`, strings.TrimSpace(svg))
		return ast.WalkSkipChildren, nil
	}
	fmt.Fprintf(w, `<img src="%s" alt="%s" loading="lazy">`, util.EscapeHTML([]byte(web.URL(path.Base(to)))), alt)
	return ast.WalkSkipChildren, nil
}
