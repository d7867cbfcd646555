import EventSourcing

extension EventSchema {
    /// The types of events that take something away for good. What they are about must be gone from every table, kept and parked ones too.
    static let erasing: Set<String> = ["UserClosed", "PostDeleted"]
}
