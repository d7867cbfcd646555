UPDATE total SET published = true WHERE post = :stream_id
