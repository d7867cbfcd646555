/// A position, and when it was known to be reached.
struct Sighting: Sendable {
    let position: Int64
    let at: ContinuousClock.Instant
}

extension [Sighting] {
    /// How long after each answer its position was seen here, where positions rise. An answer that was never seen counts up to the last look.
    func latencies(after answers: [Sighting]) -> [Duration] {
        guard let last else { return [] }
        return answers.map { answer in
            let index = partitioningIndex { $0.position >= answer.position }
            return Swift.max(.zero, answer.at.duration(to: index < count ? self[index].at : last.at))
        }
    }

    private func partitioningIndex(where predicate: (Element) -> Bool) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if predicate(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
