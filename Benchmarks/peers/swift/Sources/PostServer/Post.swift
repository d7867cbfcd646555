import Hummingbird

struct Post: Encodable {
    struct Author: Encodable {
        let id: String?
        let username: String?
        let displayName: String?

        enum Key: CodingKey { case id, username, displayName }

        /// An author without a name has null there.
        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: Key.self)
            try container.encode(id, forKey: .id)
            try container.encode(username, forKey: .username)
            try container.encode(displayName, forKey: .displayName)
        }
    }

    let id: String?
    let title: String?
    let slug: String?
    var content: String?
    var excerpt: String?
    let published: Bool
    let viewCount: Int
    let author: Author
    let createdAt: String?
    let updatedAt: String?
    let publishedAt: String?
    let version: Int

    init(_ rows: Rows, _ row: Int) {
        id = rows.text(row, 0)
        title = rows.text(row, 1)
        slug = rows.text(row, 2)
        published = rows.text(row, 3) == "t"
        viewCount = rows.integer(row, 4)
        author = Author(id: rows.text(row, 5), username: rows.text(row, 6), displayName: rows.text(row, 7))
        createdAt = rows.text(row, 8)
        updatedAt = rows.text(row, 9)
        publishedAt = rows.text(row, 10)
        version = rows.integer(row, 11)
    }
}

struct Answer<Value: Encodable>: ResponseEncodable {
    let data: Value
}

struct Page: ResponseEncodable {
    struct Pagination: Encodable {
        let limit: Int
        let total: Int
        let page: Int
        let pages: Int
    }

    let data: [Post]
    let pagination: Pagination
}

struct NewPost: Decodable {
    let title: String
    let content: String
}

struct Created: Encodable {
    let id: String?
    let slug: String
    let version: Int
}
