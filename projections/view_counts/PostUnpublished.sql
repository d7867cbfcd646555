UPDATE total SET published = false WHERE post = :stream_id
