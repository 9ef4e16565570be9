package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"achuan/internal/config"
)

// sessionsCommand manages the sessions of a running server over its API.
type sessionsCommand struct {
	URL, Key, Config string
	JSON             bool
}

func newSessionsCommand(p *program) *cobra.Command {
	var c sessionsCommand
	list := listSessionsCommand{Limit: defaultSessionLimit}
	command := newCommand("sessions", "List, show, create and delete sessions of a running server.",
		func() error { return list.Run(p, &c) })
	command.Long = command.Short + " Without a command, list the sessions."
	flags := command.PersistentFlags()
	flags.StringVar(&c.URL, "url", "", "Base `URL` of the server (default: http://ADDRESS/v1 with the address of the settings).")
	flags.StringVar(&c.Key, "key", "", "Client `KEY`, or the admin key for the sessions of all callers "+
		"(default: ACHUAN_KEY in the environment, or else the first of ACHUAN_API_KEYS).")
	addConfigFlag(flags, &c.Config)
	flags.BoolVar(&c.JSON, "json", false, "Print the server's answer unchanged, as JSON.")
	command.AddCommand(
		newListSessionsCommand(p, &c), newShowSessionCommand(p, &c),
		newCreateSessionCommand(p, &c), newDeleteSessionCommand(p, &c),
	)
	return command
}

// parseID returns the check of a command with a session's id as its only argument. It sets id.
func parseID(id *int64) cobra.PositionalArgs {
	return cobra.MatchAll(cobra.ExactArgs(1), func(_ *cobra.Command, args []string) error {
		n, err := strconv.ParseInt(args[0], 10, 64)
		if err != nil {
			return fmt.Errorf("ID is %q, want the number of a session", args[0])
		}
		*id = n
		return nil
	})
}

// sessionView is a session in the API's answers.
type sessionView struct {
	ID       int64   `json:"id"`
	Model    string  `json:"model"`
	Created  int64   `json:"created"`
	LastUsed int64   `json:"last_used"`
	Turns    int     `json:"turns"`
	Owner    string  `json:"owner"`
	Name     *string `json:"name"`
	State    string  `json:"state"`
}

const defaultSessionLimit = 20

type listSessionsCommand struct {
	Limit, Offset int
}

func newListSessionsCommand(p *program, flags *sessionsCommand) *cobra.Command {
	var c listSessionsCommand
	command := newCommand("list", "List sessions, the last used first.", func() error { return c.Run(p, flags) })
	command.Flags().IntVar(&c.Limit, "limit", defaultSessionLimit, "How many sessions to list, at most 100")
	command.Flags().IntVar(&c.Offset, "offset", 0, "How many sessions to skip.")
	return command
}

// Run lists sessions.
func (c *listSessionsCommand) Run(p *program, flags *sessionsCommand) error {
	var reply struct {
		Data  []sessionView `json:"data"`
		Total int           `json:"total"`
	}
	query := fmt.Sprintf("/sessions?limit=%d&offset=%d", c.Limit, c.Offset)
	if isPrinted, err := flags.call(p, http.MethodGet, query, nil, &reply); isPrinted || err != nil {
		return err
	}
	table := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tMODEL\tTURNS\tLAST USED\tSTATE\tOWNER\tNAME")
	for _, s := range reply.Data {
		fmt.Fprintf(table, "%d\t%s\t%d\t%s\t%s\t%s\t%s\n", s.ID, s.Model, s.Turns, formatTime(s.LastUsed), s.State, s.Owner, s.name())
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if left := reply.Total - c.Offset - len(reply.Data); left > 0 {
		fmt.Fprintf(p.stdout, "%d more: --offset %d\n", left, c.Offset+len(reply.Data))
	}
	return nil
}

func (s sessionView) name() string {
	if s.Name == nil {
		return "-"
	}
	return *s.Name
}

func formatTime(unix int64) string { return time.Unix(unix, 0).Format(time.DateTime) }

type showSessionCommand struct {
	ID   int64
	Page int
}

func newShowSessionCommand(p *program, flags *sessionsCommand) *cobra.Command {
	var c showSessionCommand
	command := newCommand("show ID", "Show one session and its messages.", func() error { return c.Run(p, flags) })
	command.Args = parseID(&c.ID)
	command.Flags().IntVar(&c.Page, "page", 1, "Page of the messages, the oldest first")
	return command
}

// Run shows a session.
func (c *showSessionCommand) Run(p *program, flags *sessionsCommand) error {
	path := "/sessions/" + strconv.FormatInt(c.ID, 10)
	var s sessionView
	if isPrinted, err := flags.call(p, http.MethodGet, path, nil, &s); err != nil {
		return err
	} else if !isPrinted {
		fmt.Fprintf(p.stdout, "session %d  model %s  turns %d  state %s  owner %s  name %s\ncreated %s  last used %s\n",
			s.ID, s.Model, s.Turns, s.State, s.Owner, s.name(), formatTime(s.Created), formatTime(s.LastUsed))
	}
	var messages struct {
		Data []struct {
			Role, Content string
		} `json:"data"`
		Page, Pages int
	}
	if isPrinted, err := flags.call(p, http.MethodGet, fmt.Sprintf("%s/messages?page=%d", path, c.Page), nil, &messages); isPrinted || err != nil {
		return err
	}
	for _, m := range messages.Data {
		fmt.Fprintf(p.stdout, "\n[%s]\n%s\n", m.Role, m.Content)
	}
	if messages.Page < messages.Pages {
		fmt.Fprintf(p.stdout, "\npage %d of %d: --page %d\n", messages.Page, messages.Pages, messages.Page+1)
	}
	return nil
}

type createSessionCommand struct {
	Model string
}

func newCreateSessionCommand(p *program, flags *sessionsCommand) *cobra.Command {
	var c createSessionCommand
	command := newCommand("create MODEL", "Create a session and print its id.", func() error { return c.Run(p, flags) })
	command.Args = cobra.MatchAll(cobra.ExactArgs(1), func(_ *cobra.Command, args []string) error {
		c.Model = args[0]
		return nil
	})
	return command
}

// Run creates a session.
func (c *createSessionCommand) Run(p *program, flags *sessionsCommand) error {
	body, err := json.Marshal(map[string]string{"model": c.Model})
	if err != nil {
		return err
	}
	var s sessionView
	if isPrinted, err := flags.call(p, http.MethodPost, "/sessions", body, &s); isPrinted || err != nil {
		return err
	}
	fmt.Fprintln(p.stdout, s.ID)
	return nil
}

type deleteSessionCommand struct {
	ID int64
}

func newDeleteSessionCommand(p *program, flags *sessionsCommand) *cobra.Command {
	var c deleteSessionCommand
	command := newCommand("delete ID", "Delete a session. If achuan made it, it is deleted on the platform, too.",
		func() error { return c.Run(p, flags) })
	command.Args = parseID(&c.ID)
	return command
}

// Run deletes a session.
func (c *deleteSessionCommand) Run(p *program, flags *sessionsCommand) error {
	if isPrinted, err := flags.call(p, http.MethodDelete, "/sessions/"+strconv.FormatInt(c.ID, 10), nil, nil); isPrinted || err != nil {
		return err
	}
	fmt.Fprintf(p.stdout, "deleted %d\n", c.ID)
	return nil
}

const (
	sessionsTimeout = 60 * time.Second
	maxSessionReply = 64 << 20 // bytes
)

// call sends a request to the server. With --json it prints the answer and returns isPrinted; otherwise it decodes the
// answer into reply, unless reply is nil.
func (c *sessionsCommand) call(p *program, method, path string, body []byte, reply any) (isPrinted bool, err error) {
	base, key, err := c.findServer(p)
	if err != nil {
		return false, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), sessionsTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, base+path, strings.NewReader(string(body)))
	if err != nil {
		return false, err
	}
	r.Header.Set("Content-Type", "application/json")
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return false, fmt.Errorf("no server answers at %s (is achuan serve running? --url names another): %w", base, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxSessionReply))
	if err != nil {
		return false, err
	}
	if resp.StatusCode != http.StatusOK {
		return false, refusal(resp.Status, text)
	}
	if c.JSON {
		fmt.Fprintf(p.stdout, "%s\n", text)
		return true, nil
	}
	if reply == nil {
		return false, nil
	}
	return false, json.Unmarshal(text, reply)
}

// refusal returns the message of an error body as an error, or the status when there is no message.
func refusal(status string, body []byte) error {
	var reply struct {
		Error struct {
			Message string `json:"message"`
		} `json:"error"`
	}
	if json.Unmarshal(body, &reply) != nil || reply.Error.Message == "" {
		return errors.New(status)
	}
	return errors.New(reply.Error.Message)
}

// checkBaseURL checks the value of a --url flag.
func checkBaseURL(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return &config.Error{Source: "--url", Problem: "want the server's base URL, such as http://127.0.0.1:8000/v1"}
	}
	return nil
}

// findServer returns the server's base URL and a key for it, from the flags or else from the settings.
func (c *sessionsCommand) findServer(p *program) (base, key string, err error) {
	key = cmp.Or(c.Key, p.variable("ACHUAN_KEY"))
	p.secrets = append(p.secrets, key)
	if c.URL != "" {
		if err := checkBaseURL(c.URL); err != nil {
			return "", "", err
		}
		return strings.TrimSuffix(c.URL, "/"), key, nil
	}
	s, err := p.load(config.LoadOptions{ConfigFile: c.Config})
	if err != nil {
		return "", "", err
	}
	p.secrets = append(p.secrets, key)
	if key == "" && len(s.APIKeys) > 0 {
		key = config.ClientKey(s.APIKeys[0])
	}
	return "http://" + config.DialAddress(s.Listen) + "/v1", key, nil
}
