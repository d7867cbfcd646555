package import Postgres

/// Every statement that this service sends to the read models' tables: what must work with tables before they go live.
package enum ReadStatements {
    package static let all: [Statement] = [
        PostByID.statement, PostBySlug.statement, PostVisibility.statement, UserByID.statement, UsersByName.statement, NewestUsers.statement,
        HourlyViews.statement, DailyViews.statement, NewestPosts.statement, NewestPostsOfAuthor.statement, AllPostsOfAuthor.statement,
        MostViewedPosts.statement, MostViewedPostsOfAuthor.statement, NewestPostsByOffset.statement, NewestPostsOfAuthorByOffset.statement,
        AllPostsOfAuthorByOffset.statement, MostViewedPostsByOffset.statement, MostViewedPostsOfAuthorByOffset.statement,
    ]
}
