package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/ctl/client"
)

// topPause is between two looks at least.
const topPause = 100 * time.Millisecond

func (a *app) topCommand() *cobra.Command {
	every := time.Second
	cmd := &cobra.Command{
		Use: "top", Short: "Shows routes, pools, backends and clients live", Args: arguments(cobra.NoArgs),
		Long: "Shows routes, pools, backends and clients live, with what came since the look before. P50 and P99 need the metrics.\n" +
			"Keys: 1-4 or tab choose a table, s sorts by the next column, r reverses, up and down choose a row;\n" +
			"on a backend d drains, e enables, after a question; p pauses, q ends.",
		Example: "  isame-ctl top --every 2s",
	}
	cmd.Flags().DurationVar(&every, "every", every, "time between two looks")
	complete(cmd, "every", cobra.NoFileCompletions)
	cmd.RunE = func(c *cobra.Command, args []string) error {
		if every < topPause {
			return usage(c, fmt.Errorf("every %s: want at least %s", every, topPause))
		}
		if a.all {
			return usage(c, errors.New("top shows one instance: choose it with --context"))
		}
		out, ok := a.env.Stdout.(*os.File)
		if !ok || !term.IsTerminal(int(out.Fd())) {
			return usage(c, errors.New("top needs a terminal: isame-ctl status and backends list write to files, too"))
		}
		return a.call(func(ctx context.Context, cl *client.Client, _ []string) error {
			first, err := takeLook(ctx, cl)
			if err != nil {
				return err
			}
			m := newTop(ctx, cl, first, every)
			m.colour = newScreen(&a.env).colour
			end, err := tea.NewProgram(m, tea.WithContext(ctx), tea.WithInput(a.env.Stdin), tea.WithOutput(out),
				tea.WithEnvironment(a.env.Environ)).Run()
			if err != nil && !errors.Is(err, tea.ErrInterrupted) {
				return fmt.Errorf("cannot show top: %w", err)
			}
			if shown, ok := end.(*top); ok && shown.err != nil {
				return shown.err
			}
			return nil
		})(c, args)
	}
	return cmd
}

// top is the state of the screen. bubbletea calls its methods one after the other.
type top struct {
	ctx   context.Context //nolint:containedctx // of the program, whose commands have none
	cl    *client.Client
	every time.Duration
	tabs  []topTab

	was, now *look
	err      error // of the last look; what was seen before stays
	tab      int
	sort     []int // by tab
	back     []bool
	row      int
	rows     []topRow // as shown
	asks     *topQuestion
	notice   string
	paused   bool
	colour   bool
	width    int
	height   int
}

// topQuestion is asked before something is changed.
type topQuestion struct {
	at    place
	state string
	text  string
}

// Messages of top.
type (
	topTick   struct{}
	topLooked struct {
		look *look
		err  error
	}
	topChanged struct{ text string }
)

func newTop(ctx context.Context, cl *client.Client, first *look, every time.Duration) *top {
	m := &top{ctx: ctx, cl: cl, every: every, tabs: topTabs(), was: first, now: first, width: fallbackWidth, height: 24}
	m.sort, m.back = make([]int, len(m.tabs)), make([]bool, len(m.tabs))
	m.sort[0] = 1 // busy routes first
	m.arrange()
	return m
}

// Init begins to look.
func (m *top) Init() tea.Cmd { return m.tick() }

func (m *top) tick() tea.Cmd {
	return tea.Tick(m.every, func(time.Time) tea.Msg { return topTick{} })
}

func (m *top) look() tea.Msg { //nolint:ireturn // as bubbletea wants it
	l, err := takeLook(m.ctx, m.cl)
	return topLooked{l, err}
}

// Update takes one message.
func (m *top) Update(msg tea.Msg) (tea.Model, tea.Cmd) { //nolint:ireturn // likewise
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
	case topTick:
		if m.paused {
			next := m.tick()
			return m, next
		}
		return m, m.look
	case topLooked:
		if m.err = msg.err; msg.err == nil {
			m.was, m.now = m.now, msg.look
			m.arrange()
		}
		next := m.tick()
		return m, next
	case topChanged:
		m.notice = msg.text
		return m, nil
	case tea.KeyPressMsg:
		next := m.key(msg.String())
		return m, next
	}
	return m, nil
}

// key is what a key does.
func (m *top) key(name string) tea.Cmd {
	if m.asks != nil {
		return m.answer(name)
	}
	m.notice = ""
	switch name {
	case "q", "esc", "ctrl+c":
		return tea.Quit
	case "tab", "right", "l":
		m.choose((m.tab + 1) % len(m.tabs))
	case "shift+tab", "left", "h":
		m.choose((m.tab + len(m.tabs) - 1) % len(m.tabs))
	case "1", "2", "3", "4":
		m.choose(int(name[0] - '1'))
	case "s":
		m.sort[m.tab] = (m.sort[m.tab] + 1) % len(m.tabs[m.tab].columns)
		m.arrange()
	case "r":
		m.back[m.tab] = !m.back[m.tab]
		m.arrange()
	case "up", "k":
		m.row = max(m.row-1, 0)
	case "down", "j":
		m.row = min(m.row+1, max(len(m.rows)-1, 0))
	case "p":
		m.paused = !m.paused
	case "d":
		m.ask("drain", api.BackendDrain)
	case "e":
		m.ask("enable", api.BackendEnabled)
	}
	return nil
}

func (m *top) choose(tab int) {
	m.tab, m.row = tab, 0
	m.arrange()
}

// arrange makes the rows anew, the chosen one stays.
func (m *top) arrange() {
	var chosen place
	if m.row < len(m.rows) {
		chosen = m.rows[m.row].at
	}
	m.rows = m.tabs[m.tab].rows(m.was, m.now, nil)
	sortRows(m.rows, m.sort[m.tab], m.back[m.tab])
	for i := range m.rows {
		if chosen != (place{}) && m.rows[i].at == chosen {
			m.row = i
		}
	}
	m.row = max(0, min(m.row, len(m.rows)-1))
}

// ask puts the question; the answer is the next key.
func (m *top) ask(verb, state string) {
	if m.row >= len(m.rows) || m.rows[m.row].at == (place{}) {
		m.notice = "choose a backend first: key 3"
		return
	}
	at := m.rows[m.row].at
	m.asks = &topQuestion{at: at, state: state, text: fmt.Sprintf("%s %s of pool %s? y/n", verb, at.address, at.pool)}
}

func (m *top) answer(key string) tea.Cmd {
	q := m.asks
	m.asks = nil
	if key != "y" && key != "Y" {
		m.notice = "nothing was changed"
		return nil
	}
	return func() tea.Msg {
		b, err := m.cl.PatchBackend(m.ctx, q.at.pool, q.at.address, api.BackendPatch{State: &q.state})
		if err != nil {
			return topChanged{err.Error()}
		}
		return topChanged{fmt.Sprintf("%s of pool %s: %s", b.Address, q.at.pool, b.State)}
	}
}

// View is the whole screen.
func (m *top) View() tea.View {
	s := &screen{width: m.width, colour: m.colour, now: m.now.at}
	m.heading(s)
	m.body(s)
	text := strings.TrimSuffix(s.buf.String(), "\n")
	if lines := strings.Count(text, "\n") + 1; lines < m.height-1 {
		text += strings.Repeat("\n", m.height-1-lines)
	}
	v := tea.NewView(text + "\n" + cut(printable(m.footing()), m.width))
	v.AltScreen = true
	v.WindowTitle = "isame-ctl top"
	return v
}

func (m *top) heading(s *screen) {
	st := &m.now.status
	up := short(max(time.Second, time.Duration(st.UptimeSeconds*float64(time.Second))))
	s.linef("%s %s  %s, up %s, generation %d", st.Name, st.Version, st.State, up, st.Generation)
	rate := perSecond(float64(m.was.status.RequestsTotal), float64(st.RequestsTotal), m.now.at.Sub(m.was.at))
	s.linef("%s connections, %s requests/s, %s in all", count(st.Connections), rateText(rate), count(st.RequestsTotal))
	names := make([]string, 0, len(m.tabs))
	for i := range m.tabs {
		name := fmt.Sprintf("%d %s", i+1, m.tabs[i].name)
		if i == m.tab {
			name = "[" + name + "]"
		}
		names = append(names, name)
	}
	by := m.tabs[m.tab].columns[m.sort[m.tab]].title
	s.linef("%s   by %s", strings.Join(names, "  "), by)
	s.blank()
}

// linesAround are those of heading, table head, message and footing.
const linesAround = 4 + 1 + 2

// body is the part of the table that has the chosen row.
func (m *top) body(s *screen) {
	t := table{columns: append([]column{{title: " "}}, m.tabs[m.tab].columns...)}
	shown := max(1, m.height-linesAround)
	from := max(0, min(m.row-shown/2, len(m.rows)-shown))
	for i, r := range m.rows[from:min(len(m.rows), from+shown)] {
		mark := cell{" ", plain}
		if from+i == m.row {
			mark = cell{">", bold}
		}
		t.row(append([]cell{mark}, r.cells...)...)
	}
	t.draw(s, "nothing to show")
}

// footing is a question, what has become of the last one, or the keys.
func (m *top) footing() string {
	switch {
	case m.asks != nil:
		return m.asks.text
	case m.err != nil:
		return "not answered since " + m.now.at.Format(time.TimeOnly) + ": " + m.err.Error()
	case m.notice != "":
		return m.notice
	case m.paused:
		return "paused: p goes on"
	}
	return "tab table  s sort  r reverse  d drain  e enable  p pause  q quit"
}
