// Posts over HTTP with fasthttp and pgx: one statement a request.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v4"
	"github.com/jackc/pgx/v4/pgxpool"
	"github.com/valyala/fasthttp"
)

const (
	joins = ` JOIN users.account AS a ON a.id = p.author LEFT JOIN view_counts.total AS t ON t.post = p.id`

	post = `SELECT p.id, p.title, p.slug, p.content, p.published, COALESCE(t.count, 0), a.id, a.username, a.display_name,
		p.created_at, p.updated_at, p.published_at, p.version FROM posts.post AS p` + joins
	postByID   = post + ` WHERE p.id = $1 AND p.published`
	postBySlug = post + ` WHERE p.slug = $1 AND p.published`

	countView  = `WITH viewed AS (UPDATE view_counts.total SET count = count + 1 WHERE published AND post = `
	viewByID   = countView + `$1) ` + postByID
	viewBySlug = countView + `(SELECT id FROM posts.post WHERE slug = $1)) ` + postBySlug

	item = `SELECT (SELECT count FROM posts.published_count), p.id, p.title, p.slug, p.excerpt, p.published, COALESCE(t.count, 0),
		a.id, a.username, a.display_name, p.created_at, p.updated_at, p.published_at, p.version FROM posts.post AS p` + joins
	newestPosts     = item + ` WHERE p.published ORDER BY p.published_at DESC, p.id DESC LIMIT 20`
	mostViewedPosts = item + ` WHERE p.published AND t.published ORDER BY t.count DESC, t.post DESC LIMIT 20`

	insertPost = `INSERT INTO posts.post (id, author, title, slug, content, excerpt, published, created_at, updated_at, version)
		VALUES (gen_random_uuid(), $1, $2, $3, $4, left($4, 200), false, now(), now(), 1) RETURNING id`
)

type Author struct {
	ID          string  `json:"id"`
	Username    *string `json:"username"`
	DisplayName *string `json:"displayName"`
}

type Post struct {
	ID          string  `json:"id"`
	Title       *string `json:"title"`
	Slug        *string `json:"slug"`
	Content     *string `json:"content,omitempty"`
	Excerpt     *string `json:"excerpt,omitempty"`
	Published   bool    `json:"published"`
	ViewCount   int64   `json:"viewCount"`
	Author      Author  `json:"author"`
	CreatedAt   Time    `json:"createdAt"`
	UpdatedAt   Time    `json:"updatedAt"`
	PublishedAt Time    `json:"publishedAt"`
	Version     int     `json:"version"`
}

type Pagination struct {
	Limit int   `json:"limit"`
	Total int64 `json:"total"`
	Page  int   `json:"page"`
	Pages int64 `json:"pages"`
}

// Time is shown in UTC with milliseconds.
type Time time.Time

func (t Time) MarshalJSON() ([]byte, error) {
	return []byte(time.Time(t).UTC().Format(`"2006-01-02T15:04:05.000Z"`)), nil
}

type Server struct {
	pool   *pgxpool.Pool
	author string
}

func main() {
	config, err := pgxpool.ParseConfig(os.Getenv("DATABASE_URL"))
	if err != nil {
		log.Fatal(err)
	}
	config.MaxConns = 32
	pool, err := pgxpool.ConnectConfig(context.Background(), config)
	if err != nil {
		log.Fatal(err)
	}
	server := Server{pool, os.Getenv("AUTHOR")}
	log.Fatal(fasthttp.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), server.handle))
}

func (s *Server) handle(c *fasthttp.RequestCtx) {
	path := string(c.Path())
	const posts, bySlug = "/api/v1/posts", "/api/v1/posts/by-slug/"
	isCounted := string(c.Request.Header.Peek("DNT")) != "1"
	switch {
	case path == "/health":
		reply(c, 200, map[string]string{"status": "ok"})
	case path == posts && c.IsPost():
		s.create(c)
	case path == posts && string(c.QueryArgs().Peek("sort")) == "views":
		s.list(c, mostViewedPosts)
	case path == posts:
		s.list(c, newestPosts)
	case strings.HasPrefix(path, bySlug) && isCounted:
		s.show(c, viewBySlug, path[len(bySlug):])
	case strings.HasPrefix(path, bySlug):
		s.show(c, postBySlug, path[len(bySlug):])
	case strings.HasPrefix(path, posts+"/") && isCounted:
		s.show(c, viewByID, path[len(posts)+1:])
	case strings.HasPrefix(path, posts+"/"):
		s.show(c, postByID, path[len(posts)+1:])
	default:
		c.SetStatusCode(404)
	}
}

func (s *Server) show(c *fasthttp.RequestCtx, query, key string) {
	var p Post
	err := s.pool.QueryRow(c, query, key).Scan(&p.ID, &p.Title, &p.Slug, &p.Content, &p.Published, &p.ViewCount, &p.Author.ID,
		&p.Author.Username, &p.Author.DisplayName, (*time.Time)(&p.CreatedAt), (*time.Time)(&p.UpdatedAt), (*time.Time)(&p.PublishedAt), &p.Version)
	if err == pgx.ErrNoRows {
		c.SetStatusCode(404)
		return
	}
	if err != nil {
		fail(c, err)
		return
	}
	tag := fmt.Sprintf(`W/"%d"`, p.Version)
	c.Response.Header.Set("ETag", tag)
	if string(c.Request.Header.Peek("If-None-Match")) == tag {
		c.SetStatusCode(304)
		return
	}
	reply(c, 200, map[string]Post{"data": p})
}

func (s *Server) list(c *fasthttp.RequestCtx, query string) {
	rows, err := s.pool.Query(c, query)
	if err != nil {
		fail(c, err)
		return
	}
	defer rows.Close()
	var total int64
	found := make([]Post, 0, 20)
	for rows.Next() {
		var p Post
		if err := rows.Scan(&total, &p.ID, &p.Title, &p.Slug, &p.Excerpt, &p.Published, &p.ViewCount, &p.Author.ID, &p.Author.Username,
			&p.Author.DisplayName, (*time.Time)(&p.CreatedAt), (*time.Time)(&p.UpdatedAt), (*time.Time)(&p.PublishedAt), &p.Version); err != nil {
			fail(c, err)
			return
		}
		found = append(found, p)
	}
	if rows.Err() != nil {
		fail(c, rows.Err())
		return
	}
	reply(c, 200, struct {
		Data       []Post     `json:"data"`
		Pagination Pagination `json:"pagination"`
	}{found, Pagination{20, total, 1, (total + 19) / 20}})
}

func (s *Server) create(c *fasthttp.RequestCtx) {
	var body struct{ Title, Content string }
	if json.Unmarshal(c.PostBody(), &body) != nil {
		c.SetStatusCode(400)
		return
	}
	if n := utf8.RuneCountInString(body.Title); n < 1 || n > 255 || body.Content == "" {
		c.SetStatusCode(422)
		return
	}
	var created struct {
		ID      string `json:"id"`
		Slug    string `json:"slug"`
		Version int    `json:"version"`
	}
	created.Slug, created.Version = slug(body.Title), 1
	if err := s.pool.QueryRow(c, insertPost, s.author, body.Title, created.Slug, body.Content).Scan(&created.ID); err != nil {
		fail(c, err)
		return
	}
	c.Response.Header.Set("Location", "/api/v1/posts/"+created.ID)
	c.Response.Header.Set("ETag", `"1"`)
	reply(c, 201, map[string]any{"data": created})
}

// Letters and digits in lower case, one hyphen for everything between them.
func slug(title string) string {
	words := strings.FieldsFunc(strings.ToLower(title), func(r rune) bool { return !('a' <= r && r <= 'z' || '0' <= r && r <= '9') })
	return strings.Join(words, "-")
}

func reply(c *fasthttp.RequestCtx, status int, value any) {
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		fail(c, err)
		return
	}
	c.SetStatusCode(status)
	c.SetContentType("application/json")
	c.SetBody(bytes.TrimSuffix(body.Bytes(), []byte("\n")))
}

func fail(c *fasthttp.RequestCtx, err error) {
	log.Print(err)
	c.Error("Internal Server Error", 500)
}
