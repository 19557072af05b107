package cli

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// column is one column of a table.
type column struct {
	title string
	right bool // numbers
	// min is the width a column may be cut to; 0 is never cut.
	min int
	// prose is cut at its end. A name is in its middle: its end tells it from others, and an
	// address from those at other ports.
	prose bool
	// drop orders the columns that are left out when cutting is not enough,
	// highest first; 0 is never left out.
	drop int
	// silent is a value that says nothing: a column that holds nothing else is the
	// first to go when the table is too wide. One without any text never stands.
	silent string
}

// Titles that stand in several tables.
const (
	titlePool  = "POOL"
	titleRoute = "ROUTE"
	// titleBackend heads addresses.
	titleBackend = "BACKEND"
)

// titleRequests heads the counter of finished exchanges in every table.
const titleRequests = "REQUESTS"

// titleInFlight heads what is in progress.
const titleInFlight = "INFL"

// cell is one value of a table; it is one line of printable text.
type cell struct {
	text  string
	style style
}

// table is drawn on a screen: at most as wide as it, with … where a column is cut.
type table struct {
	columns []column
	rows    [][]cell
}

// row adds one row; it has a cell for each column.
func (t *table) row(cells ...cell) {
	for i := range cells {
		cells[i].text = strings.ReplaceAll(printable(cells[i].text), "\n", " ")
	}
	t.rows = append(t.rows, cells)
}

// c is a plain cell.
func c(text string) cell { return cell{text: text} }

// gap is the number of blanks between two columns.
const gap = 2

// draw writes the table; one without rows writes empty instead.
func (t *table) draw(s *screen, empty string) {
	if len(t.rows) == 0 {
		s.linef("%s", empty)
		return
	}
	widths := t.fit(s.width)
	header := make([]cell, len(t.columns))
	for i, col := range t.columns {
		header[i] = cell{text: col.title, style: bold}
	}
	t.drawRow(s, widths, header)
	for _, cells := range t.rows {
		t.drawRow(s, widths, cells)
	}
}

// fit returns the width of each column, 0 for one that is left out.
func (t *table) fit(width int) []int {
	widths := make([]int, len(t.columns))
	for i, col := range t.columns {
		widths[i] = utf8.RuneCountInString(col.title)
		for _, cells := range t.rows {
			widths[i] = max(widths[i], utf8.RuneCountInString(cells[i].text))
		}
	}
	t.leaveOutSilent(widths, width)
	for {
		floor := make([]int, len(widths))
		for i, w := range widths {
			floor[i] = w
			if w > 0 && t.columns[i].min > 0 {
				floor[i] = min(w, t.columns[i].min)
			}
		}
		if total(floor) <= width {
			break
		}
		if !t.leaveOut(widths) {
			break
		}
	}
	t.shrink(widths, width)
	return widths
}

// leaveOutSilent drops the columns that have no text, and, while the table is too
// wide, those that say the same nothing in each row, the least important first.
func (t *table) leaveOutSilent(widths []int, width int) {
	var silent []int
	for i, col := range t.columns {
		says := func(nothing string) bool {
			return !slices.ContainsFunc(t.rows, func(cells []cell) bool { return cells[i].text != nothing })
		}
		switch {
		case says(""):
			widths[i] = 0
		case col.silent != "" && says(col.silent):
			silent = append(silent, i)
		}
	}
	slices.SortFunc(silent, func(a, b int) int { return t.columns[b].drop - t.columns[a].drop })
	for _, i := range silent {
		if total(widths) > width {
			widths[i] = 0
		}
	}
}

// leaveOut drops the next column, and reports whether there was one.
func (t *table) leaveOut(widths []int) bool {
	next := -1
	for i, col := range t.columns {
		if widths[i] > 0 && col.drop > 0 && (next < 0 || col.drop > t.columns[next].drop) {
			next = i
		}
	}
	if next < 0 {
		return false
	}
	widths[next] = 0
	return true
}

// shrink takes from the widest column that may be cut, one character at a time.
func (t *table) shrink(widths []int, width int) {
	for total(widths) > width {
		widest := -1
		for i, col := range t.columns {
			if col.min > 0 && widths[i] > col.min && (widest < 0 || widths[i] > widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			return
		}
		widths[widest]--
	}
}

// total is the width of a row.
func total(widths []int) int {
	sum, shown := 0, 0
	for _, w := range widths {
		if w > 0 {
			sum += w
			shown++
		}
	}
	return sum + gap*max(shown-1, 0)
}

// drawRow writes one row; what is still too wide ends at the screen's edge.
func (t *table) drawRow(s *screen, widths []int, cells []cell) {
	var sb strings.Builder
	used, pending := 0, 0
	for i, col := range t.columns {
		if widths[i] == 0 {
			continue
		}
		room := min(widths[i], s.width-used-pending)
		if room <= 0 {
			break
		}
		text := cut(cells[i].text, room)
		if !col.prose {
			text = cutMiddle(cells[i].text, room)
		}
		blanks := room - utf8.RuneCountInString(text)
		if col.right {
			pending, blanks = pending+blanks, 0
		}
		if text != "" {
			sb.WriteString(strings.Repeat(" ", pending))
			sb.WriteString(s.paint(text, cells[i].style))
			used += pending + utf8.RuneCountInString(text)
			pending = 0
		}
		pending += blanks + gap
	}
	s.buf.WriteString(sb.String())
	s.buf.WriteByte('\n')
}
