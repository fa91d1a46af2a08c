package terminal

import (
	"fmt"
	"strings"
)

// Cell is a text of a table.
type Cell struct {
	Text string
	Tone Tone
}

// Column is a column of a table.
type Column struct {
	Title string
	// Shrinks: its texts may be cut where the table is too wide. The others are of use only as a whole.
	Shrinks bool
	// Spare: it is left out where the others would be cut to a few characters, the last such column first.
	Spare bool
}

const (
	gap       = 2  // columns between two columns
	minShrunk = 8  // the least that a column shrinks to
	readable  = 20 // what a column that shrinks has at least before others are left out
)

// Table prints rows as they come. The first rows decide how wide its columns are. On a terminal that is too narrow for
// them, each row becomes a block: its first cell on a line, and each of the others on a line below it.
type Table struct {
	screen  Screen
	columns []Column
	widths  []int // nil: nothing was printed yet; 0: the column is left out
	blocks  bool
}

// NewTable returns a table without rows.
func (s Screen) NewTable(columns ...Column) *Table { return &Table{screen: s, columns: columns} }

// Write prints rows.
func (t *Table) Write(rows [][]Cell) error {
	if len(rows) == 0 {
		return nil
	}
	for _, row := range rows {
		for i := range row {
			row[i].Text = Safe(row[i].Text)
		}
	}
	var out strings.Builder
	if t.widths == nil {
		if t.fit(rows); !t.blocks {
			titles := make([]Cell, len(t.columns))
			for i, c := range t.columns {
				titles[i] = Cell{c.Title, Faint}
			}
			t.line(&out, titles)
		}
	}
	for _, row := range rows {
		if t.blocks {
			t.block(&out, row)
		} else {
			t.line(&out, row)
		}
	}
	_, err := fmt.Fprint(t.screen.Out, out.String())
	return err
}

// fit decides how wide the columns are.
func (t *Table) fit(rows [][]Cell) {
	t.widths = make([]int, len(t.columns))
	for i, c := range t.columns {
		t.widths[i] = Width(c.Title)
		for _, row := range rows {
			t.widths[i] = max(t.widths[i], Width(row[i].Text))
		}
	}
	if t.screen.Width <= 0 {
		return
	}
	for i := t.spare(); i >= 0 && t.width(readable) > t.screen.Width; i = t.spare() {
		t.widths[i] = 0
	}
	for over := t.width(0) - t.screen.Width; over > 0; over-- {
		i := t.widest()
		if i < 0 {
			t.blocks = true
			return
		}
		t.widths[i]--
	}
}

// width returns how wide a line is if columns that shrink have no more than most; 0: as wide as they are.
func (t *Table) width(most int) int {
	total := -gap
	for i, c := range t.columns {
		switch w := t.widths[i]; {
		case w == 0:
		case c.Shrinks && most > 0:
			total += min(w, most) + gap
		default:
			total += w + gap
		}
	}
	return total
}

// widest returns the widest column that can shrink; -1: there is none.
func (t *Table) widest() int {
	widest := -1
	for i, c := range t.columns {
		if c.Shrinks && t.widths[i] > max(minShrunk, Width(c.Title)) && (widest < 0 || t.widths[i] > t.widths[widest]) {
			widest = i
		}
	}
	return widest
}

// spare returns the last column that can be left out; -1: there is none.
func (t *Table) spare() int {
	for i := len(t.columns) - 1; i >= 0; i-- {
		if t.columns[i].Spare && t.widths[i] > 0 {
			return i
		}
	}
	return -1
}

func (t *Table) line(out *strings.Builder, row []Cell) {
	blank := 0 // columns that the next text is away
	for i, cell := range row {
		if t.widths[i] == 0 {
			continue
		}
		text := cell.Text
		if t.screen.Width > 0 {
			text = Cut(text, t.widths[i])
		}
		if text != "" {
			out.WriteString(strings.Repeat(" ", blank) + t.screen.paint(text, cell.Tone))
			blank = 0
		}
		blank += max(0, t.widths[i]-Width(text)) + gap
	}
	out.WriteByte('\n')
}

func (t *Table) block(out *strings.Builder, row []Cell) {
	for i, cell := range row {
		if cell.Text == "" {
			continue
		}
		head := ""
		if i > 0 {
			head = Cut("  "+strings.ToLower(t.columns[i].Title)+" ", t.screen.Width)
		}
		text := Cut(cell.Text, t.screen.Width-Width(head))
		out.WriteString(t.screen.paint(head, Faint) + t.screen.paint(text, cell.Tone) + "\n")
	}
}
