CREATE INDEX total_most_viewed ON total (count DESC, post DESC) WHERE published;
