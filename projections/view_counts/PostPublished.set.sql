UPDATE total SET published = true FROM :events AS event WHERE post = event.stream_id
