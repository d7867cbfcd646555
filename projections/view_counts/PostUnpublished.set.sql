UPDATE total SET published = false FROM :events AS event WHERE post = event.stream_id
