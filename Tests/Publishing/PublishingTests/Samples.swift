import EventSourcing
import FoundationEssentials
import JSON
import Publishing
import Testing

/// The people and texts that the specifications speak of.
enum Sample {
    static let ann = UUID(high: 0x0198_0000_0000_7000, low: 0x8000_0000_0000_00A1)
    static let bob = UUID(high: 0x0198_0000_0000_7000, low: 0x8000_0000_0000_00B2)

    static let asAnn = Actor(id: ann, role: .user)
    static let asBob = Actor(id: bob, role: .user)
    static let asAdmin = Actor(id: bob, role: .admin)

    static let registered = UserEvent.registered(username: .known("ann"), email: .known("ann@example.org"), role: .user)
    static let drafted = PostEvent.drafted(author: ann, title: .known("On Slugs"), slug: .known("on-slugs"), content: .known("Text."))

    static let time = Timestamp(milliseconds: 1_549_166_706_007)

    /// A stored event as a reader gets it.
    static func recorded(
        _ type: String, _ data: JSONObject, version: Int = 1, at recordedAt: Timestamp = time, position: Int64 = 7
    ) -> RecordedEvent {
        RecordedEvent(
            position: position, stream: StreamName("post", ann), version: 1, id: ann, type: type, schemaVersion: version, data: data,
            metadata: EventMetadata(command: bob), recordedAt: recordedAt)
    }

    static func recorded(_ event: NewEvent, at recordedAt: Timestamp = time) -> RecordedEvent {
        recorded(event.type, event.data, version: event.schemaVersion, at: recordedAt)
    }
}

/// Values as literals: a specification reads better with them, and a bad one ends the test.
protocol LiteralText: TextValue, ExpressibleByStringLiteral {}

extension LiteralText {
    init(stringLiteral text: String) {
        // swift-format-ignore: NeverUseForceTry
        self = try! Self(text)
    }
}

extension Title: LiteralText {}
extension Content: LiteralText {}
extension Slug: LiteralText {}
extension Username: LiteralText {}
extension Email: LiteralText {}
extension DisplayName: LiteralText {}
extension Bio: LiteralText {}

/// The fault of a text for a value; nil when there is none.
func violation<Value: TextValue>(_ type: Value.Type, _ text: String) -> String? {
    do throws(TextViolation) {
        _ = try Value(text)
        return nil
    } catch {
        return error.message
    }
}
