//! Posts over HTTP with hyper and tokio-postgres: one statement a request.

use std::{
    convert::Infallible,
    env,
    sync::atomic::{AtomicUsize, Ordering},
    sync::Arc,
};

use chrono::{DateTime, SecondsFormat, Utc};
use hyper::header::{HeaderMap, CONTENT_TYPE, DNT, ETAG, IF_NONE_MATCH, LOCATION};
use hyper::service::{make_service_fn, service_fn};
use hyper::{body, Body, Method, Request, Response, Server, StatusCode};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::json;
use tokio_postgres::{types::ToSql, types::Type, Client, NoTls, Row, Statement};
use uuid::Uuid;

type Failure = Box<dyn std::error::Error + Send + Sync>;

const COLUMNS: &str = "p.id, p.title, p.slug, p.published, COALESCE(t.count, 0), a.id, a.username, a.display_name,
    p.created_at, p.updated_at, p.published_at, p.version";
const TABLES: &str = "posts.post AS p JOIN users.account AS a ON a.id = p.author LEFT JOIN view_counts.total AS t ON t.post = p.id";
const VIEWED: &str = "WITH viewed AS (UPDATE view_counts.total SET count = count + 1 WHERE published AND post = ";
const INSERT: &str = "INSERT INTO posts.post (id, author, title, slug, content, excerpt, published, created_at, updated_at, version)
    VALUES (gen_random_uuid(), $1, $2, $3, $4, left($4, 200), false, now(), now(), 1) RETURNING id";

/// One connection, which many requests use side by side.
struct Database {
    client: Client,
    post_by_id: Statement,
    post_by_slug: Statement,
    view_by_id: Statement,
    view_by_slug: Statement,
    newest_posts: Statement,
    most_viewed_posts: Statement,
    insert_post: Statement,
}

impl Database {
    async fn connect(url: &str) -> Result<Database, Failure> {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
        tokio::spawn(connection);
        let by_id = format!("SELECT {COLUMNS}, p.content FROM {TABLES} WHERE p.id = $1 AND p.published");
        let by_slug = format!("SELECT {COLUMNS}, p.content FROM {TABLES} WHERE p.slug = $1 AND p.published");
        let list = format!("SELECT {COLUMNS}, p.excerpt, (SELECT count FROM posts.published_count) FROM {TABLES} WHERE p.published");
        Ok(Database {
            post_by_id: client.prepare(&by_id).await?,
            post_by_slug: client.prepare(&by_slug).await?,
            view_by_id: client.prepare(&format!("{VIEWED} $1) {by_id}")).await?,
            view_by_slug: client.prepare(&format!("{VIEWED} (SELECT id FROM posts.post WHERE slug = $1)) {by_slug}")).await?,
            newest_posts: client.prepare(&format!("{list} ORDER BY p.published_at DESC, p.id DESC LIMIT 20")).await?,
            most_viewed_posts: client.prepare(&format!("{list} AND t.published ORDER BY t.count DESC, t.post DESC LIMIT 20")).await?,
            insert_post: client.prepare_typed(INSERT, &[Type::UUID, Type::TEXT, Type::TEXT, Type::TEXT]).await?,
            client,
        })
    }
}

struct App {
    databases: Vec<Database>,
    next: AtomicUsize,
    author: Uuid,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Author<'a> {
    id: Uuid,
    username: Option<&'a str>,
    display_name: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Post<'a> {
    id: Uuid,
    title: Option<&'a str>,
    slug: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    excerpt: Option<&'a str>,
    published: bool,
    view_count: i64,
    author: Author<'a>,
    #[serde(serialize_with = "time")]
    created_at: DateTime<Utc>,
    #[serde(serialize_with = "time")]
    updated_at: DateTime<Utc>,
    #[serde(serialize_with = "time")]
    published_at: DateTime<Utc>,
    version: i32,
}

#[derive(Serialize)]
struct Data<T> {
    data: T,
}

#[derive(Serialize)]
struct Page<T> {
    data: T,
    pagination: Pagination,
}

#[derive(Serialize)]
struct Pagination {
    limit: i64,
    total: i64,
    page: i64,
    pages: i64,
}

#[derive(Serialize)]
struct Created<'a> {
    id: Uuid,
    slug: &'a str,
    version: i32,
}

#[derive(Deserialize)]
struct NewPost {
    title: String,
    content: String,
}

fn time<S: Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&time.to_rfc3339_opts(SecondsFormat::Millis, true))
}

impl<'a> Post<'a> {
    fn new(row: &'a Row) -> Post<'a> {
        Post {
            id: row.get(0),
            title: row.get(1),
            slug: row.get(2),
            content: None,
            excerpt: None,
            published: row.get(3),
            view_count: row.get(4),
            author: Author { id: row.get(5), username: row.get(6), display_name: row.get(7) },
            created_at: row.get(8),
            updated_at: row.get(9),
            published_at: row.get(10),
            version: row.get(11),
        }
    }
}

impl App {
    fn database(&self) -> &Database {
        &self.databases[self.next.fetch_add(1, Ordering::Relaxed) % self.databases.len()]
    }

    async fn answer(&self, request: Request<Body>) -> Result<Response<Body>, Failure> {
        let path = request.uri().path();
        let is_counted = request.headers().get(DNT).map_or(true, |value| value != "1");
        if path == "/health" {
            return json(StatusCode::OK, &json!({"status": "ok"}));
        }
        if path == "/api/v1/posts" {
            let by_views = request.uri().query() == Some("sort=views");
            return if request.method() == Method::POST { self.create(request).await } else { self.list(by_views).await };
        }
        let database = self.database();
        if let Some(slug) = path.strip_prefix("/api/v1/posts/by-slug/") {
            let statement = if is_counted { &database.view_by_slug } else { &database.post_by_slug };
            return show(database, statement, &slug, request.headers()).await;
        }
        if let Some(Ok(id)) = path.strip_prefix("/api/v1/posts/").map(Uuid::parse_str) {
            let statement = if is_counted { &database.view_by_id } else { &database.post_by_id };
            return show(database, statement, &id, request.headers()).await;
        }
        empty(StatusCode::NOT_FOUND)
    }

    async fn list(&self, by_views: bool) -> Result<Response<Body>, Failure> {
        let database = self.database();
        let statement = if by_views { &database.most_viewed_posts } else { &database.newest_posts };
        let rows = database.client.query(statement, &[]).await?;
        let total = rows.first().map_or(0, |row| row.get(13));
        let data: Vec<Post> = rows.iter().map(|row| Post { excerpt: row.get(12), ..Post::new(row) }).collect();
        json(StatusCode::OK, &Page { data, pagination: Pagination { limit: 20, total, page: 1, pages: (total + 19) / 20 } })
    }

    async fn create(&self, request: Request<Body>) -> Result<Response<Body>, Failure> {
        let post: NewPost = match serde_json::from_slice(&body::to_bytes(request.into_body()).await?) {
            Ok(post) => post,
            Err(_) => return empty(StatusCode::BAD_REQUEST),
        };
        if !(1..=255).contains(&post.title.chars().count()) || post.content.is_empty() {
            return empty(StatusCode::UNPROCESSABLE_ENTITY);
        }
        let slug = slug(&post.title);
        let database = self.database();
        let row = database.client.query_one(&database.insert_post, &[&self.author, &post.title, &slug, &post.content]).await?;
        let id: Uuid = row.get(0);
        let mut response = json(StatusCode::CREATED, &Data { data: Created { id, slug: &slug, version: 1 } })?;
        response.headers_mut().insert(LOCATION, format!("/api/v1/posts/{id}").parse()?);
        response.headers_mut().insert(ETAG, "\"1\"".parse()?);
        Ok(response)
    }
}

async fn show(database: &Database, statement: &Statement, key: &(dyn ToSql + Sync), headers: &HeaderMap) -> Result<Response<Body>, Failure> {
    let row = match database.client.query_opt(statement, &[key]).await? {
        Some(row) => row,
        None => return empty(StatusCode::NOT_FOUND),
    };
    let post = Post { content: row.get(12), ..Post::new(&row) };
    let tag = format!("W/\"{}\"", post.version);
    let mut response = if headers.get(IF_NONE_MATCH).map_or(false, |value| value == tag.as_str()) {
        empty(StatusCode::NOT_MODIFIED)?
    } else {
        json(StatusCode::OK, &Data { data: post })?
    };
    response.headers_mut().insert(ETAG, tag.parse()?);
    Ok(response)
}

/// Letters and digits in lower case, one hyphen for everything between them.
fn slug(title: &str) -> String {
    let title = title.to_lowercase();
    let words = title.split(|c: char| !c.is_ascii_lowercase() && !c.is_ascii_digit()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("-")
}

fn json(status: StatusCode, value: &impl Serialize) -> Result<Response<Body>, Failure> {
    Ok(Response::builder().status(status).header(CONTENT_TYPE, "application/json").body(serde_json::to_vec(value)?.into())?)
}

fn empty(status: StatusCode) -> Result<Response<Body>, Failure> {
    Ok(Response::builder().status(status).body(Body::empty())?)
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let url = env::var("DATABASE_URL")?;
    let mut databases = Vec::new();
    for _ in 0..32 {
        databases.push(Database::connect(&url).await?);
    }
    let app = Arc::new(App { databases, next: AtomicUsize::new(0), author: env::var("AUTHOR")?.parse()? });
    let service = make_service_fn(|_| {
        let app = app.clone();
        async move {
            Ok::<_, Infallible>(service_fn(move |request| {
                let app = app.clone();
                async move {
                    Ok::<_, Infallible>(app.answer(request).await.unwrap_or_else(|failure| {
                        eprintln!("{failure}");
                        Response::builder().status(500).body(Body::empty()).unwrap()
                    }))
                }
            }))
        }
    });
    Server::bind(&format!("127.0.0.1:{}", env::var("PORT")?).parse()?).tcp_nodelay(true).serve(service).await?;
    Ok(())
}
